"""Scripts for the hub: a chat without bytes, time that the test moves, a log that the test stalls.

A script reads `ana.says(Post(...))`, `ana.gets(Accepted, Message)`. What was got and never asked
for is an error at the next `gets`. Delivery is played by `Chat.tick` in a few lines: replies
first, then notices, then the lagging, then what is new, as the real one does.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import Any

from msgspec import field

from netchat.chat.events import Event
from netchat.chat.handlers.messages import as_message
from netchat.chat.hub import Hub
from netchat.chat.log import Worker
from netchat.chat.now import Now
from netchat.chat.passwords import Pool
from netchat.chat.requests import Hello, Join, Post, Request
from netchat.chat.rooms import Cursor, Room
from netchat.chat.session import Session
from netchat.chat.settings import ChatSettings
from netchat.storage.memory import KEEP
from netchat.storage.worker import InlineWorker
from tests.chat.fakes import FakeHasher, FakeTimers, KeptLog

WIRE = object()


class Peer(Session, kw_only=True, eq=False, gc=True):
    """A session that asks in order, is served as the hub allows, and keeps what it is told."""

    wire = WIRE

    chat: Chat
    events: list[Any] = field(default_factory=list)
    requests: deque[Request] = field(default_factory=deque)
    awake: bool = False
    closed: bool = False
    welcome: Any = None
    token_text: str = ""
    where: str = ""

    @property
    def address(self) -> str:
        return self.where

    @property
    def outlet(self) -> object:
        return self

    def wake(self) -> None:
        self.awake = True

    def asks(self, *requests: Request) -> None:
        """Send requests; nothing is served before the next tick."""
        self.requests += requests
        self.awake = True

    def says(self, *requests: Request) -> None:
        """Send requests and let the chat settle."""
        self.asks(*requests)
        self.chat.settle()

    def gets(self, *expected: type[Event]) -> Any:
        """Exactly these were told since the last time; the events (one: itself)."""
        events, self.events = self.events, []
        assert [type(event) for event in events] == list(expected), events
        return events[0] if len(events) == 1 else events

    def got(self, kind: type[Event]) -> list[Any]:
        """The events of one kind, all others let go."""
        events, self.events = self.events, []
        return [event for event in events if isinstance(event, kind)]

    def joins(self, *rooms: str, **options: Any) -> Any:
        """Join rooms and let go of what that brings, but the last `joined`."""
        self.says(*(Join(room=room, **options) for room in rooms))
        return next(e for e in reversed(self.skip()) if e.__struct_config__.tag == "joined")

    def skip(self) -> list[Any]:
        """Let go of what was told so far."""
        events, self.events = self.events, []
        return events

    def drops(self) -> None:
        """The connection is lost."""
        self.closed = True
        self.chat.hub.disconnect(self, self.chat.now)
        self.chat.settle()

    def serve(self) -> None:
        hub = self.chat.hub
        while self.requests and not self.closing and hub.may_serve(self, self.requests[0]):
            hub.handle(self, self.requests.popleft(), self.chat.now)


class Chat:
    """A hub with everything around it played by the test."""

    def __init__(
        self,
        *,
        settings: ChatSettings | None = None,
        log: KeptLog | None = None,
        timers: FakeTimers | None = None,
        writing: Worker | None = None,
        reading: Worker | None = None,
        keep: int = KEEP,
        hashing: Worker | None = None,
    ) -> None:
        self.timers = FakeTimers() if timers is None else timers
        self.log = log or KeptLog(self.timers.wall, keep)
        self.secrets = count(1)
        self.hasher = FakeHasher()
        self.peers: list[Peer] = []
        self.publishing = True
        self.feeding = True
        self.hub = Hub(
            settings=settings or ChatSettings(),
            state=self.log.load(),
            store=self.log,
            writing=writing or InlineWorker(),
            reader=self.log,
            reading=reading or InlineWorker(),
            later=self.timers.later,
            new_secret=self._new_secret,
            open_hashing=lambda: Pool(self.hasher, [hashing or InlineWorker()]),
        )

    def _new_secret(self) -> str:
        return f"secret-{id(self)}-{next(self.secrets)}"

    def restarted(self) -> Chat:
        """The same log, a new process; what was not in a batch by now is gone."""
        return Chat(log=self.log, timers=self.timers, settings=self.hub.settings)

    @property
    def now(self) -> Now:
        return Now(self.timers.now, self.timers.wall())

    def connect(self) -> Peer:
        """A stranger."""
        peer = Peer(len(self.peers) + 1, chat=self)
        self.peers.append(peer)
        return peer

    def enter(
        self,
        name: str,
        *rooms: str,
        token: str | None = None,
        password: str | None = None,
        where: str = "",
    ) -> Peer:
        """Somebody who has been welcomed, and has joined rooms."""
        peer = self.connect()
        peer.where = where
        peer.says(Hello(version=1, name=name, token=token, password=password))
        peer.token_text = next(e.token for e in peer.skip() if hasattr(e, "token"))
        if rooms:
            peer.joins(*rooms)
        return peer

    # -- ticks -----------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let time pass; the chat settles after each timer."""
        until = self.timers.now + seconds
        while self.timers.next_within(until):
            self.settle()
        self.timers.now = until
        self.settle()

    def settle(self) -> None:
        """Ticks until nobody has anything to do."""
        self.tick()
        for _ in range(10_000):
            if not any(peer.awake for peer in self.peers):
                return
            self.tick()
        raise AssertionError("somebody is woken for ever")

    def tick(self) -> None:
        """Serve, append, deliver."""
        for peer in self.peers:
            if peer.awake:
                peer.awake = False
                peer.serve()
        self.hub.posting.append()
        self._reply()
        self._feed()
        self._publish()

    def _reply(self) -> None:
        outgoing = self.hub.outgoing
        replies, outgoing.replies = outgoing.replies, {}
        for session, events in replies.items():
            _tell(session, *events)
        closes, outgoing.closes = outgoing.closes, {}
        for session in closes:
            _peer(session).closed = True
        notices, outgoing.notices = outgoing.notices, []
        for room, event in notices:
            for cursor in _live(room):
                cursor.seen = room.changes.version
                _tell(cursor.session, event)
        whispers, outgoing.whispers = outgoing.whispers, []
        for user, event in whispers:
            for session in user.sessions:
                _tell(session, event)

    def _feed(self) -> None:
        hungry = self.hub.outgoing.hungry
        for cursor in list(hungry) if self.feeding else ():
            del hungry[cursor]
            room, session = cursor.room, cursor.session
            if cursor.live or room.cursors.get(session) is not cursor:
                continue
            last = min(cursor.head, room.published) if session.ended else room.published
            for entry in self.log.after(room.id, cursor.next - 1, 10_000).entries:
                if entry.seq <= last:
                    _tell(session, as_message(room, entry))
            cursor.next = last + 1
            if session.ended:
                room.detach(session)
            else:
                room.move_to_live(cursor)
            session.wake()

    def _publish(self) -> None:
        dirty = self.hub.outgoing.dirty
        for room in list(dirty) if self.publishing else ():
            del dirty[room]
            fresh, room.fresh = room.fresh, []
            authors, room.authors = room.authors, []
            for message, author in zip(fresh, authors, strict=True):
                for cursor in _live(room):
                    _tell(cursor.session, message)
                author.unpublished -= 1
                author.wake()
                room.published = message.seq


def _peer(session: Session) -> Peer:
    assert isinstance(session, Peer)
    return session


def _tell(session: Session, *events: Event) -> None:
    peer = _peer(session)
    if not peer.closed:
        peer.events += events


def _live(room: Room) -> list[Cursor]:
    return [cursor for members in room.live.values() for cursor in members.values()]


_ids = count(1)


def post(text: str, *, room: str | None = "lobby", to: str | None = None, id: str = "") -> Post:
    """A post with an id of its own; to the lobby unless it says otherwise."""
    return Post(text=text, room=None if to else room, to=to, id=id or f"id-{next(_ids)}")


def texts(messages: list[Any]) -> list[str]:
    return [message.text for message in messages]


def seqs(messages: list[Any]) -> list[int]:
    return [message.seq for message in messages]
