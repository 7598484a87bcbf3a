"""Histograms of constant size: how long ticks and commits take, how much goes out at once.

Buckets double, so one record is an addition, and twenty buckets go from microseconds to
seconds. The counts run from the start on and never go back, as a scraper needs them; a report
on the time since the last one is a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

BUCKETS = 40
"""Powers of two; of microseconds the last one begins at six days, so nothing falls off."""

MICROSECONDS = 1e6
"""Units in a second."""


class Histogram:
    """Counts amounts; bucket i holds those of up to 2**i units, of which one has `scale`."""

    __slots__ = ("_buckets", "_earlier", "_scale", "count", "max", "sum")

    def __init__(self, scale: float = 1) -> None:
        self._scale = scale
        self._buckets = [0] * BUCKETS
        self.count = 0
        self.sum = self.max = 0.0
        self.begin_report()

    def record(self, amount: float) -> None:
        """Count one amount; one below zero counts as zero."""
        amount = max(0.0, amount)
        place = max(0, ceil(amount * self._scale) - 1).bit_length()
        self._buckets[min(place, BUCKETS - 1)] += 1
        self.count += 1
        self.sum += amount
        if amount > self.max:
            self.max = amount

    def cumulative(self, first: int, last: int) -> Iterator[tuple[float, int]]:
        """(bound, amounts up to it since the start), for the buckets from first to last."""
        seen = sum(self._buckets[:first])
        for place in range(first, last + 1):
            seen += self._buckets[place]
            yield (1 << place) / self._scale, seen

    # -- since the last report -----------------------------------------------------------------

    def begin_report(self) -> None:
        """`reported`, `percentile` and `max` tell of what comes from now on."""
        self._earlier = self._buckets.copy()
        self.max = 0.0

    @property
    def reported(self) -> int:
        """Amounts counted."""
        return self.count - sum(self._earlier)

    def percentile(self, p: float) -> float:
        """The amount that `p` percent (0..100) of them do not exceed.

        It is the upper bound of a bucket, so at most twice the true value, and never above
        `max`. 0.0 when nothing has been recorded.
        """
        rank = self.reported * p / 100
        seen = 0
        for place, (now, before) in enumerate(zip(self._buckets, self._earlier, strict=True)):
            seen += now - before
            if now > before and seen >= rank:
                return min((1 << place) / self._scale, self.max)
        return self.max
