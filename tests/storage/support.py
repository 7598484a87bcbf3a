"""Logs to test with: opened, fed and closed in a line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netchat.chat.log import (
    Batch,
    Entry,
    IdentityRow,
    LogPost,
    Reader,
    Result,
    RoomRow,
    Store,
)
from netchat.storage.memory import MemoryLog
from netchat.storage.reserve import PAGES
from netchat.storage.sqlite import Durability, SqliteLog, SqliteReader

START = 1_700_000_000_000
LOBBY = RoomRow(1, "lobby", "Lobby")
ATTIC = RoomRow(2, "attic", "Attic")
ANA = IdentityRow(1, "ana", held=True)
BEN = IdentityRow(2, "ben", held=False)


@dataclass
class Clock:
    """A wall clock that stands where it is put."""

    now: int = START

    def __call__(self) -> int:
        return self.now


@dataclass
class Epochs:
    """Epochs that tell how many have been made."""

    made: int = 0

    def __call__(self) -> str:
        self.made += 1
        return f"epoch-{self.made}"


@dataclass
class Log:
    """A store with its reader and its clock."""

    store: Store
    reader: Reader
    clock: Clock

    def post(self, *posts: LogPost) -> Sequence[Result]:
        return self.store.append(Batch(posts=posts)).results

    def entries(self, room: int = LOBBY.room) -> list[Entry]:
        """Everything the room holds, read page by page."""
        found: list[Entry] = []
        more = True
        while more:
            page = self.reader.after(room, found[-1].seq if found else 0, 50)
            found += page.entries
            more = page.more
        return found

    def trim(self, limit: int = 500) -> dict[int, int]:
        """Trim until there is no more to do; the rooms' new firsts."""
        firsts: dict[int, int] = {}
        more = True
        while more:
            trimmed = self.store.trim(limit)
            firsts |= trimmed.firsts
            more = trimmed.more
        return firsts

    def close(self) -> None:
        self.reader.close()
        self.store.close()


@dataclass
class Folder:
    """A data folder, and what stays the same each time its log is opened."""

    path: Path
    clock: Clock = field(default_factory=Clock)
    epochs: Epochs = field(default_factory=Epochs)
    keep: int = 0
    keep_ms: int = 0
    wal_pages: int = PAGES

    @property
    def file(self) -> Path:
        return self.path / "netchat.db"

    def store(self, durability: Durability = "fsync", boot: str = "boot-1") -> SqliteLog:
        """Not yet loaded."""
        return SqliteLog(
            self.file, durability, self.clock, self.epochs, boot, self.keep, self.keep_ms,
            self.wal_pages,
        )  # fmt: skip

    def open(self, durability: Durability = "fsync", boot: str = "boot-1") -> Log:
        store = self.store(durability, boot)
        store.load()
        return Log(store, SqliteReader(self.file), self.clock)


def memory_log(keep: int = 1000, keep_ms: int = 0) -> Log:
    clock = Clock()
    store = MemoryLog(clock, "epoch-1", keep, keep_ms)
    store.load()
    return Log(store, store, clock)


def post(
    id: str,
    text: str = "hello",
    *,
    room: RoomRow = LOBBY,
    by: IdentityRow = ANA,
    to: str | None = None,
) -> LogPost:
    return LogPost(room.room, by.identity, id, by.name, to, text)


def numbered(count: int, text: str = "hello") -> list[LogPost]:
    return [post(f"n{number}", text) for number in range(1, count + 1)]


ROOMS = Batch(rooms=[LOBBY, ATTIC], identities=[ANA, BEN])
