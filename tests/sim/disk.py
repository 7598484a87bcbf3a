"""The disk: what outlives the server's process, and the logs that are kept on it.

The model log keeps a journal of batches. Each is on the disk once it has been synced; a power
cut forgets any number of the newest that were not. A killed process loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice, takewhile
from random import Random
from typing import Protocol

from netchat.chat.log import (
    Appended,
    Batch,
    IdentityRow,
    Reader,
    RecordRow,
    RoomRow,
    RoomState,
    State,
    Store,
    Stored,
    TalkRow,
    TokenRow,
    Trimmed,
)
from netchat.storage.memory import KEEP, MemoryLog
from netchat.storage.place import Head, MessageRow


class Disk(Protocol):
    """Where a log lives between two lives of the server."""

    durability: str

    def open(self, wall: Callable[[], int], new_epoch: Callable[[], str]) -> tuple[Store, Reader]:
        """The two sides of the log, for a new life."""

    def begin_to_die(self, random: Random) -> None:
        """The process is about to end, perhaps in the middle of a call."""

    def crash(self, power: bool, random: Random) -> None:
        """The process ends; with `power`, so does the machine."""

    def rows(self) -> list[MessageRow]:
        """Every message that is on record, in order of room and seq."""

    def is_lost(self, room: int, seq: int, id: str) -> bool:
        """Whether a message that should be on record by now is not."""

    def span(self, room: int) -> tuple[int, int]:
        """The oldest seq of a room that is still on record, and its head: head + 1 and head
        where there is none."""

    def set_failing(self, failing: bool) -> None:
        """Whether single writes may fail, if this disk's ever do."""

    def discard(self) -> None:
        """Clean up."""


@dataclass
class MemoryDisk:
    """Nothing outlives the process."""

    keep: int
    keep_ms: int
    durability: str = "memory"
    log: MemoryLog | None = None

    def open(self, wall: Callable[[], int], new_epoch: Callable[[], str]) -> tuple[Store, Reader]:
        self.log = MemoryLog(wall, new_epoch(), self.keep or KEEP, self.keep_ms)
        return self.log, self.log

    def crash(self, power: bool, random: Random) -> None:
        self.log = None

    def rows(self) -> list[MessageRow]:
        return [] if self.log is None else rows_of(self.log)

    def is_lost(self, room: int, seq: int, id: str) -> bool:
        return self.log is None or is_lost(self.log, room, seq, id)

    def span(self, room: int) -> tuple[int, int]:
        return span_of(self.log, room)

    def set_failing(self, failing: bool) -> None:
        """The worker in front of it fails for it."""

    def begin_to_die(self, random: Random) -> None:
        """A batch is journalled whole or not at all."""

    def discard(self) -> None:
        """Nothing to clean up."""


@dataclass
class ModelDisk:
    """A journal of batches with their results, and of what retention took."""

    durability: str
    keep: int
    keep_ms: int
    journal: list[tuple[Batch, Appended] | Trimmed] = field(default_factory=list)
    synced: int = 0
    epoch: str = ""
    clean: bool = True
    rebooted: bool = False
    log: ModelLog | None = None

    def open(self, wall: Callable[[], int], new_epoch: Callable[[], str]) -> tuple[Store, Reader]:
        lossy = not self.clean and self.rebooted and self.durability == "wal"
        if not self.epoch or lossy:
            self.epoch = new_epoch()
        self.clean = self.rebooted = False
        self.log = ModelLog(self, wall)
        return self.log, self.log

    def write(self, done: tuple[Batch, Appended] | Trimmed) -> None:
        self.journal.append(done)
        if self.durability == "fsync":
            self.synced = len(self.journal)

    def crash(self, power: bool, random: Random) -> None:
        self.log = None
        if power:
            self.rebooted = True
            del self.journal[random.randint(self.synced, len(self.journal)) :]
        self.synced = len(self.journal)

    def rows(self) -> list[MessageRow]:
        return rows_of(self.log or ModelLog(self, lambda: 0))

    def is_lost(self, room: int, seq: int, id: str) -> bool:
        return self.log is None or is_lost(self.log, room, seq, id)

    def span(self, room: int) -> tuple[int, int]:
        return span_of(self.log, room)

    def set_failing(self, failing: bool) -> None:
        """The worker in front of it fails for it."""

    def begin_to_die(self, random: Random) -> None:
        """A batch is journalled whole or not at all."""

    def discard(self) -> None:
        """Nothing to clean up."""


