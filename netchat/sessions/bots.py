"""What a token does to the chat: one request, or a stream that follows a room.

A call is a session for the length of one request. It is in no room and nobody sees it come:
whom the operator has given a token may write to every public room, and read it. A stream is a
session like any client's: it is in the room, is seen there, and is fed at its own pace.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar, Self

from netchat.chat.bots import BotToken
from netchat.chat.events import Error, Event
from netchat.chat.limits import Pace
from netchat.chat.now import Now
from netchat.chat.paces import COSTS
from netchat.chat.requests import Join, Request
from netchat.chat.rooms import Room
from netchat.chat.session import Session
from netchat.chat.users import User
from netchat.errors import Internal, RateLimited
from netchat.net.transport import Transport
from netchat.sessions.common import Door
from netchat.sessions.door import DoorSession
from netchat.wire.base import Wire
from netchat.wire.eventstream import COMMENT, DEAF, EVENT_STREAM, PAYLOADS
from netchat.wire.messages import decode_event

log = logging.getLogger("netchat.sessions")

OnAnswer = Callable[[Event], None]


class BotCall(Session, kw_only=True, eq=False, gc=True):
    """One request under a token; `on_answer` takes its reply, which may be an Error."""

    wire: ClassVar[Wire] = PAYLOADS

    door: Door
    request: Request | None
    on_answer: OnAnswer
    pace: Pace | None

    @classmethod
    def begin(cls, door: Door, token: BotToken, request: Request, on_answer: OnAnswer) -> None:
        """Have it served, in its turn."""
        identity = token.identity
        call = cls(
            next(door.numbers),
            identity.user or User(identity),
            door=door,
            request=request,
            on_answer=on_answer,
            pace=door.paces.of(identity, "") if door.paces is not None else None,
        )
        door.turns.add(call)

    def has_joined(self, room: Room) -> bool:
        """It joins nothing, and may speak of every room that it might join. Raises Forbidden."""
        hub, identity = self.door.hub, self.identity
        hub.moderation.check_entry(identity, self.address, room, self.door.wall())
        return True

    # -- turns -------------------------------------------------------------------------------

    def wake(self) -> None:
        if self.request is not None:
            self.door.turns.add(self)

    def serve(self, budget: int, now: Now) -> bool:
        """Serve the request as soon as that may be; see Turns."""
        request, hub = self.request, self.door.hub
        if request is None or not hub.may_serve(self, request) or self._is_delayed(now.monotonic):
            return False
        self.request = None
        pace = self.pace
        try:
            if pace is not None and pace.is_out_of_patience(now.monotonic):
                refusal = RateLimited(retry_after=pace.refuse(1, now.monotonic))
                hub.refuse_request(self, request, refusal)
            else:
                hub.handle(self, request, now)
        except Exception:  # a bug in a handler ends its peer, not the loop
            log.exception("Serving a request failed.")
            self.on_answer(Error.of(Internal()))
        return False

    def _is_delayed(self, now: float) -> bool:
        """Whether the account's pace makes it wait."""
        pace = self.pace
        if pace is None or (wait := pace.ask(COSTS.get(type(self.request), 1), now)) == 0:
            return False
        if pace.is_out_of_patience(now):
            return False  # it is refused at once: whoever asks by HTTP is not kept waiting for that
        self.door.later(wait, lambda _: self.wake())
        return True

    # -- what delivery calls -----------------------------------------------------------------

    @property
    def outlet(self) -> Self:
        return self

    @property
    def transport(self) -> Self:
        """Where its reply goes: to itself."""
        return self

    def write(self, data: bytes, urgent: bool = False) -> None:
        """Take the reply."""
        event = decode_event(data)
        assert event is not None
        try:
            self.on_answer(event)
        except Exception:  # nor does one in an answer end the delivery of others
            log.exception("Answering a request failed.")

    def hang_up(self, last: Event | None) -> None:
        """It is over after its reply in any case."""


class EventStream(DoorSession, kw_only=True, eq=False, gc=False):
    """A peer that follows one room and says nothing."""

    wire: ClassVar[Wire] = EVENT_STREAM
    kind = "events"

    bot: BotToken

    @classmethod
    def of(cls, door: Door, transport: Transport, bot: BotToken) -> Self:
        """The session of somebody who has come under a token."""
        return cls(next(door.numbers), door=door, transport=transport, machine=DEAF, bot=bot)

    def follow(self, request: Join, now: Now) -> None:
        """Begin: take a place among the identity's sessions, and join."""
        hub = self.door.hub
        self.start(now.monotonic)
        self.bot.sessions[self] = None
        hub.people.take_name(self.bot.identity)
        hub.seat(self, self.bot.identity)
        self.welcomed()
        hub.handle(self, request, now)

    def connection_lost(self, exc: Exception | None, now: float) -> None:
        self.bot.sessions.pop(self, None)
        super().connection_lost(exc, now)

    def put_out(self) -> None:
        self.door.hub.close(self)  # it has no other room

    def alive_at(self) -> float:
        """Its peer has nothing to say, so what its socket takes is the only sign of life."""
        return self.transport.sent_at

    def ask(self) -> None:
        self.transport.write(COMMENT, True)
