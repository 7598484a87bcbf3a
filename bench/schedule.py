"""When messages leave. Pure: the clock's nanoseconds come in, due times go out.

The open schedule never looks at the server. When the generator or the server stalls, what was
due meanwhile leaves late with its due time unchanged, so the stall is in the latencies of all
that it delayed (Gil Tene calls the other way "coordinated omission").
"""

from __future__ import annotations

from typing import Protocol

from bench.scenario import Round


class Schedule(Protocol):
    """Who says when the next message leaves."""

    def next_due(self, now: int, outstanding: int) -> int | None:
        """When the next message is due, if it is by `now`; it counts as sent from here on.
        `outstanding`: messages that have not reached everybody yet."""

    def wake_at(self) -> int | None:
        """When to ask again even though nothing has happened; None: no need."""

    def is_over(self, now: int) -> bool:
        """Whether nothing more will be due."""


class OpenSchedule:
    """`rate` messages a second at even intervals, from `start` on, for `seconds`."""

    def __init__(self, start: int, seconds: float, rate: float) -> None:
        self.total = max(1, round(seconds * rate))
        self._start = start
        self._interval = 1e9 / rate
        self._sent = 0

    def next_due(self, now: int, outstanding: int) -> int | None:
        """See Schedule."""
        due = self._due()
        if due > now or self._sent >= self.total:
            return None
        self._sent += 1
        return due

    def wake_at(self) -> int | None:
        """See Schedule."""
        return None if self._sent >= self.total else self._due()

    def is_over(self, now: int) -> bool:
        """See Schedule."""
        return self._sent >= self.total

    def _due(self) -> int:
        return self._start + int(self._sent * self._interval)


class ClosedSchedule:
    """`window` messages outstanding, from `start` on, for `seconds`."""

    def __init__(self, start: int, seconds: float, window: int) -> None:
        self._start = start
        self._end = start + int(seconds * 1e9)
        self._window = window

    def next_due(self, now: int, outstanding: int) -> int | None:
        """See Schedule. A message is due when there is room for it."""
        return now if outstanding < self._window and self._start <= now < self._end else None

    def wake_at(self) -> int | None:
        """See Schedule. Room is made by deliveries, and they wake by themselves."""
        return None

    def is_over(self, now: int) -> bool:
        """See Schedule."""
        return now >= self._end


def schedule_of(round: Round, start: int) -> Schedule:
    """The schedule of a round that begins at `start`."""
    if round.rate:
        return OpenSchedule(start, round.seconds, round.rate)
    return ClosedSchedule(start, round.seconds, round.window)
