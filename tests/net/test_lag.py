from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.net.lag import LagHistogram


def test_nothing_recorded_is_no_lag() -> None:
    lag = LagHistogram()
    assert (lag.count, lag.max, lag.percentile(99)) == (0, 0.0, 0.0)


def test_a_percentile_is_the_upper_bound_of_its_bucket() -> None:
    lag = LagHistogram()
    for _ in range(99):
        lag.record(0.000_100)
    lag.record(0.5)
    assert lag.percentile(50) == 0.000_128
    assert lag.percentile(99) == 0.000_128
    assert lag.percentile(100) == 0.5


def test_extremes_are_counted_too() -> None:
    lag = LagHistogram()
    for seconds in (-1.0, 0.0, 1e9):
        lag.record(seconds)
    assert (lag.count, lag.max) == (3, 1e9)
    assert lag.percentile(50) <= 1e-6


def test_reset_forgets() -> None:
    lag = LagHistogram()
    lag.record(1.0)
    lag.reset()
    assert (lag.count, lag.max, lag.percentile(50)) == (0, 0.0, 0.0)


@given(st.lists(st.floats(1e-6, 1e3), min_size=1), st.floats(0.1, 100))
def test_a_percentile_is_never_too_low_and_at_most_twice_too_high(
    durations: list[float], p: float
) -> None:
    lag = LagHistogram()
    for seconds in durations:
        lag.record(seconds)
    rank = max(1, -int(-len(durations) * p // 100))
    true = sorted(durations)[rank - 1]
    assert true <= lag.percentile(p) <= max(2 * true, 2e-6) + 1e-12
