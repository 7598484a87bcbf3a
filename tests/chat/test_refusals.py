"""Refusals are counted by code, and told of in one line a second."""

from __future__ import annotations

import pytest

from netchat.chat.refusals import Refusals
from netchat.net.timers import Callback


class Clock:
    def __init__(self) -> None:
        self.due: list[tuple[float, Callback]] = []

    def later(self, delay: float, callback: Callback) -> None:
        self.due.append((delay, callback))

    def ring(self) -> None:
        due, self.due = self.due, []
        for delay, callback in due:
            callback(delay)


def test_a_flood_of_refusals_is_one_line_with_the_counts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = Clock()
    refusals = Refusals(clock.later)
    for _ in range(1_000):
        refusals.add("rate_limited")
    refusals.add("kicked")
    refusals.add("name_taken")
    assert [delay for delay, _ in clock.due] == [1.0]
    clock.ring()
    assert caplog.messages == ["Refused within a second: kicked 1, rate_limited 1000."]
    assert refusals.counts == {"rate_limited": 1_000, "kicked": 1, "name_taken": 1}


def test_what_happens_to_everybody_is_counted_and_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    clock = Clock()
    Refusals(clock.later).add("name_taken")
    assert not clock.due


def test_after_a_quiet_second_a_line_comes_anew() -> None:
    clock = Clock()
    refusals = Refusals(clock.later)
    refusals.add("bad_json")
    clock.ring()
    refusals.add("bad_json")
    assert len(clock.due) == 1
