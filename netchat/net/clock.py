"""Clocks: where time comes from. The reactor reads one; below it only Turns asks."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two times: one that never jumps, for deadlines, and the calendar's, for stamps."""

    def monotonic(self) -> float:
        """Seconds since some fixed instant; never runs backwards."""

    def wall(self) -> int:
        """Milliseconds since the Unix epoch, UTC; may jump."""


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ()

    monotonic = staticmethod(time.monotonic)
    """See Clock. Not by way of a method: it is asked once a turn."""

    def wall(self) -> int:
        """See Clock."""
        return time.time_ns() // 1_000_000
