"""A door's session: a peer that speaks the native vocabulary over some byte stream.

It is the glue between three things that know nothing of each other: the transport (bytes),
the connection machine (bytes to requests) and the hub (requests to events). Bytes that come
are given to the machine; requests are pulled from it in turns, at the pace that the hub, the
throttle and the peer's own reading allow. What has been pulled and may not be served yet
waits in `held`; while anything waits, the transport is not read.
"""

from __future__ import annotations

import logging
from typing import ClassVar

from netchat.chat.events import Event, Ping
from netchat.chat.limits import Pace
from netchat.chat.now import Now
from netchat.chat.paces import BULK, COSTS
from netchat.chat.requests import PAGES, Bye, Pong, Request, Typing
from netchat.chat.session import Session
from netchat.errors import (
    BadFrame,
    FatalError,
    HeartbeatTimeout,
    Internal,
    Kicked,
    LoginTimeout,
    RateLimited,
)
from netchat.net.transport import HIGH, LOW, RECV_BUDGET, Transport
from netchat.sessions.common import Door
from netchat.sessions.machine import Machine
from netchat.sessions.tally import Tally
from netchat.wire.base import Wire
from netchat.wire.messages import RefusedRequest

log = logging.getLogger("netchat.sessions")

PAGE_COST = 64
"""What a request whose answer is a page takes of a turn: four full pages (256 KiB) a tick are
the most that one peer can ask for before its socket is looked at again."""


APPETITE = 4_100
"""Bytes that are read of a stranger at a time: a frame of the length that it may send. Its unsent
replies are a quarter of others' before its requests wait, so one holds 20 KiB at the most."""


UNANSWERED = frozenset({Typing, Pong})
"""The requests that have no reply, not even a refusal, from one who is welcome."""

Received = Request | RefusedRequest | FatalError
"""What a peer sent: a request, one that is wrong, or what no request can be read from."""


