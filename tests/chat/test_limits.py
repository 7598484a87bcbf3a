"""Limits on how fast a peer may go, and how many connections an address may have."""

from __future__ import annotations

import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.limits import (
    LEASE,
    TABLE,
    Census,
    Pace,
    Recent,
    Terms,
    TokenBucket,
    address_class,
)

PATIENCE = 10.0

gaps = st.lists(st.floats(0, 5), max_size=60)
costs = st.lists(st.integers(1, 20), max_size=60)

# -- buckets -------------------------------------------------------------------------------


def test_a_bucket_is_full_at_first() -> None:
    bucket = TokenBucket(rate=1, burst=3)
    for _ in range(3):
        assert bucket.wait(0) == 0
        bucket.take(0)
    assert bucket.wait(0) == 1


def test_a_bucket_gains_its_rate_and_no_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=2, burst=4)
    for _ in range(4):
        bucket.take(0)
    assert bucket.wait(0.25) == 0.25
    assert bucket.wait(0.5) == 0
    for _ in range(4):
        assert bucket.wait(1_000) == 0
        bucket.take(1_000)
    assert bucket.wait(1_000) == 0.5


def test_what_is_taken_too_soon_is_paid_for_by_the_next() -> None:
    bucket = TokenBucket(rate=2, burst=4)
    for _ in range(10):
        bucket.take(0)
    assert bucket.wait(0) == 3.5


@given(st.floats(0.1, 100), st.floats(1, 50), gaps)
def test_no_stretch_of_time_holds_more_than_the_burst_and_the_rate(
    rate: float, burst: float, gaps: list[float]
) -> None:
    bucket, now, served = TokenBucket(rate, burst), 0.0, 0
    for gap in gaps:
        now += gap
        while bucket.wait(now) == 0:
            bucket.take(now)
            served += 1
        assert served <= burst + rate * now + 1e-3


@given(st.floats(0.1, 100), st.floats(1, 50), gaps)
def test_after_the_wait_that_was_told_a_token_is_there(
    rate: float, burst: float, gaps: list[float]
) -> None:
    bucket, now = TokenBucket(rate, burst), 0.0
    for gap in gaps:
        now += gap
        bucket.take(now)
        now += bucket.wait(now)
        assert bucket.wait(now) == 0


# -- paces ---------------------------------------------------------------------------------


def slow(patience: float = PATIENCE, refusals: int = 3, rate: float = 2, burst: float = 4) -> Pace:
    return Pace(Terms(rate, burst, patience, refusals))


def strained() -> tuple[Pace, float]:
    """A pace of one who sends as fast as it may until patience ends, and that instant."""
    pace, now = slow(), 0.0
    for _ in range(1_000):
        wait = pace.ask(1, now)
        if pace.is_out_of_patience(now):
            return pace, now
        now += wait
    raise AssertionError("its patience never ends")


def test_a_burst_is_neither_delayed_nor_refused() -> None:
    pace = slow()
    for _ in range(4):
        assert pace.ask(1, 0) == 0
        assert not pace.is_out_of_patience(0)
    assert pace.ask(1, 0) == 0.5


def test_to_ask_in_vain_costs_nothing() -> None:
    pace = slow()
    while pace.ask(1, 0) == 0:
        pass
    assert [pace.ask(1, 0) for _ in range(5)] == [0.5] * 5
    assert pace.ask(1, 0.5) == 0


def test_what_costs_more_than_there_is_overdraws() -> None:
    pace = slow()
    assert pace.ask(16, 0) == 0
    assert pace.ask(1, 0) == (16 - 3) / 2
    assert pace.ask(1, 6.5) == 0


def test_more_than_the_burst_is_delayed_at_first_and_refused_after_its_patience() -> None:
    _, ended = strained()
    assert PATIENCE <= ended <= PATIENCE + 0.5


def test_a_short_pause_does_not_renew_the_patience() -> None:
    pace, now = strained()
    now += 0.25
    pace.ask(1, now)
    assert pace.is_out_of_patience(now)


def test_who_comes_back_as_late_as_told_is_served() -> None:
    pace, now = strained()
    now += pace.refuse(1, now)
    assert pace.ask(1, now) == 0
    assert not pace.is_out_of_patience(now)


def test_when_to_come_back_is_always_later() -> None:
    assert slow().refuse(1, 0) > 0


def test_one_who_goes_on_through_all_refusals_is_hopeless_until_it_has_calmed_down() -> None:
    pace, now = strained()
    for _ in range(3):
        assert not pace.is_hopeless
        away = pace.refuse(1, now)
    assert pace.is_hopeless
    pace.ask(1, now + away)
    assert not pace.is_hopeless


def test_a_peer_at_its_rate_is_never_refused() -> None:
    pace, now = slow(), 0.0
    for _ in range(200):
        now += 0.5
        assert pace.ask(1, now) == pytest.approx(0)
        assert not pace.is_out_of_patience(now)


