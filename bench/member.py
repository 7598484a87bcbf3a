"""A member of a netchat server: speaks through one of its doors, and checks all that it gets.

The hot path is the first branch of `data_received`: a piece that continues the room's ledger
is right, and is neither cut into frames nor decoded (see `ledger`). The slow path cuts.

`_at` is how far this member's messages agree with the ledger. It may stand within a frame
after the hot path; then the slow path steps back to where that frame began. `_held` is an
unfinished frame that the ledger does not have yet; then `_at` stands between frames.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from bench.audit import Audit
from bench.crowd import Connected, Crowd, Tally
from bench.doors import Door
from bench.ledger import Ledger
from bench.scenario import Stage
from bench.text import MARK, compose
from netchat.chat import events, requests
from netchat.chat.events import Event
from netchat.chat.requests import Request
from netchat.errors import BadJson
from netchat.net.transport import Transport
from netchat.wire.messages import decode_event, encode

MESSAGE = b'{"type":"message"'


class NetchatMember(Connected):
    """One client, in one room."""

    __slots__ = (
        "_at",
        "_audit",
        "_count",
        "_door",
        "_held",
        "_plain",
        "_stage",
        "_waiting",
        "name",
    )

    def __init__(
        self, crowd: Crowd, ledger: Ledger, name: str, size: int, stage: Stage, door: Door
    ) -> None:
        super().__init__(crowd, ledger, size)
        self._door = door
        self.name = name
        self._stage = stage
        self._at = ledger.end
        self._held = b""
        self._audit: Audit | None = None
        self._plain = False
        self._count = 0
        self._waiting: deque[str] | None = None

    def start(self, transport: Transport) -> None:
        """See Member. All stages in one write: the server holds what follows `hello`."""
        self._transport = transport
        transport.start(self)
        if self._stage == "connect":
            self._crowd.has_joined()
            return
        first = self._door.greeting + self._framed(requests.Hello(version=1, name=self.name))
        if self._stage == "join":
            first += self._framed(requests.Join(room=self.ledger.room, backlog=0))
        transport.write(first, urgent=True)

    def post(self, due: int) -> None:
        """See Member."""
        assert self._transport is not None
        self._count += 1
        id = f"{self.name}.{self._count:x}"
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(id)
        self.ledger.post(id)
        sent = time.monotonic_ns()
        text = compose(due, sent, self._size)
        self._crowd.count_post(self.ledger, due, sent)
        post = requests.Post(room=self.ledger.room, text=text, id=id)
        self._transport.write(self._framed(post), urgent=True)

    def _framed(self, request: Request) -> bytes:
        return self._door.frame(encode(request))

    # -- what the transport calls ------------------------------------------------------------

    def data_received(self, data: bytes, now: float) -> None:
        """The hot path."""
        ledger, at = self.ledger, self._at
        if self._plain and ledger.stream.startswith(data, at - ledger.base):
            self._at = at + len(data)
        else:
            self._take(data)
        crowd = self._crowd
        crowd.delivered += data.count(MARK)
        crowd.countdown -= 1
        if crowd.countdown <= 0:
            crowd.sample(self, at, data)

    # -- the slow path: frame by frame -------------------------------------------------------

    def _take(self, data: bytes) -> None:
        if self._held:
            data = self._held + data
        elif self._plain:
            ledger, at = self.ledger, self._at
            self._at = start = ledger.frame_start(at)
            data = bytes(ledger.stream[start - ledger.base : at - ledger.base]) + data
        at, size, cut = 0, len(data), self._door.cut
        while (place := cut(data, at)) is not None:
            start, end = place
            known = self._take_frame(data[at:end], start - at)
            at = end
            if not known and self._continues(data, at):
                self._at += size - at
                at = size
        self._held = data[at:]
        self._plain = not self._held and self._audit is None

    def _continues(self, data: bytes, at: int) -> bool:
        """Whether all the rest of a piece is as the ledger has it."""
        stream, base = self.ledger.stream, self.ledger.base
        return self._audit is None and stream.startswith(data[at:], self._at - base)

    def _take_frame(self, data: bytes, start: int) -> bool:
        """Take one whole frame, whose payload begins at `start`; whether it was a message."""
        ledger = self.ledger
        if (
            self._audit is None
            and data.startswith(MESSAGE, start)
            and ledger.stream.startswith(data, self._at - ledger.base)
        ):
            self._at += len(data)
            return True
        if start == len(data):
            self._answer(self._door.answer(data))
            return False
        try:
            event = decode_event(data[start:])
        except BadJson:
            self._crowd.errors["bad_json"] += 1
            return False
        if isinstance(event, events.Message):
            self._take_message(event, data)
            return True
        if event is not None and (handle := _HANDLERS.get(type(event))) is not None:
            handle(self, event)
        return False

    def _answer(self, data: bytes) -> None:
        if data and self._transport is not None:
            self._transport.write(data, urgent=True)

    def _take_message(self, message: events.Message, data: bytes) -> None:
        ledger = self.ledger
        if self._audit is None:
            if self._at == ledger.end and ledger.extend(message, data):
                self._at = ledger.end
                return
            self._audit = Audit(ledger, self._at, self._door)
        self._audit.take(message)

    def _on_welcome(self, _event: events.Welcome) -> None:
        if self._stage == "hello":
            self._crowd.has_joined()

    def _on_joined(self, event: events.Joined) -> None:
        if not self.ledger.begin(event.head):
            self._crowd.errors["room_in_use"] += 1
        self._crowd.has_joined()

    def _on_accepted(self, event: events.Accepted) -> None:
        waiting, crowd = self._waiting, self._crowd
        if waiting and waiting[0] == event.id:
            waiting.popleft()
            crowd.accepted += 1
        elif waiting and event.id in waiting:
            waiting.remove(event.id)
            crowd.accepted += 1
            crowd.disordered_answers += 1
        else:
            crowd.doubled_answers += 1

    def _on_error(self, event: events.Error) -> None:
        if event.id is None or not self._waiting or event.id not in self._waiting:
            self._crowd.errors[event.code] += 1
            return
        self._waiting.remove(event.id)
        self.ledger.refuse(event.id)
        self._crowd.count_refusal(self.ledger, event.code)

    def _on_ping(self, _event: events.Ping) -> None:
        self._answer(self._framed(requests.Pong()))

    # -- figures -----------------------------------------------------------------------------

    def sample(self, before: int, data: bytes, now: int) -> None:
        """See Member."""
        if self._audit is None:
            record = self._crowd.record
            for due, sent in zip(*self.ledger.times_between(before, self._at), strict=True):
                record(due, sent, now)

    def settle(self, tally: Tally) -> int:
        """See Member."""
        audit = self._audit
        if audit is None:
            return self.ledger.count(self._at)
        tally.doubled += audit.doubled
        tally.reordered += audit.reordered
        tally.altered += audit.altered
        return audit.distinct

    def new_round(self) -> None:
        """See Member. What has not come by now is lost, and counted as that. Should it come
        later, the ledger will have forgotten it: such a member is audited from here on."""
        ledger, at = self.ledger, self._at
        if self._audit is None and at != ledger.end:
            self._audit = Audit(ledger, at, self._door)
            start = ledger.frame_start(at)
            self._held = self._held or bytes(ledger.stream[start - ledger.base : at - ledger.base])
            self._plain = False
        self._at = ledger.end
        self._waiting = None
        if self._audit is not None:
            self._audit.new_round()


_HANDLERS: dict[type[Event], Callable[[NetchatMember, Any], None]] = {
    events.Welcome: NetchatMember._on_welcome,
    events.Joined: NetchatMember._on_joined,
    events.Accepted: NetchatMember._on_accepted,
    events.Error: NetchatMember._on_error,
    events.Ping: NetchatMember._on_ping,
}
