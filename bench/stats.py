"""Figures of many values: ladders, medians, spreads. Pure."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from statistics import median

from msgspec import Struct

RUNGS = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99)

Ladder = dict[str, float]
"""Milliseconds by rung: "p50" to "p99.99", and "max". Empty without samples."""


def percentile(ordered: Sequence[int], p: float) -> int:
    """The smallest value that `p` percent of the values do not exceed (nearest rank)."""
    rank = math.ceil(round(len(ordered) * p / 100, 6))
    return ordered[max(0, rank - 1)]


def ladder(values: array[int]) -> Ladder:
    """The ladder of durations in nanoseconds."""
    if not values:
        return {}
    ordered = sorted(values)
    rungs = {f"p{rung:g}": percentile(ordered, rung) / 1e6 for rung in RUNGS}
    return rungs | {"max": ordered[-1] / 1e6}


class Spread(Struct, frozen=True):
    """A figure that was measured several times."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(median(values), min(values), max(values), len(values))

    @property
    def share(self) -> float:
        """How far apart lowest and highest are, as a share of the median."""
        return (self.high - self.low) / self.median if self.median else 0.0


def spread_or_none(values: Sequence[float | None]) -> Spread | None:
    """The spread of the values that there are."""
    present = [value for value in values if value is not None]
    return Spread.of(present) if present else None
