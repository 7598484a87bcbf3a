from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.net.histogram import BUCKETS, MICROSECONDS, Histogram


def test_nothing_recorded_is_nothing() -> None:
    lag = Histogram(MICROSECONDS)
    assert (lag.count, lag.sum, lag.max, lag.percentile(99)) == (0, 0.0, 0.0, 0.0)


def test_a_percentile_is_the_upper_bound_of_its_bucket() -> None:
    lag = Histogram(MICROSECONDS)
    for _ in range(99):
        lag.record(0.000_100)
    lag.record(0.5)
    assert lag.percentile(50) == 0.000_128
    assert lag.percentile(99) == 0.000_128
    assert lag.percentile(100) == 0.5


def test_extremes_are_counted_too() -> None:
    lag = Histogram(MICROSECONDS)
    for seconds in (-1.0, 0.0, 1e9):
        lag.record(seconds)
    assert (lag.count, lag.max, lag.sum) == (3, 1e9, 1e9)
    assert lag.percentile(50) <= 1e-6


def test_a_report_begins_anew_and_the_counts_go_on() -> None:
    lag = Histogram(MICROSECONDS)
    lag.record(1.0)
    lag.begin_report()
    assert (lag.reported, lag.max, lag.percentile(50)) == (0, 0.0, 0.0)
    lag.record(0.000_1)
    assert (lag.reported, lag.max, lag.percentile(100)) == (1, 0.000_1, 0.000_1)
    assert (lag.count, lag.sum) == (2, 1.000_1)
    assert [count for _, count in lag.cumulative(0, BUCKETS - 1)][-1] == 2


def test_a_whole_number_lies_within_the_bound_that_it_is_equal_to() -> None:
    sizes = Histogram()
    for size in (1, 2, 3, 4, 5, 8, 9):
        sizes.record(size)
    assert list(sizes.cumulative(0, 4)) == [(1, 1), (2, 2), (4, 4), (8, 6), (16, 7)]
    assert list(sizes.cumulative(2, 3)) == [(4, 4), (8, 6)]


@given(st.lists(st.floats(1e-6, 1e3), min_size=1), st.floats(0.1, 100))
def test_a_percentile_is_never_too_low_and_at_most_twice_too_high(
    durations: list[float], p: float
) -> None:
    lag = Histogram(MICROSECONDS)
    lag.record(500.0)
    lag.begin_report()
    for seconds in durations:
        lag.record(seconds)
    rank = max(1, -int(-len(durations) * p // 100))
    true = sorted(durations)[rank - 1]
    assert true <= lag.percentile(p) <= max(2 * true, 2e-6) + 1e-12
