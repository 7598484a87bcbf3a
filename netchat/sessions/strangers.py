"""Strangers: who has come and not yet said who it is has so many seconds for it.

All have equally long, so they are due in the order in which they came, and one timer does for
all of them: a timer each would be a third of what a crowd at the door costs.
"""

from __future__ import annotations

from itertools import islice, takewhile
from typing import Protocol

from netchat.chat.now import Later


class Stranger(Protocol):
    """A session, as it is waited for here."""

    def turn_away(self) -> None:
        """Its time is over."""


class Strangers:
    """Who has been let in and not yet welcomed. `timeout` in seconds."""

    def __init__(self, timeout: float, later: Later) -> None:
        self._timeout = timeout
        self._later = later
        self._since: dict[Stranger, float] = {}
        self._timed = False

    def __len__(self) -> int:
        return len(self._since)

    def add(self, session: Stranger, now: float) -> None:
        """Its time begins."""
        self._since[session] = now
        if not self._timed:
            self._timed = True
            self._later(self._timeout, self._look)

    def remove(self, session: Stranger) -> None:
        """It is welcome, or has gone."""
        self._since.pop(session, None)

    def turn_away(self, number: int) -> None:
        """So many of them have to go before their time, those who came first."""
        for session in list(islice(self._since, number)):
            del self._since[session]
            session.turn_away()

    def _look(self, now: float) -> None:
        latest = now - self._timeout
        for session, _ in list(takewhile(lambda item: item[1] <= latest, self._since.items())):
            del self._since[session]
            session.turn_away()
        first = next(iter(self._since.values()), None)
        self._timed = first is not None
        if first is not None:
            self._later(first + self._timeout - now, self._look)
