"""The flush queue: transports with something to send, and who of them sends in this tick.

Two queues. Urgent holds those with replies: all of them are flushed in their tick. Slow holds
the rest, as a room's blob makes thousands of them at once: 1,024 have their turn in a tick, so
that timers, input and replies never wait behind a whole fan-out.

A transport stands at most once in each. One that was flushed as urgent keeps its place in
slow, and is passed over there unless it has become dirty again. Its three flags live on the
transport, so that asking costs no lookup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

FLUSH_SLICE = 1_024
"""Slow flushes a tick: about 10 ms of send calls, the most that a reply should wait."""


class Flushable(Protocol):
    """A transport, as the reactor's own phases see it."""

    dirty: bool
    in_slow: bool
    in_urgent: bool

    def flush(self, now: float) -> None:
        """Phase 5: send once."""

    def finish(self, now: float) -> None:
        """Phase 1: close for good."""

    def failed(self, exc: Exception) -> None:
        """One of the above raised."""


class FlushQueue:
    """The dirty transports of a reactor."""

    __slots__ = ("_slow", "_urgent", "backlog")

    def __init__(self) -> None:
        self._urgent: list[Flushable] = []
        self._slow: list[Flushable] = []
        self.backlog = 0

    def __bool__(self) -> bool:
        return bool(self._urgent or self._slow)

    def add(self, transport: Flushable, urgent: bool) -> None:
        """Queue a transport for phase 5 of this tick, or of a later one if not urgent."""
        transport.dirty = True
        if urgent:
            if not transport.in_urgent:
                transport.in_urgent = True
                self._urgent.append(transport)
        elif not transport.in_slow:
            transport.in_slow = True
            self._slow.append(transport)

    def add_all(self, transports: Iterable[Flushable]) -> None:
        """`add`, not urgent, for many that were not in the slow queue and have been marked so:
        whoever goes through them anyway does that, as here it would be once more a member."""
        self._slow.extend(transports)

    def flush(self, now: float, failed: Callable[[Flushable, Exception], None]) -> None:
        """Phase 5. What the flushed ones queue in turn waits for the next tick.

        `failed` is told of what a flush raised. This is the hot loop of a fan-out, so the
        `try` stands around it, not around each flush.
        """
        urgent, self._urgent = self._urgent, []
        for transport in urgent:
            try:
                transport.in_urgent = False
                if transport.dirty:
                    transport.flush(now)
            except Exception as exc:  # noqa: BLE001 - `failed` is told
                failed(transport, exc)
        due = iter(self._slow[:FLUSH_SLICE])
        del self._slow[:FLUSH_SLICE]
        left = True
        while left:
            try:
                for transport in due:
                    transport.in_slow = False
                    if transport.dirty:
                        transport.flush(now)
                left = False
            except Exception as exc:  # noqa: BLE001 - `failed` is told
                failed(transport, exc)
        self.backlog = len(self._slow)
