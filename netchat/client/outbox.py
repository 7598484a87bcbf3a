"""The outbox: everything that was asked of the server and has not been answered. Pure.

Rules of this file
    1. One order. Posts and other requests leave in the order in which they were made, and after
       a reconnect in that same order again: so `join`, `post`, `leave` mean what they meant.
    2. A request is let go of when it is answered, never when it is sent.
    3. At most WINDOW requests are in flight. The rest waits here, where it is cheap.
    4. What the server refuses for now goes back to its own place, and nothing leaves until the
       time that the server asked for has passed. (What was in flight behind it may overtake.)
    5. A resent post keeps its id, by which the server stores it once.
    6. Where there is a journal, a post is in it before `add` returns, until it is answered.

What a reconnect needs first (the rooms to be joined again) stands in front of the rest, and is
dropped when the connection is: the next one makes its own.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from msgspec.structs import replace

from netchat.chat.requests import Join, Post, Request
from netchat.client.failures import OutboxFull
from netchat.client.journal import Journal, Kept, Settled, posted
from netchat.client.positions import BACKLOG, is_talk

WINDOW = 64
"""Requests in flight: enough for a full batch of the log, a quarter of what a server holds."""

MAX_WAITING = 4_096
"""Requests held: a minute's worth of rate-limited typing many times over; bounds the memory
of a program that posts into a connection that is down."""

FIRST, USUAL = 0, 1
Serial = tuple[int, int]
"""What stands first, then in order of asking."""


class _Entry:
    __slots__ = ("flying", "request", "sent", "serial")

    def __init__(self, serial: Serial, request: Request) -> None:
        self.serial = serial
        self.request = request
        self.flying = False
        self.sent = False


class Outbox:
    """One client's unanswered requests. `prefix` makes its ids unlike those of other starts."""

    def __init__(self, prefix: str) -> None:
        self.posts = 0
        """Posts among the unanswered."""
        self.held_until: float | None = None
        self._prefix = prefix
        self._count = 0
        self._entries: dict[str, _Entry] = {}
        self._queue: list[tuple[Serial, str]] = []
        self._flying = 0
        self._journal: Journal | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def keep(self, journal: Journal) -> None:
        """Put what an earlier life left in front of all else; from here on note every post."""
        left = unfinished(journal.kept)
        for post in self.unsent():
            journal.write(posted(post))
        for place, request in enumerate(left, start=-len(left)):
            key = request.id if isinstance(request, Post) else self._new_key()
            # How far it had come nobody knows, but nothing is sent before we are known.
            self._insert((USUAL, place), key, request).sent = journal.kept.known is not None
        self._journal = journal

    def add(self, request: Request) -> str:
        """Queue a request behind all others; returns its key: the id of a post, or the ref.

        Raises OutboxFull, and ValueError for text that is not Unicode.
        """
        if len(self._entries) >= MAX_WAITING:
            raise OutboxFull(f"{MAX_WAITING} requests are waiting to be answered.")
        _check_unicode(request)
        key = self._new_key()
        entry = self._insert((USUAL, self._count), key, request)
        if self._journal is not None and isinstance(entry.request, Post):
            self._journal.write(posted(entry.request))
        return key

    def restart(self, first: Iterable[Request]) -> list[str]:
        """A connection is there: queue these in front of all others; returns their keys."""
        keys = []
        for request in first:
            keys.append(self._new_key())
            self._insert((FIRST, self._count), keys[-1], request)
        return keys

    def next(self) -> Request | None:
        """The next request to be sent; it counts as in flight from here on."""
        while self._queue and self._flying < WINDOW and self.held_until is None:
            entry = self._entries.get(heapq.heappop(self._queue)[1])
            if entry is not None:  # else it was answered after it had been put back
                entry.flying = entry.sent = True
                self._flying += 1
                return entry.request
        return None

    def answered(self, key: str | None) -> Request | None:
        """An answer has come: the request that it is for, None where there is none."""
        entry = self._entries.pop(key, None) if key is not None else None
        if entry is None:
            return None
        self._flying -= entry.flying
        if isinstance(entry.request, Post):
            self.posts -= 1
            if self._journal is not None:
                self._journal.write(Settled(entry.request.id))
        return entry.request

    def put_back(self, key: str | None, until: float) -> bool:
        """The server refused it for now. False where there is no such request in flight."""
        entry = self._entries.get(key) if key is not None else None
        if key is None or entry is None or not entry.flying:
            return False
        entry.flying = entry.sent = False
        self._flying -= 1
        heapq.heappush(self._queue, (entry.serial, key))
        self.held_until = max(until, self.held_until or until)
        return True

    def release(self, now: float) -> None:
        """Let requests leave again, if it is time."""
        if self.held_until is not None and now >= self.held_until:
            self.held_until = None

    def lost(self) -> None:
        """The connection is gone: what was in flight will have to be sent again."""
        for key, entry in list(self._entries.items()):
            entry.flying = False
            if entry.serial[0] == FIRST:
                del self._entries[key]
        self._flying = 0
        # In order of asking, which makes it a heap.
        self._queue = [(entry.serial, key) for key, entry in self._entries.items()]
        self.held_until = None

    def doubtful(self) -> int:
        """Posts that a lost connection may or may not have delivered."""
        return sum(entry.sent for entry in self._entries.values() if type(entry.request) is Post)

    def unsent(self) -> list[Post]:
        """The posts that have not been accepted, in order."""
        entries = sorted(self._entries.values(), key=lambda entry: entry.serial)
        return [entry.request for entry in entries if isinstance(entry.request, Post)]

    def _new_key(self) -> str:
        self._count += 1
        return f"{self._prefix}-{self._count}"

    def _insert(self, serial: Serial, key: str, request: Request) -> _Entry:
        if isinstance(request, Post):
            request = replace(request, id=key)
            self.posts += 1
        else:
            request = replace(request, ref=key)
        entry = self._entries[key] = _Entry(serial, request)
        heapq.heappush(self._queue, (serial, key))
        return entry


def key_of(request: Request) -> str | None:
    """What its answer will be found by."""
    return request.id if isinstance(request, Post) else request.ref


def unfinished(kept: Kept) -> list[Request]:
    """What an earlier life has left to be asked, in order: its posts, and in front of them a
    `join` of each room that they are for and that it was not known to be in."""
    known = {room.casefold() for room in kept.held}
    rooms = {post.room: None for post in kept.posts.values() if post.room is not None}
    joins = (room for room in rooms if not is_talk(room) and room.casefold() not in known)
    return [
        *(Join(room=room, backlog=BACKLOG) for room in joins),
        *(Post(text=p.text, id=p.id, room=p.room, to=p.to) for p in kept.posts.values()),
    ]


def _check_unicode(request: Request) -> None:
    """A lone surrogate cannot be sent; better said to who wrote it than to the loop."""
    for name in request.__struct_fields__:
        if isinstance(value := getattr(request, name), str):
            value.encode()
