"""Strangers: each has its time, and one timer does for all."""

from __future__ import annotations

from netchat.net.timers import Callback
from netchat.sessions.strangers import Strangers


class Somebody:
    def __init__(self) -> None:
        self.gone = False

    def turn_away(self) -> None:
        self.gone = True


class Place:
    """Strangers with 10 seconds, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callback]] = []
        self.strangers = Strangers(10.0, self.later)

    def later(self, delay: float, callback: Callback) -> None:
        assert delay > 0
        self.timers.append((self.now + delay, callback))

    def come(self) -> Somebody:
        somebody = Somebody()
        self.strangers.add(somebody, self.now)
        return somebody

    def wait(self, until: float) -> None:
        while self.timers and min(when for when, _ in self.timers) <= until:
            self.now, callback = self.timers.pop(0)
            callback(self.now)
        self.now = until


def test_everybody_has_the_same_time() -> None:
    place = Place()
    first = place.come()
    place.wait(4.0)
    second, third = place.come(), place.come()
    place.wait(9.9)
    assert not first.gone
    place.wait(10.0)
    assert (first.gone, second.gone) == (True, False)
    place.wait(14.0)
    assert second.gone
    assert third.gone


def test_who_is_welcome_or_has_gone_is_forgotten() -> None:
    place = Place()
    somebody = place.come()
    place.strangers.remove(somebody)
    place.strangers.remove(somebody)
    place.wait(20.0)
    assert not somebody.gone


def test_one_timer_does_for_a_crowd_and_none_for_nobody() -> None:
    place = Place()
    crowd = [place.come() for _ in range(100)]
    assert len(place.timers) == 1
    place.wait(10.0)
    assert all(one.gone for one in crowd)
    assert not place.timers
    assert place.come()
    assert len(place.timers) == 1
