"""Turns: which sessions are served in this tick, and how much of each.

A session with complete requests waits here. Each is served once a tick, round robin: up to
TURN requests, fewer when many are waiting, never none. What it may not yet serve (its replies
are due, the peer does not read) it comes back with when it is woken.

A request may cost ten microseconds, or a hundred times as much: JSON of 64 KiB, a page. So a
round ends after SERVING seconds, too, and those it has not reached are the first of the next. It
is the one place below the reactor that asks a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from netchat.chat.now import Now

TURN = 256
"""Requests of one connection in one turn (the protocol's fairness)."""

TICK = 4_096
"""Requests in one tick: what is in flight at once stays bounded, however little each costs."""

SERVING = 0.003
"""Seconds. A flood of posts keeps the later phases four times as long as this one, and everybody
else waits for all of them."""


class Served(Protocol):
    """A session, as its turns see it."""

    def serve(self, budget: int, now: Now) -> bool:
        """Serve up to `budget` requests. True: there are more that could be served."""


class Turns:
    """The sessions that are ready to be served."""

    def __init__(self, wall: Callable[[], int], clock: Callable[[], float]) -> None:
        self._wall = wall
        self._clock = clock
        self._ready: dict[Served, None] = {}

    def add(self, session: Served) -> None:
        """Serve this session in the next round."""
        self._ready[session] = None

    def run(self, now: float) -> bool:
        """Phase 2: one round. True while somebody could be served further."""
        if not self._ready:
            return False
        ready, self._ready = self._ready, {}
        moment = Now(now, self._wall())
        share = max(1, min(TURN, TICK // len(ready)))
        until = self._clock() + SERVING
        waiting = iter(ready)
        for session in waiting:
            if session.serve(share, moment):
                self._ready[session] = None
            if self._clock() >= until:
                self._ready = dict.fromkeys(waiting) | self._ready
                break
        return bool(self._ready)

    def is_waiting(self, _now: float) -> bool:
        """Whether somebody was woken since the round, by the log or by delivery."""
        return bool(self._ready)
