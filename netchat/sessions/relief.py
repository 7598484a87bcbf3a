"""Relief: all connections together may have so many bytes that their sockets have refused.

Beyond that, once a second until it is better,

    1. whoever has more than the low mark waiting is taken off the live feed, those with the most
       first: nothing more is queued for them, their places in the logs are kept, and they are
       fed when they have read;
    2. where that is not enough, strangers go, those who came first at the head;
    3. meanwhile the porter lets nobody in.

One who reads loses nothing by it. What counts are bytes as they are owed: a blob that is owed to
a thousand is in memory once, so memory is below that.
"""

from __future__ import annotations

import logging

from netchat.net.reactor import Reactor
from netchat.net.transport import LOW
from netchat.sessions.common import Door

log = logging.getLogger("netchat.sessions")

STRANGERS = 256
"""Strangers who have to go in a second: 5 MiB, if they hold what they can."""


class Relief:
    """`budget` in bytes."""

    def __init__(self, reactor: Reactor, door: Door, budget: int) -> None:
        self._reactor = reactor
        self._door = door
        self._budget = budget
        self.moved = 0
        """Connections that were taken off the live feed for it so far."""

    def is_needed(self) -> bool:
        """Whether there is more than the budget."""
        return self._reactor.unsent > self._budget

    def look(self) -> None:
        """Once a second."""
        if not self.is_needed():
            return
        live = [s for s in self._door.sessions if s.transport.pending > LOW and not s.slow]
        live.sort(key=lambda session: session.transport.pending, reverse=True)
        for session in live:
            session.wait_for_drain()
        self.moved += len(live)
        if not live:
            self._door.strangers.turn_away(STRANGERS)
        log.warning("%d bytes wait for peers that do not read.", self._reactor.unsent)
