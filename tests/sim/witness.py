"""The witness: watches one connection's bytes as the server reads and sends them.

It decodes both directions by itself and holds them to the protocol: replies in the order of
their requests, one each; per room the seqs contiguous from where `joined` said; a `gap` exactly
where something is gone; nothing after a farewell. It sees bytes at the server's own socket
calls, so what it says does not depend on what the network does afterwards.

Requests are pulled from its decoder only when a reply comes, as the server pulls them: what a
stranger may send depends on what has been answered before.
"""

from __future__ import annotations

from typing import Any, NoReturn

from netchat.chat import events, requests
from netchat.chat.events import Event
from netchat.chat.requests import Request
from netchat.errors import FatalError
from netchat.wire.messages import RefusedRequest
from netchat.wire.native import NativeClient, NativeServer

from .ledger import Ledger, fact_of
from .stream import Stream
from .world import Violation, World

Asked = Request | RefusedRequest | FatalError

REPLIES: dict[type[Request], type[Event]] = {
    requests.Hello: events.Welcome,
    requests.Join: events.Joined,
    requests.Leave: events.Left,
    requests.Post: events.Accepted,
    requests.History: events.HistoryPage,
    requests.Who: events.Members,
    requests.Rooms: events.RoomList,
    requests.Ping: events.Pong,
    requests.Bye: events.Bye,
}
UNASKED = frozenset({
    "login_timeout", "heartbeat_timeout", "kicked", "replaced", "shutting_down",
    "too_many_connections",
})  # fmt: skip


