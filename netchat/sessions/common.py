"""What all sessions of all doors have in common."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

from netchat.chat.hub import Hub
from netchat.chat.limits import Census
from netchat.chat.now import Later
from netchat.chat.paces import Paces
from netchat.net.transport import LOW
from netchat.sessions.heartbeat import Heartbeat
from netchat.sessions.strangers import Strangers
from netchat.sessions.tally import KINDS, Tally
from netchat.sessions.turns import Turns
from netchat.sessions.unfinished import Unfinished

if TYPE_CHECKING:
    from netchat.sessions.door import DoorSession


class Door:
    """What all sessions of a listener share."""

    def __init__(
        self,
        *,
        hub: Hub,
        turns: Turns,
        heartbeat: Heartbeat,
        later: Later,
        wall: Callable[[], int],
        hurry: Callable[[], None],
        census: Census,
        paces: Paces | None,
        login_timeout: float,
    ) -> None:
        self.hub = hub
        self.turns = turns
        self.heartbeat = heartbeat
        self.later = later
        self.wall = wall
        self.hurry = hurry
        self.census = census
        self.paces = paces
        self.numbers = count(1)
        self.strangers = Strangers(login_timeout, later)
        self.unfinished = Unfinished()
        self.draining = False
        """The server stops: nobody is read any more."""
        self.tallies = {kind: Tally() for kind in KINDS}
        self.sessions: dict[DoorSession, None] = {}
        self.ended: dict[DoorSession, None] = {}
        """Sessions whose peer has ended its input; they close when nothing is owed."""

    def close_finished(self, _now: float) -> bool:
        """Phase 4: close the sessions whose peer has ended its input and is owed nothing.

        Closing sets the peer a deadline, so one that reads slowly is first let read most of it.
        """
        for session in list(self.ended):
            if session.slow or not session.is_finished():
                continue
            if session.transport.pending > LOW:
                session.wait_for_drain()
            else:
                del self.ended[session]
                session.transport.close()
        return False
