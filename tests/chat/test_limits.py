"""Limits on how fast a peer may go, and how many connections an address may have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.limits import Census, Throttle, TokenBucket

PATIENCE = 10.0

gaps = st.lists(st.floats(0, 5), max_size=60)


def test_a_bucket_is_full_at_first() -> None:
    bucket = TokenBucket(rate=1, burst=3, now=0)
    for _ in range(3):
        assert bucket.wait(0) == 0
        bucket.take()
    assert bucket.wait(0) == 1


def test_a_bucket_gains_its_rate_and_no_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=2, burst=4, now=0)
    for _ in range(4):
        bucket.take()
    assert bucket.wait(0.25) == 0.25
    assert bucket.wait(0.5) == 0
    bucket.wait(1_000)
    assert bucket.tokens == 4


def test_what_is_taken_too_soon_is_paid_for_by_the_next() -> None:
    bucket = TokenBucket(rate=2, burst=4, now=0)
    for _ in range(10):
        bucket.take()
    assert bucket.wait(0) == 3.5


@given(st.floats(0.1, 100), st.floats(1, 50), gaps)
def test_no_stretch_of_time_holds_more_than_the_burst_and_the_rate(
    rate: float, burst: float, gaps: list[float]
) -> None:
    bucket, now, served = TokenBucket(rate, burst, 0), 0.0, 0
    for gap in gaps:
        now += gap
        while bucket.wait(now) == 0:
            bucket.take()
            served += 1
        assert served <= burst + rate * now + 1e-5


@given(st.floats(0.1, 100), st.floats(1, 50), gaps)
def test_after_the_wait_that_was_told_a_token_is_there(
    rate: float, burst: float, gaps: list[float]
) -> None:
    bucket, now = TokenBucket(rate, burst, 0), 0.0
    for gap in gaps:
        now += gap
        bucket.take()
        now += bucket.wait(now)
        assert bucket.wait(now) == 0


def strained() -> tuple[Throttle, float]:
    """A throttle whose peer sends as fast as it may until patience ends, and that instant."""
    throttle, now = Throttle(rate=2, burst=4, patience=PATIENCE, now=0.0), 0.0
    for _ in range(1_000):
        wait = throttle.delay(now)
        if throttle.is_out_of_patience(now):
            return throttle, now
        now += wait
        if wait == 0:
            throttle.take()
    raise AssertionError("its patience never ends")


def test_a_burst_is_neither_delayed_nor_refused() -> None:
    throttle = Throttle(rate=2, burst=4, patience=PATIENCE, now=0)
    for _ in range(4):
        assert throttle.delay(0) == 0
        assert not throttle.is_out_of_patience(0)
        throttle.take()


def test_more_than_the_burst_is_delayed_at_first_and_refused_after_its_patience() -> None:
    _, ended = strained()
    assert PATIENCE <= ended <= PATIENCE + 0.5


def test_a_short_pause_does_not_renew_the_patience() -> None:
    throttle, now = strained()
    now += 0.25
    throttle.delay(now)
    assert throttle.is_out_of_patience(now)


def test_who_comes_back_as_late_as_told_is_served() -> None:
    throttle, now = strained()
    now += throttle.retry_after(now)
    assert throttle.delay(now) == 0
    assert not throttle.is_out_of_patience(now)


def test_when_to_come_back_is_always_later() -> None:
    throttle = Throttle(rate=2, burst=4, patience=PATIENCE, now=0)
    assert throttle.retry_after(0) > 0


def test_a_peer_at_its_rate_is_never_refused() -> None:
    throttle, now = Throttle(rate=2, burst=4, patience=PATIENCE, now=0), 0.0
    for _ in range(200):
        now += 0.5
        assert throttle.delay(now) == pytest.approx(0)
        assert not throttle.is_out_of_patience(now)
        throttle.take()


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
