"""A log in memory: gone at the end of the process, bounded while it runs."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, takewhile

from netchat.chat.log import PAGE_BYTES, Appended, Batch, Entry, Page, State, Trimmed
from netchat.storage.place import Head, MessageRow, PostKey, place

KEEP = 50_000
"""Entries kept a room: more than anybody scrolls back, at some 25 MB of everyday messages."""


class MemoryLog:
    """Store and Reader in one. Nothing here waits, so an InlineWorker is all it needs.

    `wall` gives ms since the epoch. `epoch` must be a new one at every start, since the
    seqs start again. The oldest entries go at once where a room holds more than `keep`, and
    with `trim` where they are older than `keep_ms` (0: no limit); the ids of their posts are
    forgotten with them.
    """

    def __init__(
        self, wall: Callable[[], int], epoch: str, keep: int = KEEP, keep_ms: int = 0
    ) -> None:
        self._wall = wall
        self._epoch = epoch
        self._keep = keep
        self._keep_ms = keep_ms
        self._heads: dict[int, Head] = {}
        self._rooms: defaultdict[int, deque[MessageRow]] = defaultdict(deque)
        self._held: dict[PostKey, MessageRow] = {}

    def load(self) -> State:
        """An empty log: nothing outlives the process."""
        return State(self._epoch, [], [], [], [], [])

    def append(self, batch: Batch) -> Appended:
        """Take the posts. Rooms are noted; the other rows would only matter after a restart."""
        placed = place(batch, self._held, self._heads, self._wall())
        self._heads.update(placed.heads)
        self._held.update(placed.rows)
        rooms = self._rooms
        for row in placed.rows.values():
            rooms[row.room].append(row)
        firsts = {room: self._trim(room) for room in placed.heads if self._overfull(room)}
        return Appended(placed.results, firsts)

    def trim(self, limit: int) -> Trimmed:
        """See `chat.log.Store`. Room by room: only within one do times never run backwards."""
        since = self._wall() - self._keep_ms if self._keep_ms else 0
        old = list(islice(self._older(since), limit))
        for row in old:
            self._forget(row.room)
        return Trimmed({row.room: row.seq + 1 for row in old}, more=len(old) == limit)

    def probe(self) -> None:
        """Memory can always be written."""

    def close(self) -> None:
        """Nothing to put in order."""

    def after(self, room: int, seq: int, limit: int) -> Page:
        """See `chat.log.Reader`."""
        head = self._head(room)
        return self._page(room, range(max(seq + 1, self._first(room)), head + 1), limit)

    def before(self, room: int, seq: int, limit: int) -> Page:
        """See `chat.log.Reader`."""
        head = self._head(room)
        newest_first = range(min(seq - 1, head), self._first(room) - 1, -1)
        page = self._page(room, newest_first, limit)
        page.entries.reverse()
        return page

    def _page(self, room: int, seqs: Iterable[int], limit: int) -> Page:
        entries: list[Entry] = []
        held, first, size = self._rooms[room], self._first(room), 0
        for seq in seqs:
            if len(entries) == limit or size >= PAGE_BYTES:
                return Page(entries, more=True)
            row = held[seq - first]
            entries.append(row.entry())
            size += len(row.text.encode())
        return Page(entries, more=False)

    def _older(self, since: int) -> Iterator[MessageRow]:
        for entries in self._rooms.values():
            yield from takewhile(lambda row: row.time < since, entries)

    def _head(self, room: int) -> int:
        return self._heads.get(room, Head()).seq

    def _first(self, room: int) -> int:
        return self._head(room) - len(self._rooms[room]) + 1

    def _overfull(self, room: int) -> bool:
        return len(self._rooms[room]) > self._keep

    def _trim(self, room: int) -> int:
        """Let the oldest entries go; returns the oldest seq that is left."""
        entries = self._rooms[room]
        self._forget(room, len(entries) - self._keep)
        return entries[0].seq

    def _forget(self, room: int, count: int = 1) -> None:
        entries, held = self._rooms[room], self._held
        for _ in range(count):
            row = entries.popleft()
            del held[row.identity, row.id]
