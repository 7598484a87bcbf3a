"""What fails a target beside what it says itself: time, and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import watching
from tests.fuzz.watching import Figures, Watched


class Clock:
    """Stands for the module `time`: a target lets its seconds pass."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def perf_counter(self) -> float:
        return self.seconds

    process_time = perf_counter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watching, "time", clock)
    return clock


def test_an_input_that_always_takes_long_breaks_a_target(clock: Clock, tmp_path: Path) -> None:
    def slow(data: bytes) -> None:
        clock.seconds += len(data) * 0.01

    watched = Watched(slow, tmp_path / "figures", 100)
    watched(b"12345")
    watched(b"123456789")
    assert Figures.read(tmp_path / "figures").longest == pytest.approx(0.09)
    with pytest.raises(AssertionError, match=r"takes 0.110 s"):
        watched(b"12345678901")


def test_a_machine_that_stalls_does_not(clock: Clock, tmp_path: Path) -> None:
    stalls = [5.0, 0.02, 0.01, 0.03]

    def stalled(data: bytes) -> None:
        clock.seconds += stalls.pop(0)

    Watched(stalled, tmp_path / "figures", 100)(b"")
    assert not stalls and Figures.read(tmp_path / "figures").longest == pytest.approx(0.01)


def test_memory_that_grows_breaks_a_target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    looks = iter([100, 100 + watching.GROWTH - 1, 100 + watching.GROWTH])
    monkeypatch.setattr(watching, "_resident", lambda: next(looks))
    watched = Watched(lambda data: None, tmp_path / "figures", 30)
    for _ in range(8):  # a look each third run
        watched(b"")
    assert Figures.read(tmp_path / "figures").grown == watching.GROWTH - 1
    with pytest.raises(AssertionError, match="more are held"):
        watched(b"")


def test_a_process_that_did_not_come_so_far_has_no_figures(tmp_path: Path) -> None:
    assert Figures.read(tmp_path / "figures") == (0.0, 0)
