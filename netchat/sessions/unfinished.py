"""Unfinished: who has begun a frame and not ended it.

A frame may take as long as it likes, if it gets on: 5 KiB in any ten seconds, counted from its
beginning. A modem of 9,600 baud does twice that; whoever drips a byte now and then, to hold a
place and a buffer, does not. The longest frame is over in two minutes so, and a `hello` in ten
seconds, whatever trickles. What came before does not count, nor what comes behind.

The time in which we do not read a peer, for its pace or its own reading, is not counted against
it; nor that in which we were stopped ourselves (SIGSTOP, a suspended machine).
"""

from __future__ import annotations

from itertools import takewhile
from typing import Protocol

WINDOW = 10.0
"""Seconds: as long as a login may take."""

PROGRESS = 5_120
"""Bytes that must come in a WINDOW, unless the frame ends: 512 a second."""

STOPPED = 5.0
"""Seconds between two looks at which the server itself must have been stopped."""


class Beginner(Protocol):
    """A session, as it is looked at here."""

    def unfinished(self) -> int | None:
        """Bytes of the frame that has been begun; None where the peer is not being read."""

    def cut_off(self) -> None:
        """Its frame does not get on."""


class Unfinished:
    """Sessions with a frame begun. Drive it by calling `look` about once a second."""

    def __init__(self) -> None:
        self._begun: dict[Beginner, tuple[float, int]] = {}
        """When each is looked at next, and how much there was at the last look; in that order."""
        self._looked = 0.0

    def __len__(self) -> int:
        return len(self._begun)

    def begin(self, session: Beginner, now: float, *, anew: bool) -> None:
        """Its last frame is not whole. `anew`: it is another one than the last time."""
        if anew or session not in self._begun:
            self._put(session, now + WINDOW, 0)

    def end(self, session: Beginner) -> None:
        """Nothing of it is unfinished, or it has gone."""
        self._begun.pop(session, None)

    def look(self, now: float) -> None:
        """Cut off those whose frames do not get on."""
        stopped, self._looked = now - self._looked > STOPPED, now
        due = takewhile(lambda item: item[1][0] <= now, self._begun.items())
        for session, (_, before) in list(due):
            size = session.unfinished()
            if size is None or stopped:
                self._put(session, now + WINDOW, before)
            elif size - before >= PROGRESS:
                self._put(session, now + WINDOW, size)
            else:
                del self._begun[session]
                session.cut_off()

    def _put(self, session: Beginner, due: float, size: int) -> None:
        self._begun.pop(session, None)
        self._begun[session] = due, size
