"""The flush queue: transports with something to send, and who of them sends in this tick.

Three queues. Urgent holds those with replies: all of them are flushed in their tick. Fan-outs
(see `fanout`) hold a room's slice and thousands of transports each, slow the rest: of these
together 1,024 have their turn in a tick, so that timers, input and replies never wait behind a
whole fan-out.

A transport stands at most once in urgent and once in slow. One that was flushed as urgent keeps
its place in slow, and is passed over there unless it has become dirty again. Its three flags live
on the transport, so that asking costs no lookup. Whom a fan-out reaches has none of them: it is
passed over there where it has sent meanwhile, or has more to send and so stands in a queue.
"""

from __future__ import annotations

from array import array
from collections import deque
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

    def finish(self, exc: Exception | None, now: float) -> None:
        """Phase 1: close for good, because of `exc` where there is one."""

    def failed(self, exc: Exception) -> None:
        """One of the above raised."""


Failed = Callable[[Flushable, Exception], None]
"""Is told of what a flush raised."""


class Ring(Protocol):
    """A way to send the same to many; see `ring.SendRing`."""

    few: int
    """Sockets for which it costs more than it saves."""
    largest: int
    """Bytes that it can send at once."""

    def send(self, numbers: array[int], data: bytes) -> list[tuple[int, int]]:
        """By descriptor, at most FLUSH_SLICE. Who did not take all, and what became of it."""


class FlushableFanOut(Protocol):
    """The same bytes for many transports."""

    def __len__(self) -> int:
        """How many have not had their turn."""

    def flush(self, most: int, now: float, failed: Failed) -> None:
        """Phase 5: give the next ones their turn."""


class FlushQueue:
    """The dirty transports of a reactor."""

    __slots__ = ("_fanouts", "_slow", "_urgent", "backlog")

    def __init__(self) -> None:
        self._urgent: list[Flushable] = []
        self._fanouts: deque[FlushableFanOut] = deque()
        self._slow: list[Flushable] = []
        self.backlog = 0

    def __bool__(self) -> bool:
        return bool(self._urgent or self._fanouts or self._slow)

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
        """`add`, not urgent, for those who were not in the slow queue and have been marked so:
        whoever goes through them anyway does that, as here it would be once more a member."""
        self._slow.extend(transports)

    def add_fanout(self, fanout: FlushableFanOut) -> None:
        """Queue a fan-out for phase 5 of this tick and of later ones."""
        self._fanouts.append(fanout)

    def flush(self, now: float, failed: Failed) -> None:
        """Phase 5. What the flushed ones queue in turn waits for the next tick."""
        self._flush_urgent(now, failed)
        left = self._flush_fanouts(FLUSH_SLICE, now, failed)
        self._flush_slow(left, now, failed)
        self.backlog = len(self._slow) + sum(map(len, self._fanouts))

    def _flush_urgent(self, now: float, failed: Failed) -> None:
        urgent, self._urgent = self._urgent, []
        for transport in urgent:
            try:
                transport.in_urgent = False
                if transport.dirty:
                    transport.flush(now)
            except Exception as exc:  # noqa: BLE001 - `failed` is told
                failed(transport, exc)

    def _flush_fanouts(self, most: int, now: float, failed: Failed) -> int:
        """How many of `most` turns are left."""
        fanouts = self._fanouts
        while fanouts and most:
            first = fanouts[0]
            waiting = len(first)
            first.flush(most, now, failed)
            most -= min(waiting, most)
            if not first:
                fanouts.popleft()
        return most

    def _flush_slow(self, most: int, now: float, failed: Failed) -> None:
        """A hot loop, so the `try` stands around it, not around each flush."""
        due = iter(self._slow[:most])
        del self._slow[:most]
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