@given(st.floats(0.1, 100), st.floats(2, 50), gaps, costs)
def test_no_stretch_of_time_pays_more_than_the_burst_the_rate_and_one_request(
    rate: float, burst: float, gaps: list[float], costs: list[int]
) -> None:
    pace, now, paid = slow(rate=rate, burst=burst), 0.0, 0
    for gap, cost in zip(gaps, costs, strict=False):
        now += gap
        for _ in range(100):
            if pace.ask(cost, now):
                break
            paid += cost
        assert paid <= burst + rate * now + max(costs) + 1e-3


@given(st.floats(0.1, 100), st.floats(1, 50), gaps, costs)
def test_after_the_wait_that_was_told_a_request_is_served(
    rate: float, burst: float, gaps: list[float], costs: list[int]
) -> None:
    pace, now = slow(rate=rate, burst=burst), 0.0
    for gap, cost in zip(gaps, costs, strict=False):
        now += gap
        if (wait := pace.ask(cost, now)) > 0:
            now += wait
            assert pace.ask(cost, now) == 0 or cost > 1 or burst < 2


def test_many_within_one_pace_are_delayed_together_and_none_is_refused_for_it() -> None:
    outer = Pace(Terms(10, 100, PATIENCE, 3))
    inner = [Pace(Terms(10, 50, PATIENCE, 3), outer) for _ in range(10)]
    served, now = 0, 0.0
    for _ in range(2_000):
        now += 0.1
        served += sum(pace.ask(1, now) == 0 for pace in inner)
    assert served <= 100 + 10 * now + LEASE
    assert served >= 10 * now - LEASE * len(inner)
    assert not any(pace.is_out_of_patience(now) for pace in inner)


def test_what_one_pace_has_taken_of_another_is_used_before_more_is_taken() -> None:
    outer = Pace(Terms(1, 1 + LEASE, PATIENCE, 3))
    inner = Pace(Terms(100, 1_000, PATIENCE, 3), outer)
    assert [inner.ask(1, 0) for _ in range(2 * LEASE)] == [0] * 2 * LEASE
    assert inner.ask(1, 0) > 0


def test_what_is_charged_afterwards_delays_what_comes_next() -> None:
    outer = Pace(Terms(10, 1_000, PATIENCE, 3))
    inner = Pace(Terms(2, 10, PATIENCE, 3), outer)
    assert inner.ask(1, 5.0) == 0
    inner.charge(20, 5.0)
    assert inner.ask(1, 5.0) == pytest.approx(6.0)  # 21 of 10 are taken; two come a second
    assert inner.ask(1, 11.0) == 0


def test_what_is_charged_is_taken_of_both() -> None:
    outer = Pace(Terms(1, 40, PATIENCE, 3))
    inner = Pace(Terms(100, 1_000, PATIENCE, 3), outer)
    inner.charge(100, 0.0)
    served = sum(inner.ask(1, 0.0) == 0 for _ in range(100))
    assert served <= 3  # each takes a lease, until what was charged is made up for


# -- addresses -----------------------------------------------------------------------------


def test_a_census_counts_by_address() -> None:
    census = Census()
    census.enter("a")
    census.enter("a")
    census.enter("b")
    census.leave("a")
    assert (census["a"], census["b"], census["c"]) == (1, 1, 0)


def test_an_address_without_connections_takes_no_memory() -> None:
    census = Census()
    for number in range(100):
        census.enter(str(number))
        census.leave(str(number))
    census.leave("never seen")
    assert census._counts == {}


def test_addresses_of_one_network_are_counted_as_one() -> None:
    census = Census()
    census.enter("2001:db8::1")
    census.enter("2001:db8::ffff")
    assert census["2001:db8::2"] == 2
    census.leave("2001:db8::1")
    census.leave("2001:db8::ffff")
    assert census._counts == {}


def fill(table: Recent[Pace], start: int, stop: int) -> None:
    for number in range(start, stop):
        key = address_class(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        table.put(key, Pace(table_terms))


table_terms = Terms(1, 1, 1, 1)


def test_a_table_of_a_million_strangers_keeps_its_size() -> None:
    table: Recent[Pace] = Recent()
    fill(table, 0, 3 * TABLE)
    size = sys.getsizeof(table._entries)
    fill(table, 3 * TABLE, 1_000_000)
    assert len(table) == TABLE
    assert sys.getsizeof(table._entries) == size


def test_what_a_table_has_forgotten_takes_no_memory() -> None:
    table: Recent[Pace] = Recent(1_000)
    tracemalloc.start()
    try:
        fill(table, 0, 5_000)
        full = tracemalloc.get_traced_memory()[0]
        fill(table, 5_000, 30_000)
        assert tracemalloc.get_traced_memory()[0] < 1.05 * full
    finally:
        tracemalloc.stop()
    assert full / len(table) < 350  # bytes: 23 MB for a whole table
