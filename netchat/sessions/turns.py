"""Turns: which sessions are served in this tick, and how much of each.

A session with complete requests waits here. Each is served once a tick, round robin: up to
TURN requests, fewer when many are waiting, never none. What it may not yet serve (its replies
are due, the peer does not read) it comes back with when it is woken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from netchat.chat.now import Now

TURN = 256
"""Requests of one connection in one turn (the protocol's fairness)."""

TICK = 4_096
"""Requests in one tick: about 40 ms of Python at 10 µs each."""


class Served(Protocol):
    """A session, as its turns see it."""

    def serve(self, budget: int, now: Now) -> bool:
        """Serve up to `budget` requests. True: there are more that could be served."""


class Turns:
    """The sessions that are ready to be served."""

    def __init__(self, wall: Callable[[], int]) -> None:
        self._wall = wall
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
        for session in ready:
            if session.serve(share, moment):
                self._ready[session] = None
        return bool(self._ready)

    def is_waiting(self, _now: float) -> bool:
        """Whether somebody was woken since the round, by the log or by delivery."""
        return bool(self._ready)
