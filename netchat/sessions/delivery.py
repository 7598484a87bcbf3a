"""Delivery: what the tick has to tell becomes bytes. The one place that encodes.

Theory of operation. Phase 4 of a tick empties Outgoing in this order:

1. replies, each encoded for its own session, before any room's events;
2. notices (presence, typing) to a room's live readers, encoded once per wire;
3. feed: each hungry cursor gets one slice from the room's tail, or a page is asked of the
   log. A cursor whose next seq is `published + 1` goes live, without a hole or a repeat,
   because `published` only moves in the step that follows;
4. publish: a dirty room's newly committed slice is encoded once per wire, the same bytes
   object is handed to every live member, and `published` moves.

Publishing makes way for sending: while more transports wait to be flushed than one tick
flushes, the committed messages gather, and leave together in a longer slice. So a crowd's
tick stays short, and what it does per message falls as load grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import cast

from netchat.chat.damage import close_room
from netchat.chat.events import Event, Gap, Message
from netchat.chat.handlers.messages import as_message
from netchat.chat.hub import Hub
from netchat.chat.log import Page
from netchat.chat.names import utf8_size
from netchat.chat.now import Later
from netchat.chat.posting import POST_OVERHEAD
from netchat.chat.rooms import Cursor, Room
from netchat.chat.session import Session
from netchat.errors import LogDamaged
from netchat.net.fanout import write_all
from netchat.net.flushing import FLUSH_SLICE
from netchat.net.histogram import Histogram
from netchat.net.transport import LOW
from netchat.sessions.door import DoorSession
from netchat.sessions.tail import Slice, Tails
from netchat.wire.base import Wire

SLICE_BYTES = 32_768
"""Encoded bytes of one slice, as estimated before: half the high mark, so that one slice never
makes a reader slow, though escapes may double it, and 10,000 members are sent 320 MB by one
tick's worth at the very most."""

FEEDS = 256
"""Cursors fed in a tick, each with at most one slice: about 10 ms of joining and copying."""

PAGE_ENTRIES = 256
"""Entries of one page read from the log for a lagging reader."""

RETRY = 1.0
"""Seconds after which a page that could not be read is asked for again."""


Replies = dict[DoorSession, list[Event]]


