from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from netchat.net import rlimit


def test_the_soft_limit_becomes_the_hard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(256, 4_096)]
    monkeypatch.setattr(resource, "getrlimit", lambda which: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda which, pair: limits.append(pair))
    assert rlimit.raise_file_limit() == 4_096


def test_an_infinite_limit_is_a_number_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    infinite = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda which: (infinite, infinite))
    assert rlimit.raise_file_limit() == rlimit.MOST_FILES


def test_a_refusal_leaves_things_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(which: int, pair: tuple[int, int]) -> None:
        raise PermissionError

    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, 4_096))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert rlimit.raise_file_limit() == 256


def table_size() -> int:
    """Of our files: how many the kernel has room for (proc_pid_status(5), FDSize)."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("FDSize"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone says how many")
def test_there_is_room_for_all_files_and_none_of_them_stays_open() -> None:
    limit = rlimit.raise_file_limit()
    before = len(os.listdir("/proc/self/fd"))
    rlimit.make_room(limit)
    assert table_size() >= min(limit, rlimit.MOST_ROOM)
    assert len(os.listdir("/proc/self/fd")) == before


def test_no_room_for_more_than_is_permitted_does_no_harm() -> None:
    rlimit.make_room(2**31)
