from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats import RUNGS, Spread, ladder, percentile, spread_or_none


def test_percentiles_are_by_nearest_rank() -> None:
    values = list(range(1, 101))
    assert [percentile(values, p) for p in (0, 1, 50, 99, 99.1, 100)] == [1, 1, 50, 99, 100, 100]


@given(st.lists(st.integers(0, 10**12), min_size=1), st.floats(0, 100))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values: list[int], p: float) -> None:
    found = percentile(sorted(values), p)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * p / 100 - 1e-3


def test_the_ladder_is_in_milliseconds_and_ends_with_the_maximum() -> None:
    rungs = ladder(array("Q", [2_000_000] * 99 + [7_500_000]))
    assert list(rungs) == [*(f"p{rung:g}" for rung in RUNGS), "max"]
    assert (rungs["p99"], rungs["p99.9"], rungs["max"]) == (2.0, 7.5, 7.5)


def test_without_samples_there_is_no_ladder() -> None:
    assert ladder(array("Q")) == {}


def test_a_spread_has_its_median_and_its_ends() -> None:
    spread = Spread.of([3.0, 1.0, 2.0])
    assert (spread.median, spread.low, spread.high, spread.count) == (2.0, 1.0, 3.0, 3)
    assert spread.share == pytest.approx(1.0)


def test_what_was_not_measured_has_no_spread() -> None:
    assert spread_or_none([None, None]) is None
    assert spread_or_none([None, 4.0]) == Spread(4.0, 4.0, 4.0, 1)
