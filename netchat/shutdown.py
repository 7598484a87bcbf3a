"""Stopping in good order.

    1 listeners close, nobody is read any more
    2 what has been posted is committed, acknowledged and delivered
    3 every client is told `bye` (a stranger: `shutting_down`), with a jittered time to come
      back, so that a crowd does not return as one
    4 connections close as their last bytes are taken
    5 what was written behind (names held, tokens used) is committed, and the loop ends

Each step begins when the one before it is done, or when its share of the time is up: a stuck
disk or a stuck peer delays the end, it does not prevent it. Whoever has not taken his last
bytes by then is cut, and resumes at the next start like after any other cut.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING

from netchat.chat.session import Session
from netchat.errors import ShuttingDown
from netchat.sessions.door import DoorSession

if TYPE_CHECKING:
    from netchat.server import Server

COMMIT_SHARE = 0.4
"""Of the time to stop: what step 2 may take, most of which is an fsync."""

RETURNS_PER_SECOND = 200
"""Clients that are asked back in a second: a small part of what the loop can log in."""

SOONEST_RETURN = 0.5
"""Seconds: the quickest restart."""


TOLD_AT_ONCE = 1_024
"""Clients told in one tick, as many as it flushes otherwise: about 20 ms."""

LAST_COMMIT = 1.5
"""Seconds for step 5 once the rest of the time is used up."""


class Step(IntEnum):
    """Where the stop has got to."""

    COMMITTING = 2
    CLOSING = 4
    SAVING = 5


class Drain:
    """The stop of a server, driven once a tick by `advance`."""

    def __init__(self, server: Server, random: Callable[[], float]) -> None:
        self._server = server
        self._random = random
        self._step = Step.COMMITTING
        self._late = False
        self._untold: list[DoorSession] = []
        self._spread = 0.0
        self.in_order = True
        """False where the stop was hurried."""
        server.door.draining = True
        for listener in server.listeners:
            listener.close()
        server.gate.close()
        for session in server.door.sessions:
            session.transport.pause_reading()
        server.web.drain()
        seconds = server.config.limits.shutdown
        server.reactor.call_later(seconds * COMMIT_SHARE, self._commit_is_late)
        server.reactor.call_later(seconds, self._cut)
        server.reactor.call_later(seconds + LAST_COMMIT, lambda _: self.hurry())

    def advance(self, _now: float) -> bool:
        """Phase 4, after delivery: on to the next step where this one is done."""
        server = self._server
        if self._step is Step.COMMITTING and (self._late or self._is_all_published()):
            self._step = Step.CLOSING
            self._untold = list(server.door.sessions)
            self._spread = max(SOONEST_RETURN, len(self._untold) / RETURNS_PER_SECOND)
        if self._step is Step.CLOSING:
            told = self._say_bye()
            if not server.door.sessions:
                self._step = Step.SAVING
            return told or not server.door.sessions
        if self._step is Step.SAVING and server.hub.posting.is_idle:
            server.reactor.stop()
        return False

    def _is_all_published(self) -> bool:
        """Whether everything that was posted has been committed and delivered."""
        server = self._server
        busy = server.hub.posting.has_posts or server.turns.is_waiting(0)
        return not (busy or server.hub.outgoing.dirty)

    def _say_bye(self) -> bool:
        """Tell the next slice; whether there was any, which the next tick has to deliver."""
        told, self._untold = self._untold[:TOLD_AT_ONCE], self._untold[TOLD_AT_ONCE:]
        for session in told:
            if not session.closing:
                self._tell(session)
        return bool(told)

    def _tell(self, session: Session) -> None:
        retry_after = round(SOONEST_RETURN + self._spread * self._random(), 3)
        if session.user is None:
            self._server.hub.expel(session, ShuttingDown(retry_after=retry_after))
        else:
            self._server.hub.say_bye(session, ShuttingDown.code, retry_after)

    def _commit_is_late(self, _now: float) -> None:
        self._late = True

    def _cut(self, _now: float) -> None:
        for session in self._server.door.sessions:
            session.transport.abort()

    def hurry(self) -> None:
        """Stop at once."""
        self.in_order = False
        self._server.reactor.stop()
