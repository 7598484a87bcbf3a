"""The percentile text of HdrHistogram (.hgrm), which its plotter and wrk2's users read.

Values are in milliseconds. Rows come at percentiles that approach 100 by halves, TICKS to a
half, as HistogramLogProcessor writes them.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator

from bench.stats import percentile

TICKS = 5
HEADER = f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}\n\n"


def levels(count: int) -> Iterator[float]:
    """The percentiles (0 to 100) worth a row: up to where one value more or less is a step."""
    halves = max(1, math.ceil(math.log2(max(2, count))))
    for half in range(halves):
        width = 100 / 2**half
        start = 100 - width
        yield from (start + width / 2 * tick / TICKS for tick in range(TICKS))
    yield 100.0


def to_hgrm(values: array[int]) -> str:
    """The distribution of durations in nanoseconds."""
    ordered = sorted(values)
    count = len(ordered)
    if not count:
        return HEADER + "#[Max     = 0.000, Total count    = 0]\n"
    rows = [_row(percentile(ordered, level) / 1e6, level, count) for level in levels(count)]
    mean = sum(ordered) / count / 1e6
    deviation = math.sqrt(sum((value / 1e6 - mean) ** 2 for value in ordered) / count)
    return (
        HEADER
        + "".join(rows)
        + f"#[Mean    = {mean:12.3f}, StdDeviation   = {deviation:12.3f}]\n"
        + f"#[Max     = {ordered[-1] / 1e6:12.3f}, Total count    = {count:12d}]\n"
    )


def _row(value: float, level: float, count: int) -> str:
    part = level / 100
    upto = math.ceil(round(count * part, 6))
    last = "" if level >= 100 else f" {1 / (1 - part):14.2f}"
    return f"{value:12.3f} {part:14.12f} {upto:10d}{last}\n"