class DoorSession(Session, kw_only=True, eq=False, gc=False):
    """One peer at a door. Subclasses name their wire, and their kind (see Tally)."""

    wire: ClassVar[Wire]
    kind: ClassVar[str]

    door: Door
    transport: Transport
    machine: Machine
    held: Received | None = None
    pace: Pace | None = None

    @property
    def outlet(self) -> Transport:
        return self.transport

    @property
    def address(self) -> str:
        return str(self.transport.peer)

    @property
    def stopped(self) -> bool:
        """The connection is gone; timers that still know this session let go of it."""
        return self not in self.door.sessions

    @property
    def tally(self) -> Tally:
        """The counts of its kind."""
        return self.door.tallies[self.kind]

    def start(self, now: float) -> None:
        """Begin: the transport is up."""
        door, tally = self.door, self.tally
        tally.opened += 1
        tally.present += 1
        door.sessions[self] = None
        door.census.enter(self.transport.peer)
        if door.paces is not None:
            self.pace = door.paces.of_address(self.address)
        door.heartbeat.watch(self, now)
        door.strangers.add(self, now)
        door.turns.enter(self)
        self.transport.recv_budget = APPETITE
        self.transport.start(self)

    def turn_away(self) -> None:
        """It has not said who it is."""
        if not self.closing:
            self.door.hub.expel(self, LoginTimeout())

    # -- what the transport calls ------------------------------------------------------------

    def data_received(self, data: bytes, now: float) -> None:
        if len(data) >= BULK and self.pace is not None:
            self.pace.charge(len(data) // BULK, now)
        self.machine.receive_data(data)
        self.door.turns.add(self)

    def eof_received(self, now: float) -> None:
        self.machine.receive_eof()
        self.door.hub.end_input(self)
        self.door.ended[self] = None
        self.door.turns.add(self)

    def connection_lost(self, exc: Exception | None, now: float) -> None:
        door, tally = self.door, self.tally
        tally.present -= 1
        tally.users -= self.token is not None
        tally.slow -= self.slow
        del door.sessions[self]
        self.held = None  # an error's traceback knows the session
        door.strangers.remove(self)
        door.turns.leave(self)
        door.ended.pop(self, None)
        door.unfinished.end(self)
        door.census.leave(self.transport.peer)
        door.hub.disconnect(self, Now(now, door.wall()))
        door.hurry()  # this comes in phase 1, and the tick sleeps only then

    def pause_writing(self) -> None:
        """Above the high mark: its cursors leave the live feed, their places are kept."""
        self.tally.slow += not self.slow
        self.slow = True
        for cursor in self.cursors:
            if cursor.live:
                cursor.room.move_to_lagging(cursor, cursor.room.published + 1)

    def wait_for_drain(self) -> None:
        """Nothing more before the peer has read: `resume_writing` follows.

        The transport says either that it is to be paused or that it has drained, so whoever
        waits for the second must not wait for the first.
        """
        self.pause_writing()
        self.transport.request_drain()

    def resume_writing(self) -> None:
        """The peer reads again: feed its cursors, serve its requests."""
        self.tally.slow -= self.slow
        self.slow = False
        self.feed()
        self.wake()
        self.door.hurry()  # this comes in phase 5, after those who will take it up

    def feed(self) -> None:
        """Its lagging cursors can be given more."""
        hungry = self.door.hub.outgoing.hungry
        for cursor in self.cursors:
            if not cursor.live:
                hungry[cursor] = None

    # -- turns -------------------------------------------------------------------------------

    def welcomed(self) -> None:
        self.machine.welcome()
        self.tally.users += 1
        self.door.strangers.remove(self)
        self.transport.recv_budget = RECV_BUDGET
        if self.door.paces is not None:
            self.pace = self.door.paces.of(self.identity, self.address)

    def wake(self) -> None:
        if self.held is not None:
            self.door.turns.add(self)

    def hang_up(self, last: Event | None) -> None:
        """Close: everything has been said, and `last` came at the end of it."""
        self.transport.close()

    def serve(self, budget: int, now: Now) -> bool:
        """One turn; see Turns. What it may not serve is held until `wake`."""
        try:
            more = self._serve(budget, now)
        except Exception:  # a bug in a handler ends its peer, not the loop
            log.exception("Serving a request failed.")
            self.door.hub.expel(self, Internal())
            return False
        transport = self.transport
        if more or self.held is not None:
            transport.pause_reading()
        elif not (transport.reading or self.door.draining):
            transport.resume_reading()
        return more

    def _serve(self, budget: int, now: Now) -> bool:
        share, next_request = budget, self.machine.next_request
        while not self.closing:
            request, self.held = self.held, None
            if request is None:
                if budget <= 0 and self.machine.pending:  # to read it may cost as much as a turn
                    self.door.unfinished.end(self)  # if it has only begun, it is another one
                    return True
                try:
                    request = next_request()
                except (RefusedRequest, FatalError) as exc:
                    request = exc.as_value()
                if request is None:
                    if self.machine.pending:  # there is more of one that goes on at the next turn
                        return True
                    self._look_at_rest(now.monotonic, anew=budget < share)
                    return False
            if budget <= 0 or not self._may_go_on(request, now.monotonic):
                self.held = request
                return budget <= 0
            self._hand_over(request, now)
            budget -= PAGE_COST if type(request) in PAGES else 1
        return False

    def _look_at_rest(self, now: float, *, anew: bool) -> None:
        """All has been served; a frame may have been begun behind it."""
        if self.machine.unfinished:
            self.door.unfinished.begin(self, now, anew=anew)
        elif self.door.unfinished:
            self.door.unfinished.end(self)

    def _may_go_on(self, request: Received, now: float) -> bool:
        """Whether the peer reads, the order of replies allows it, and its pace does."""
        if self.transport.pending > (LOW if self.user is None else HIGH):
            self.wait_for_drain()
            return False
        if not self.door.hub.may_serve(self, request):
            return False
        if self.pace is not None and (wait := self.pace.ask(COSTS.get(type(request), 1), now)):
            self.door.later(wait, lambda _: self.wake())
            return False
        return True

    def _hand_over(self, request: Received, now: Now) -> None:
        hub = self.door.hub
        if isinstance(request, Request):
            pace = self.pace
            # A `bye` is delayed only: to refuse it would keep whom the limit is against.
            if pace and type(request) is not Bye and pace.is_out_of_patience(now.monotonic):
                self._refuse_pace(pace, request, now)
                return
            hub.handle(self, request, now)
        elif isinstance(request, FatalError):
            hub.expel(self, request)
        else:
            hello = request.type == "hello"
            hub.refuse(self, request.error, ref=request.ref, id=request.id, hello=hello)

    def _refuse_pace(self, pace: Pace, request: Request, now: Now) -> None:
        if pace.is_hopeless:
            self.door.hub.kick(self, Kicked("You have been going too fast for too long."), now)
            return
        cost = COSTS.get(type(request), 1)
        refusal = RateLimited(retry_after=pace.refuse(cost, now.monotonic))
        if self.user is None or type(request) not in UNANSWERED:
            self.door.hub.refuse_request(self, request, refusal)

    # -- the end of input --------------------------------------------------------------------

    def is_finished(self) -> bool:
        """After the end of input: whether nothing more is owed to the peer."""
        return not (
            self.held is not None
            or self.machine.pending
            or self.unanswered
            or self.busy
            or any(self in cursor.room.lagging for cursor in self.cursors)
        )

    # -- what is asked of frames that do not end ---------------------------------------------

    def unfinished(self) -> int | None:
        return self.machine.unfinished if self.transport.reading else None

    def cut_off(self) -> None:
        sentence = "A frame that was begun has not come to its end in time."
        self.door.hub.expel(self, BadFrame(sentence))

    # -- what the heartbeat asks -------------------------------------------------------------

    def heard_at(self) -> float:
        return self.transport.heard_at

    def alive_at(self) -> float:
        transport = self.transport
        taken_at = transport.drained_at if transport.reading else transport.sent_at
        return max(transport.heard_at, taken_at)

    def ask(self) -> None:
        self.door.hub.outgoing.reply(self, Ping())

    def give_up(self) -> None:
        self.door.hub.expel(self, HeartbeatTimeout())