class ModelLog(MemoryLog):
    """A log in memory that is rebuilt from the journal at each start."""

    def __init__(self, disk: ModelDisk, wall: Callable[[], int]) -> None:
        super().__init__(wall, disk.epoch)
        self._disk = disk
        self._rows: dict[type, dict[object, object]] = {
            RoomRow: {},
            TalkRow: {},
            IdentityRow: {},
            TokenRow: {},
            RecordRow: {},
        }
        for done in disk.journal:
            if isinstance(done, Trimmed):
                self._trim_again(done)
            else:
                self._replay(*done)

    def load(self) -> State:
        rows = self._rows
        rooms = [
            RoomState(row, self._first(row.room), self._head(row.room), self._active(row.room))
            for row in rows[RoomRow].values()
            if isinstance(row, RoomRow)
        ]
        return State(
            self._epoch,
            rooms,
            [row for row in rows[TalkRow].values() if isinstance(row, TalkRow)],
            [row for row in rows[IdentityRow].values() if isinstance(row, IdentityRow)],
            [row for row in rows[TokenRow].values() if isinstance(row, TokenRow)],
            [r for r in rows[RecordRow].values() if isinstance(r, RecordRow) and r.value],
        )

    def append(self, batch: Batch) -> Appended:
        appended = super().append(batch)
        self._disk.write((batch, appended))
        self._note(batch)
        return appended

    def trim(self, limit: int) -> Trimmed:
        """By age and by count alike, as SQLite does it, and not at once."""
        since = self._wall() - self._disk.keep_ms if self._disk.keep_ms else 0
        old: list[MessageRow] = []
        for room, entries in self._rooms.items():
            kept = self._head(room) - self._disk.keep if self._disk.keep else 0
            gone = takewhile(lambda row: row.seq <= kept or row.time < since, entries)  # noqa: B023
            old += islice(gone, limit - len(old))
        for row in old:
            self._forget(row.room)
        trimmed = Trimmed({row.room: row.seq + 1 for row in old}, more=len(old) == limit)
        if old:
            self._disk.write(trimmed)
        return trimmed

    def _trim_again(self, trimmed: Trimmed) -> None:
        for room, first in trimmed.firsts.items():
            while self._rooms[room] and self._rooms[room][0].seq < first:
                self._forget(room)

    def close(self) -> None:
        self._disk.synced = len(self._disk.journal)
        self._disk.clean = True

    def _note(self, batch: Batch) -> None:
        for room in batch.rooms:
            self._rows[RoomRow][room.room] = room
        for talk in batch.talks:
            self._rows[TalkRow][talk.room] = talk
        for identity in batch.identities:
            self._rows[IdentityRow][identity.identity] = identity
        for token in batch.tokens:
            self._rows[TokenRow][token.hash] = token
        for record in batch.records:
            self._rows[RecordRow][record.kind, record.key] = record

    def _replay(self, batch: Batch, appended: Appended) -> None:
        self._note(batch)
        for room in batch.rooms:
            self._heads.setdefault(room.room, Head())
        for post, result in zip(batch.posts, appended.results, strict=True):
            if isinstance(result, Stored):
                row = MessageRow(
                    post.room,
                    result.seq,
                    result.time,
                    post.identity,
                    post.id,
                    post.sender,
                    post.to,
                    post.text,
                )
                self._heads[post.room] = Head(result.seq, result.time)
                self._rooms[post.room].append(row)
                self._held[post.identity, post.id] = row

    def _active(self, room: int) -> int:
        return self._heads.get(room, Head()).time


def rows_of(log: MemoryLog) -> list[MessageRow]:
    """Everything that a log in memory holds."""
    return [row for room in sorted(log._rooms) for row in log._rooms[room]]


def span_of(log: MemoryLog | None, room: int) -> tuple[int, int]:
    return (1, 0) if log is None else (log._first(room), log._head(room))


def is_lost(log: MemoryLog, room: int, seq: int, id: str) -> bool:
    place = seq - log._first(room)
    held = log._rooms[room]
    return place >= 0 and (place >= len(held) or held[place].id != id)
