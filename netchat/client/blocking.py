"""The blocking convenience: a Chat is a client that waits for its answers.

Each call runs the client's reactor until the answer is there. Events that come meanwhile are
kept for `events`; so is everything that comes of a reconnect, which happens by itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from netchat.chat.events import (
    Accepted,
    Error,
    Event,
    HistoryPage,
    Joined,
    Left,
    MemberInfo,
    Members,
    PasswordSet,
    RoomInfo,
    RoomList,
)
from netchat.chat.requests import Request
from netchat.client.client import Client
from netchat.client.failures import Disconnected, Refused, TimedOut, Unreachable
from netchat.client.notices import Closed, Delayed, Failed, NameRefused, News, Offline, Online
from netchat.client.positions import BACKLOG
from netchat.client.trust import SYSTEM, Trust

TIMEOUT = 10.0
"""Seconds to wait for an answer, unless the caller says otherwise."""

BYE_TIMEOUT = 2.0
"""Seconds that leaving in good order may take."""

MAX_KEPT = 10_000
"""Events kept for somebody who never asks for them; beyond it the oldest go."""

Answer = TypeVar("Answer", bound=Event)


def connect(
    address: str,
    *,
    name: str,
    password: str | None = None,
    timeout: float = TIMEOUT,
    outbox: Path | None = None,
    trust: Trust = SYSTEM,
) -> Chat:
    """Connect to "host:port" or "netchats://host:port" and log in: as a guest, or with `password`
    as an account, which is made where the server lets anybody do that. `outbox`: a file for what is
    to outlive us, `trust`: whose certificate counts, see Client.

    Raises Unreachable where nobody answers there, Refused where the name is not taken (its
    `code` is `name_taken`, `certificate`, ...), TimedOut, OutboxError, ValueError for no address.
    """
    client = Client(address, name=name, password=password, outbox=outbox, trust=trust)
    chat = Chat(client)
    try:
        chat.wait_online(timeout)
    except BaseException:
        chat.client.close()
        raise
    return chat


class Chat:
    """A client whose calls wait. All raise Refused where the server says no, TimedOut where it
    says nothing, Disconnected when it is over. `client` is the one that does not block."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._news: deque[News] = deque(maxlen=MAX_KEPT)
        self._answers: dict[str, Event | Failed | None] = {}
        self._closed: Closed | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The user's name, as the server spells it."""
        return self.client.name or ""

    def wait_online(self, timeout: float = TIMEOUT) -> None:
        """Wait for the first login. See `connect`."""
        ends = time.monotonic() + timeout
        while not self.client.online:
            self._run(ends)
            if self._closed is not None:
                raise Disconnected(self._closed.code or "bye", self._closed.message)
            for news in self._news:
                if isinstance(news, Offline):
                    where = f"{self.client.place} cannot be reached: " if not news.code else ""
                    raise Unreachable(f"{where}{news.reason}", news.code)
                if isinstance(news, NameRefused):
                    raise Refused(news.code, news.message)
                if isinstance(news, Delayed) and time.monotonic() + news.retry_in > ends:
                    raise Refused(news.code, news.message)
        self._news = deque((n for n in self._news if not isinstance(n, Online)), MAX_KEPT)

    def join(
        self,
        room: str,
        *,
        after: int | None = None,
        epoch: str | None = None,
        backlog: int = BACKLOG,
        timeout: float = TIMEOUT,
    ) -> Joined:
        """Enter a room. Its last `backlog` messages come as events, or all after a seq; see
        Client.join for a room that you are in already."""
        ref = self.client.join(room, after=after, epoch=epoch, backlog=backlog)
        return self._wait(ref, Joined, timeout)

    def leave(self, room: str, *, timeout: float = TIMEOUT) -> Left:
        """Leave a room."""
        return self._wait(self.client.leave(room), Left, timeout)

    def post(
        self,
        text: str,
        *,
        room: str | None = None,
        to: str | None = None,
        timeout: float = TIMEOUT,
    ) -> Accepted:
        """Write to a room, or privately to a user, and wait until it is committed.

        After TimedOut the post is still on its way; an Accepted or Failed among the events
        tells how it went.
        """
        return self._wait(self.client.post(text, room=room, to=to), Accepted, timeout)

    def who(self, room: str, *, timeout: float = TIMEOUT) -> list[MemberInfo]:
        """Everybody in a room, by name."""
        found: list[MemberInfo] = []
        while True:
            after = found[-1].name if found else None
            page = self._wait(self.client.who(room, after=after), Members, timeout)
            found += page.members
            if page.complete or not page.members:
                return found

    def rooms(self, *, talks: bool = False, timeout: float = TIMEOUT) -> list[RoomInfo]:
        """All public rooms, or one's private talks."""
        found: list[RoomInfo] = []
        while True:
            after = found[-1].room if found else None
            ref = self.client.list_rooms(after=after, talks=talks)
            page = self._wait(ref, RoomList, timeout)
            found += page.rooms
            if page.complete or not page.rooms:
                return found

    def set_password(
        self, password: str, *, old: str | None = None, timeout: float = TIMEOUT
    ) -> PasswordSet:
        """See Client.set_password."""
        return self._wait(self.client.set_password(password, old=old), PasswordSet, timeout)

    def history(
        self,
        room: str,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
        timeout: float = TIMEOUT,
    ) -> HistoryPage:
        """A page of a room's log, in ascending order; `complete`: there is no more."""
        ref = self.client.history(room, before=before, after=after, limit=limit)
        return self._wait(ref, HistoryPage, timeout)

    def ask(self, request: Request, *, timeout: float = TIMEOUT) -> Event:
        """See Client.ask; the answer."""
        return self._wait(self.client.ask(request), Event, timeout)

    def events(self, timeout: float | None = None) -> Iterator[News]:
        """Everything that happens, as it happens: the server's events and the notices.

        Ends after `timeout` seconds without any (None: never), and after Closed.
        """
        while True:
            ends = None if timeout is None else time.monotonic() + timeout
            while not self._news:
                if self._closed is not None:
                    return
                try:
                    self._run(ends)
                except TimedOut:
                    return
            yield self._news.popleft()

    def close(self) -> None:
        """Say bye, wait for the answer (at most BYE_TIMEOUT), and let go. Again: nothing."""
        if self._closed is None:
            self.client.bye()
            ends = time.monotonic() + BYE_TIMEOUT
            try:
                while not self.client.closed:
                    self._run(ends)
            except TimedOut:
                pass
            self._closed = Closed(message="Goodbye.")
        self.client.close()

    def _wait(self, key: str, kind: type[Answer], timeout: float) -> Answer:
        """Run until the answer to this request is there."""
        ends = time.monotonic() + timeout
        self._answers[key] = None
        try:
            while (answer := self._answers[key]) is None:
                if self._closed is not None:
                    raise Disconnected(self._closed.code or "bye", self._closed.message)
                self._run(ends)
        finally:
            del self._answers[key]
        if isinstance(answer, Error | Failed):
            raise Refused(answer.code, answer.message)
        if not isinstance(answer, kind):
            raise Refused("bad_answer", f"The server gave another answer than {kind.__name__}.")
        return answer

    def _run(self, ends: float | None) -> None:
        """One tick; sorts what it brought. Raises TimedOut when it is too late."""
        wait = None if ends is None else ends - time.monotonic()
        if wait is not None and wait <= 0:
            raise TimedOut("There was no answer in time.")
        if not self.client.closed:
            self.client.reactor.run_once(wait)
        elif self._closed is None:
            self._closed = Closed(message="The chat is closed.")
        for news in self.client.take_events():
            if isinstance(news, Closed):
                self._closed = news
            if (key := _key_of(news)) in self._answers and key is not None:
                if isinstance(news, Event | Failed):
                    self._answers[key] = news
            else:
                self._news.append(news)


def _key_of(news: News) -> str | None:
    """The request that this is the answer to."""
    match news:
        case Accepted(id=id):
            return id
        case Failed(post=post):
            return post.id
        case Event(ref=ref):
            return ref
    return None
