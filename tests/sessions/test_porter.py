"""The porter: places, addresses, arrivals, crowds."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from netchat.chat.limits import Census
from netchat.sessions.porter import LATE, SOON, Porter


class Gathering:
    """A porter in front of a house that the test fills."""

    def __init__(self, **settings: Any) -> None:
        self.census = Census()
        self.strangers: list[object] = []
        self.random = Random(7)
        self.short = False
        rules = {"places": 1_000, "limited": True, "per_address": 10, "arrivals": 60, "crowd": 100}
        self.porter = Porter(
            census=self.census,
            strangers=self.strangers,
            is_short_of_memory=lambda: self.short,
            random=self.random.random,
            **(rules | settings),
        )

    def come(self, address: str, now: float = 0.0) -> bool:
        """Whether somebody is let in."""
        if self.porter.turn_away(address, now) is not None:
            return False
        self.census.enter(address)
        return True


def test_an_address_may_hold_so_many_and_others_are_not_harmed() -> None:
    house = Gathering()
    assert [house.come("10.0.0.1") for _ in range(12)] == [True] * 10 + [False] * 2
    assert house.come("10.0.0.2")
    assert house.porter.turned_away == {"address": 2}


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    house = Gathering(per_address=3)
    came = [house.come(f"2001:db8::{number:x}") for number in range(5)]
    assert came == [True] * 3 + [False] * 2
    assert house.come("2001:db8:0:1::")


def test_nobody_holds_more_than_half_of_all_places() -> None:
    house = Gathering(places=8, per_address=100)
    assert sum(house.come("10.0.0.1") for _ in range(10)) == 4
    assert sum(house.come(f"10.0.1.{number}") for number in range(10)) == 4
    assert house.porter.turned_away["places"] == 6


def test_who_comes_and_goes_again_and_again_is_slowed_down() -> None:
    house = Gathering()
    came = 0
    for tenth in range(1_000):
        if house.come("10.0.0.1", tenth / 10):
            house.census.leave("10.0.0.1")
            came += 1
    assert came == 10 + 99
    assert house.come("10.0.0.2", 100.0)
    assert house.porter.turned_away.keys() == {"arrivals"}


def test_to_be_turned_away_is_not_counted_as_an_arrival() -> None:
    house = Gathering(per_address=1)
    assert house.come("10.0.0.1")
    assert not any(house.come("10.0.0.1") for _ in range(100))
    house.census.leave("10.0.0.1")
    assert house.come("10.0.0.1", 1.0)


def test_those_who_are_turned_away_come_back_at_different_times() -> None:
    house = Gathering(per_address=1)
    house.come("10.0.0.1")
    waits = {house.porter.turn_away("10.0.0.1", 0.0) for _ in range(50)}
    assert len(waits) > 40
    assert all(wait is not None and SOON <= wait <= LATE + 1 for wait in waits)


@pytest.mark.parametrize(
    ("there", "chance"), [(0, 0.0), (24, 0.0), (25, 0.3), (62, 0.65), (99, 0.99), (100, 1.0)]
)
def test_the_more_strangers_there_are_the_more_are_turned_away(there: int, chance: float) -> None:
    house = Gathering()
    house.strangers += [None] * there
    refused = sum(not house.come(f"10.0.{n >> 8}.{n & 255}") for n in range(900))
    assert refused / 900 == pytest.approx(chance, abs=0.05)


def test_while_memory_is_short_nobody_comes_in() -> None:
    house = Gathering(limited=False)
    house.short = True
    assert not house.come("10.0.0.1")
    house.short = False
    assert house.come("10.0.0.1")


def test_without_limits_places_alone_count() -> None:
    house = Gathering(limited=False, places=50)
    house.strangers += [None] * 1_000
    assert sum(house.come("10.0.0.1") for _ in range(60)) == 50


def test_a_million_addresses_take_no_more_than_the_table() -> None:
    house = Gathering(places=10**7)
    for number in range(1_000_000):
        house.porter.turn_away(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(house.porter._arrivals) == 65_536
    assert not house.porter.turned_away