class Delivery:
    """Empties the hub's Outgoing once a tick. `backlog` counts transports not yet flushed."""

    def __init__(self, hub: Hub, backlog: Callable[[], int], later: Later, tails: Tails) -> None:
        self._hub = hub
        self._outgoing = hub.outgoing
        self._backlog = backlog
        self._later = later
        self.tails = tails
        self._reads: dict[tuple[Room, int], list[Cursor]] = {}
        self._readers: set[Session] = set()
        """For whom a page of a log is being read: one at a time each, or a hundred rooms' could
        come at once."""
        self._fed: dict[tuple[Room, Wire, int, int], tuple[bytes, int] | None] = {}
        self.watchers: dict[Room, dict[Callable[[], None], None]] = {}
        """Whom to tell once when something is published in a room."""
        self.delivered = 0
        """Messages handed to live members since the start."""
        self.fed = 0
        """Messages handed to lagging readers since the start."""
        self.sizes = Histogram()
        """Of the ticks that hand out something live: how much."""
        self.encoded = 0
        """Slices encoded for a wire since the start."""

    def deliver(self, now: float) -> bool:
        """Phase 4. True while something could go on at once."""
        self._reply()
        self._notify()
        self._whisper()
        self._feed()
        before = self.delivered
        self._publish()
        if self.delivered != before:
            self.sizes.record(self.delivered - before)
        return bool(self._outgoing.dirty or self._outgoing.hungry)

    # -- replies and notices -----------------------------------------------------------------

    def _reply(self) -> None:
        outgoing = self._outgoing
        replies, outgoing.replies = cast(Replies, outgoing.replies), {}
        for session, events in replies.items():
            encode = session.wire.encode
            blob = encode(events[0]) if len(events) == 1 else b"".join(map(encode, events))
            session.transport.write(blob, True)
        closes, outgoing.closes = cast("dict[DoorSession, None]", outgoing.closes), {}
        for session in closes:
            session.hang_up(replies[session][-1] if session in replies else None)

    def _notify(self) -> None:
        notices, self._outgoing.notices = self._outgoing.notices, []
        for room, event in notices:
            for wire, members in room.live.items():
                blob = wire.encode(event)
                for cursor in members.values():
                    cursor.seen = room.changes.version
                    cast(DoorSession, cursor.session).transport.write(blob)

    def _whisper(self) -> None:
        whispers, self._outgoing.whispers = self._outgoing.whispers, []
        for user, event in whispers:
            for session in cast("Iterable[DoorSession]", user.sessions):
                if session.transport.pending <= LOW:
                    session.transport.write(session.wire.encode(event))

    # -- feeding those who are behind ----------------------------------------------------------

    def _feed(self) -> None:
        hungry = self._outgoing.hungry
        self._fed.clear()
        for cursor in list(hungry)[:FEEDS]:
            del hungry[cursor]
            if self._feed_one(cursor):
                hungry[cursor] = None

    def _feed_one(self, cursor: Cursor) -> bool:
        """Give a cursor its next slice. True where it can take another one at once."""
        room, session = cursor.room, cast(DoorSession, cursor.session)
        if room.lagging.get(session) is not cursor or session.closing:
            return False
        if session.slow or session in self._readers or room.damaged:
            return False  # it is fed when it has drained, when its page has come
        if session.transport.pending > LOW:
            session.wait_for_drain()
            return False
        last = _last_for(cursor)
        first = min(room.first, last + 1)
        if cursor.next < first:
            self._skip_trimmed(cursor, session, first)
        if cursor.next > last:
            self._caught_up(cursor, session)
            return False
        found = self._from_tail(cursor, session.wire, last)
        if found is None:
            self._read(cursor)
            return False
        self._hand(cursor, session, *found)
        return True

    def _hand(self, cursor: Cursor, session: DoorSession, blob: bytes, next_seq: int) -> None:
        """Write a lagging reader's next slice; of its rooms, this one comes last next time."""
        session.transport.write(blob)
        self.fed += next_seq - cursor.next
        cursor.next = next_seq
        others = (other for other in session.cursors if other is not cursor)
        session.cursors = (*others, cursor)
        session.wake()

    def _caught_up(self, cursor: Cursor, session: DoorSession) -> None:
        room = cursor.room
        if session.ended:
            room.retire(cursor)
            session.wake()  # a `leave` or `bye` may have waited for what is now not coming
            return
        room.move_to_live(cursor)
        if cursor.seen != room.changes.version:
            cursor.seen = room.changes.version
            room.shown()
            session.transport.write(session.wire.encode(room.snapshot()))

    def _skip_trimmed(self, cursor: Cursor, session: DoorSession, first: int) -> None:
        """Tell a lagging reader that everything before `first` is gone."""
        gap = Gap(
            room=cursor.room.name,
            start=cursor.next,
            to=first - 1,
            reason="retention",
            epoch=self._hub.epoch,
        )
        session.transport.write(session.wire.encode(gap))
        cursor.next = first
        session.wake()  # a `leave` or `bye` may have waited for one of those

    def _from_tail(self, cursor: Cursor, wire: Wire, last: int) -> tuple[bytes, int] | None:
        """The next slice from the tail, and the seq behind it; readers at the same place share
        the same object."""
        key = (cursor.room, wire, cursor.next, last)
        if key not in self._fed:
            found = self.tails.read(cursor.room, wire, cursor.next, last, SLICE_BYTES)
            self._fed[key] = found and (_join(found[0]), found[1])
        return self._fed[key]

    def _read(self, cursor: Cursor) -> None:
        """Ask the log for a cursor's next page; equal reads are shared."""
        self._readers.add(cursor.session)
        room, key = cursor.room, (cursor.room, cursor.next)
        if (waiting := self._reads.get(key)) is not None:
            waiting.append(cursor)
            return
        self._reads[key] = [cursor]
        call = partial(self._hub.reader.after, room.id, cursor.next - 1, PAGE_ENTRIES)
        self._hub.reading.submit(call, partial(self._page_read, *key))

    def _page_read(self, room: Room, seq: int, outcome: Page | BaseException) -> None:
        cursors = self._reads.pop((room, seq))
        if isinstance(outcome, LogDamaged):
            close_room(self._hub, room, outcome)
        if isinstance(outcome, BaseException) or not outcome.entries:
            self._later(RETRY, partial(self._go_on, cursors))
            return
        self._go_on(cursors)
        messages = [as_message(room, entry) for entry in outcome.entries]
        blobs: dict[tuple[Wire, int], bytes] = {}
        for cursor in cursors:
            if not _is_waiting(cursor, seq):
                continue
            session = cast(DoorSession, cursor.session)
            last = min(_last_for(cursor), messages[-1].seq)
            key = (session.wire, last)
            if key not in blobs:
                page = [message for message in messages if message.seq <= last]
                blobs[key] = session.wire.encode_slice(page)[0]
            first = min(messages[0].seq, last + 1)
            if first > seq:
                self._skip_trimmed(cursor, session, first)
            self._hand(cursor, session, blobs[key], last + 1)

    def _go_on(self, cursors: list[Cursor], _now: float = 0.0) -> None:
        """Whoever waited for a page may be fed again, in all of its rooms."""
        for session in (cast(DoorSession, cursor.session) for cursor in cursors):
            self._readers.discard(session)
            session.feed()

    # -- publishing --------------------------------------------------------------------------

    def _publish(self) -> None:
        dirty, waiting = self._outgoing.dirty, self._backlog()
        for room in list(dirty):
            if waiting and waiting + len(room.cursors) > FLUSH_SLICE:
                break
            del dirty[room]
            waiting += self._publish_slice(room)
            if room.fresh:
                dirty[room] = None

    def _publish_slice(self, room: Room) -> int:
        """Hand the next slice of a room to its live members; how many there are."""
        live, (messages, authors) = 0, _take(room)
        first, last = messages[0].seq, messages[-1].seq
        for wire, members in room.live.items():
            blob, ends = wire.encode_slice(messages)
            write_all(members, blob)
            self.tails.append(room, wire, Slice(first, last, blob, ends))
            live += len(members)
        self.encoded += len(room.live)
        if not room.live:
            self._keep_for_lagging(room, messages)
        self.delivered += len(messages) * live
        room.published = last
        if self.watchers:
            for told in self.watchers.pop(room, ()):
                told()
        for author in authors:
            author.unpublished -= 1
            if not author.unpublished:
                author.wake()
        return live

    def _keep_for_lagging(self, room: Room, messages: list[Message]) -> None:
        """Nobody is live, but who is behind will want it soon: a tail with a hole would have each
        of them read from the log, one page after the other, for as long as messages come."""
        for wire in {cast(DoorSession, session).wire for session in room.lagging}:
            blob, ends = wire.encode_slice(messages)
            part = Slice(messages[0].seq, messages[-1].seq, blob, ends)
            self.tails.append(room, wire, part)
            self.encoded += 1