class Witness:
    """See the head of this file."""

    def __init__(self, world: World, ledger: Ledger, number: int) -> None:
        self.number = number
        self.farewell: str | None = None
        """Why the connection ends, once the server has said so."""
        self.excused = False
        """It ends for a reason that nobody could be told."""
        self.streams: dict[str, Stream] = {}
        self._world = world
        self._ledger = ledger
        self._requests = NativeServer()
        self._events = NativeClient()
        self._head: Asked | None = None
        self._identity: int | None = None
        self._half_closed = False

    # -- what the server does --------------------------------------------------------------------

    def heard(self, data: bytes) -> None:
        self._requests.receive_data(data)

    def said(self, data: bytes) -> None:
        self._events.receive_data(data)
        while (event := self._events.next_event()) is not None:
            self._process(event)

    def half_closed(self) -> None:
        """The server has read the end of its peer's input."""
        self._half_closed = True

    def finished(self) -> None:
        """The server ends its output in good order."""
        if self.farewell is not None or self.excused:
            return
        if not self._half_closed:
            self._fail("no connection ends without a word", "the server just closed")
        self._requests.receive_eof()
        if (request := self._next()) is not None:
            self._fail("half-close loses no reply", f"{request!r} was not answered")
        for room, stream in self.streams.items():
            if stream.joined and stream.next <= stream.head:
                self._fail("half-close loses no backlog", f"{room}: {stream}")

    def unanswered(self) -> Asked | None:
        """The oldest request without a reply."""
        return self._next()

    # -- replies -----------------------------------------------------------------------------

    def _process(self, event: Event) -> None:
        if self.farewell is not None:
            self._fail("nothing follows a farewell", f"{event} after {self.farewell}")
        match event:
            case events.Message():
                self._on_message(event)
            case events.Gap():
                self._on_gap(event)
                self._world.sometimes[f"gap: {event.reason}"] += 1
            case events.Ping():
                pass
            case events.Presence() | events.Typing():
                if self._identity is None:
                    self._fail("strangers are told nothing", f"{event}")
            case events.Error(code="internal"):
                self._fail("the server makes no mistake", f"{event}")
            case events.Error() if event.fatal and self._is_unasked(event):
                self.farewell = event.code
                self._world.sometimes[f"farewell: {event.code}"] += 1
            case events.Bye() if event.reason != "bye":
                self.farewell = event.reason
            case _:
                self._on_reply(event)

    def _is_unasked(self, error: events.Error) -> bool:
        """Whether no request is the reason, though a frame that does not get on may be."""
        stalled = error.code == "bad_frame" and self._next() is None and self._requests.unfinished
        return error.code in UNASKED or bool(stalled)

    def _on_reply(self, event: Event) -> None:
        request = self._take(event)
        if isinstance(event, events.Error):
            self._on_error(request, event)
            return
        if not isinstance(request, Request) or not isinstance(event, REPLIES[type(request)]):
            self._fail("replies are in the order of requests", f"{event} to {request!r}")
        if event.ref != request.ref:
            self._fail("a reply echoes its ref", f"{event} to {request}")
        self._answered(request, event)

    def _answered(self, request: Request, event: Any) -> None:
        match request:
            case requests.Hello():
                self._on_welcome(request, event)
            case requests.Join():
                stream = self.streams.setdefault(event.room, Stream(event.room))
                stream.on_joined(request, event, self._ledger.epoch)
                if event.first > 1:
                    self._ledger.told_gone(event.room, event.first - 1)
            case requests.Leave():
                self._hold_own_messages(event.room)
                self.streams[event.room].joined = False
                if not event.room.startswith("@"):
                    del self.streams[event.room]
            case requests.Post():
                self._on_accepted(request, event)
            case requests.History():
                self._on_history(request, event)
            case requests.Who() | requests.Rooms():
                self._on_list(request, event)
            case requests.Bye():
                self.farewell = "bye"
                for room in self.streams:
                    self._hold_own_messages(room)

    def _hold_own_messages(self, room: str) -> None:
        """Before one leaves, one has been handed what one wrote."""
        stream = self.streams[room]
        if stream.own >= stream.next and not self._half_closed:
            self._fail("leave and bye follow one's messages", f"{stream.own} in {stream}")

    def _on_error(self, request: Asked | None, event: events.Error) -> None:
        if isinstance(request, RefusedRequest | FatalError):
            code = request.error.code if isinstance(request, RefusedRequest) else request.code
            if code != event.code:
                self._fail("a refusal names its reason", f"{event} for {request!r}")
        self._world.sometimes[f"refused: {event.code}"] += 1
        if event.fatal:
            self.farewell = event.code
        if isinstance(request, requests.Hello) and event.code == "bad_token" and request.token:
            self._ledger.token_refused(request.token, request.name)

    def _on_welcome(self, hello: requests.Hello, event: events.Welcome) -> None:
        if event.epoch != self._ledger.epoch:
            self._fail("one store has one epoch", f"{event.epoch}, not {self._ledger.epoch}")
        self._requests.welcome()
        self._identity = self._ledger.welcomed(hello.token, event)

    def _on_accepted(self, post: requests.Post, event: events.Accepted) -> None:
        assert self._identity is not None
        if event.id != post.id:
            self._fail("replies are in the order of requests", f"{event} to {post}")
        if event.duplicate:
            self._world.sometimes["duplicate"] += 1
        else:
            stream = self.streams.get(event.room)
            if stream is not None:
                if stream.next > event.seq:
                    self._fail("an acknowledgement precedes its message", f"{event}, {stream}")
                stream.own = event.seq
        self._ledger.acknowledged(self._identity, post.text, event)

    # -- messages and lists ------------------------------------------------------------------

    def _on_message(self, event: events.Message) -> None:
        self._may_read(event)
        self._stream(event.room, event.seq).on_message(event)
        self._ledger.told(event, self._ledger.epoch)

    def _on_gap(self, event: events.Gap) -> None:
        self._stream(event.room, event.start).on_gap(event, self._ledger.epoch)
        if event.reason == "retention":
            self._ledger.told_gone(event.room, event.to)

    def _may_read(self, event: events.Message) -> None:
        if self._identity is None:
            self._fail("strangers are told nothing", f"{event}")
        elif event.room.startswith("@"):
            names = self._ledger.names[self._identity]
            if event.sender not in names and event.to not in names:
                self._fail("private talks are private", f"{event} to {names}")

    def _on_history(self, request: requests.History, page: events.HistoryPage) -> None:
        seqs = [message.seq for message in page.messages]
        for message in page.messages:
            self._may_read(message)
            known = self._ledger.facts.get((message.room, message.seq))
            if known is not None and known != fact_of(message):
                self._fail("all see the same", f"history has {message}, not {known}")
        if seqs and seqs != list(range(seqs[0], seqs[0] + len(seqs))):
            self._fail("pages have no holes", f"{seqs}")
        if len(seqs) > request.limit:
            self._fail("pages keep their limit", f"{len(seqs)} for {request}")
        if request.before is not None and seqs and seqs[-1] >= request.before:
            self._fail("pages keep to their side", f"{seqs} for {request}")
        if request.after is not None and seqs and seqs[0] <= request.after:
            self._fail("pages keep to their side", f"{seqs} for {request}")
        if not (seqs or page.complete):
            self._fail("pages get on", f"an empty one that is not complete for {request}")

    def _on_list(self, request: Request, page: Any) -> None:
        if isinstance(request, requests.Rooms) and request.talks:
            return
        names = (
            [row.name for row in page.members]
            if isinstance(page, events.Members)
            else [row.room for row in page.rooms]
        )
        after = getattr(request, "after", None)
        if names != sorted(set(names)) or (after and names and names[0] <= after):
            self._fail("lists are in order", f"{names} for {request}")

    # -- bookkeeping -------------------------------------------------------------------------

    def _stream(self, room: str, seq: int = 0) -> Stream:
        """The room's stream; a talk's may begin by itself."""
        stream = self.streams.get(room)
        if stream is None:
            if not (room.startswith("@") and seq):
                self._fail("no event from a room that one is not in", room)
            stream = self.streams[room] = Stream(room, next=seq)
        return stream

    def _next(self) -> Asked | None:
        """The oldest request that is still due a reply. A notice of one who is welcome has none,
        not even where it comes too fast."""
        while True:
            if self._head is None:
                try:
                    self._head = self._requests.next_request()
                except (RefusedRequest, FatalError) as exc:
                    self._head = exc
            head = self._head
            if self._identity is None or not isinstance(head, requests.Typing | requests.Pong):
                return head
            self._head = None

    def _take(self, event: Event) -> Asked | None:
        """The request that this is the reply to."""
        request, self._head = self._next(), None
        if request is None:
            self._fail("one reply a request", f"{event} answers nothing")
        if getattr(request, "ref", None) != event.ref:
            self._fail("replies are in the order of requests", f"{event} to {request!r}")
        if isinstance(event, events.Error) and event.id != getattr(request, "id", None):
            self._fail("a refused post is named", f"{event} to {request!r}")
        return request

    def _fail(self, rule: str, detail: str) -> NoReturn:
        raise Violation(rule, f"c{self.number}: {detail}")
