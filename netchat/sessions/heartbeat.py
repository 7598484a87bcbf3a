"""Heartbeat: silence is asked about, and an unanswered question ends the connection.

Sign of life: bytes received, and bytes that the socket took after it had refused some, for
then the peer must have read. A peer whose input we are not reading cannot answer, so of it
any bytes that its socket took will do.

One wheel of one-second slots holds every session at the second in which it is to be looked
at. Hearing from a peer moves nothing: the look, when it comes, moves the session to where it
belongs by then. So a busy connection costs one look per interval.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

SLOT = 1.0
"""Seconds; nobody minds being asked up to one later."""

STOPPED = 5.0
"""Seconds between two looks at which the server itself must have been stopped (SIGSTOP, a
suspended machine), or half the time for an answer late, where that is less. Its peers could not
reach it meanwhile, nor may it have sent what it asked: everybody gets a fresh window."""

JITTER = 0.1
"""Asked between 0.9 and 1.1 of the interval, so that a crowd is not asked at once."""


class Watched(Protocol):
    """A session, as the heartbeat sees it. Times are monotonic seconds."""

    @property
    def stopped(self) -> bool:
        """It is over."""

    def heard_at(self) -> float:
        """When the peer last said something."""

    def alive_at(self) -> float:
        """When the peer last gave a sign of life of any kind."""

    def ask(self) -> None:
        """Send a ping."""

    def give_up(self) -> None:
        """Close: nothing came back."""


class Heartbeat:
    """Looks at every session in time. Drive it by calling `tick` once a SLOT."""

    def __init__(
        self, interval: float, timeout: float, random: Callable[[], float], now: float
    ) -> None:
        self._interval = interval
        self._timeout = timeout
        self._stopped = min(STOPPED, SLOT + timeout / 2)
        self._random = random
        self._slots: dict[int, list[Watched]] = defaultdict(list)
        self._asked: dict[Watched, float] = {}
        """Who has not answered yet, and since when."""
        self._last = now
        self._floor = now
        """Nobody counts as silent from before this time."""

    def watch(self, session: Watched, now: float) -> None:
        """Begin to look after a session, until it has stopped."""
        self._look_at(session, now + self._jittered())

    def _jittered(self) -> float:
        return self._interval * (1 - JITTER + 2 * JITTER * self._random())

    def _look_at(self, session: Watched, when: float) -> None:
        slot = int((when if when > self._last else self._last) / SLOT) + 1
        self._slots[slot].append(session)

    def tick(self, now: float) -> None:
        """Look at all whose time has come."""
        if now - self._last > self._stopped:
            self._floor = now
        first, last = int(self._last / SLOT) + 1, int(now / SLOT)
        self._last = now
        for slot in range(first, last + 1):
            for session in self._slots.pop(slot, ()):
                if session.stopped:
                    self._asked.pop(session, None)
                else:
                    self._look(session, now)

    def _look(self, session: Watched, now: float) -> None:
        if (asked_at := self._asked.get(session)) is not None:
            self._look_for_answer(session, asked_at, now)
            return
        silent_since = max(session.heard_at(), self._floor)
        if now - silent_since >= self._interval * (1 - JITTER):
            self._asked[session] = now
            session.ask()
            self._look_at(session, now + self._timeout)
        else:
            self._look_at(session, silent_since + self._jittered())

    def _look_for_answer(self, session: Watched, asked_at: float, now: float) -> None:
        if session.alive_at() >= asked_at:
            del self._asked[session]
            self._look_at(session, max(session.heard_at(), asked_at) + self._jittered())
        elif now - max(asked_at, self._floor) >= self._timeout:
            del self._asked[session]
            session.give_up()
        else:
            self._look_at(session, max(asked_at, self._floor) + self._timeout)