def _last_for(cursor: Cursor) -> int:
    """The seq up to which a cursor is fed: `joined`'s head once its peer's input has ended."""
    room = cursor.room
    return min(cursor.head, room.published) if cursor.session.ended else room.published


def _is_waiting(cursor: Cursor, seq: int) -> bool:
    """Whether a page from `seq` on is still what this cursor needs."""
    return cursor.room.lagging.get(cursor.session) is cursor and cursor.next == seq


def _take(room: Room) -> tuple[list[Message], list[Session]]:
    """The next slice of a room: fresh messages, as many as fit, at least one; and their authors."""
    fresh, authors = room.fresh, room.authors
    if len(fresh) == 1 or room.fresh_bytes + utf8_size(room.name) * len(fresh) <= SLICE_BYTES:
        room.fresh, room.authors, room.fresh_bytes = [], [], 0
        return fresh, authors
    overhead = utf8_size(room.name)
    count = taken = 0
    for message in fresh:
        size = POST_OVERHEAD + utf8_size(message.id) + utf8_size(message.text)
        if count and taken + size + overhead * (count + 1) > SLICE_BYTES:
            break
        taken += size
        count += 1
    room.fresh, room.authors = fresh[count:], authors[count:]
    room.fresh_bytes -= taken
    return fresh[:count], authors[:count]


def _join(blobs: list[bytes]) -> bytes:
    return blobs[0] if len(blobs) == 1 else b"".join(blobs)
