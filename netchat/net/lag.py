"""Lag: how long ticks keep the loop busy, as a histogram of constant size."""

from __future__ import annotations

BUCKETS = 40
"""Powers of two from 1 µs; the last one starts at six days, so nothing falls off the end."""


class LagHistogram:
    """Counts durations in buckets that double: bucket i holds those below 2**i µs."""

    __slots__ = ("_buckets", "count", "max")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything that was recorded."""
        self._buckets = [0] * BUCKETS
        self.count = 0
        self.max = 0.0

    def record(self, seconds: float) -> None:
        """Count one duration; one below zero counts as zero."""
        micros = max(0, int(seconds * 1e6))
        self._buckets[min(micros.bit_length(), BUCKETS - 1)] += 1
        self.count += 1
        if seconds > self.max:
            self.max = seconds

    def percentile(self, p: float) -> float:
        """Seconds that `p` percent (0..100) of the durations do not exceed.

        It is the upper bound of a bucket, so at most twice the true value, and never above
        `max`. 0.0 when nothing has been recorded.
        """
        rank = self.count * p / 100
        seen = 0
        for i, held in enumerate(self._buckets):
            seen += held
            if held and seen >= rank:
                return min((1 << i) / 1e6, self.max)
        return self.max
