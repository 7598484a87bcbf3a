"""The real SQLite log on a disk that loses power, see `tests.storage.lossy`.

A killed process loses nothing, but leaves its files as they were, without the tidying of a
close. Writes and syncs may fail, too.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import apsw

from netchat.chat.log import Reader, Store
from netchat.storage import schema
from netchat.storage.place import MessageRow
from netchat.storage.sqlite import SqliteLog, SqliteReader
from tests.storage.lossy import FAST, LossyDisk

from .plan import Plan
from .world import World

WAL_PAGES = 40
"""A short WAL: it is as long as it gets, and is written back, again and again in a run."""


class FailingDisk(LossyDisk):
    """It fails now and then, and dies in the middle of things."""

    def __init__(self, folder: Path, random: Random) -> None:
        super().__init__(folder)
        self.failures = 0.0
        self.random = random
        self.left: int | None = None
        """Operations before the process ends; those after have no effect."""

    def may(self, operation: str) -> bool:
        if self.random.random() < self.failures:
            raise self.random.choice([apsw.IOError, apsw.FullError])("The disk failed.")
        if self.left:
            self.left -= 1
        return self.left != 0


class SqliteDisk:
    """A Disk, see `disk`."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.durability = plan.durability
        self._plan = plan
        self._boot = 1
        self._folder = Path(tempfile.mkdtemp(prefix="netchat-sim-", dir=FAST))
        self._file = self._folder / "netchat.db"
        self._vfs = FailingDisk(self._folder, world.random("disk"))
        self._failures = self._vfs.random.choice([0.0, 0.01, 0.05])
        self._store: SqliteLog | None = None
        self._reader: SqliteReader | None = None

    def open(self, wall: Callable[[], int], new_epoch: Callable[[], str]) -> tuple[Store, Reader]:
        self._vfs.failures = 0.0
        durability: Any = self.durability
        keep, keep_ms = self._plan.keep, self._plan.keep_ms
        boot = f"boot {self._boot}"
        self._store = SqliteLog(
            self._file, durability, wall, new_epoch, boot, keep, keep_ms, WAL_PAGES
        )
        self._reader = SqliteReader(self._file)
        return self._store, self._reader

    def set_failing(self, failing: bool) -> None:
        self._vfs.failures = self._failures if failing else 0.0

    def begin_to_die(self, random: Random) -> None:
        self._vfs.failures = 0.0
        self._vfs.left = random.choice([0, 1, 2, 3, 5, 8, 1_000])

    def crash(self, power: bool, random: Random) -> None:
        if power:
            self._boot += 1
            left = self._vfs.after_power_cut(random)
        else:
            left = {path.name: path.read_bytes() for path in self._folder.iterdir() if _lasts(path)}
        self._let_go()
        for path in self._folder.iterdir():
            if path.suffix != ".lock":
                path.unlink()
        for name, data in left.items():
            (self._folder / name).write_bytes(data)
        self._vfs.files.clear()
        self._vfs.left = None

    def _let_go(self) -> None:
        if self._reader is not None:
            self._reader.close()
        if self._store is not None:
            self._store._disconnect()
            self._store._release()
        self._store = self._reader = None

    def rows(self) -> list[MessageRow]:
        query = (
            "SELECT room, seq, time, identity, id, sender, recipient, text FROM messages"
            " ORDER BY room, seq"
        )
        db = schema.connect_read_only(self._file)
        found: list[Any] = db.execute(query).fetchall()
        rows = [MessageRow(*row) for row in found]
        db.close()
        return rows

    def is_lost(self, room: int, seq: int, id: str) -> bool:
        return False  # a look at the file for each message would take too long; see `rows`

    def span(self, room: int) -> tuple[int, int]:
        assert self._store is not None and self._store._anchor is not None
        query = (
            "SELECT coalesce((SELECT min(seq) FROM messages WHERE room = :room), head + 1), head"
            " FROM rooms WHERE room = :room"
        )
        found: Any = self._store._anchor.execute(query, {"room": room}).fetchall()
        return found[0] if found else (1, 0)

    def discard(self) -> None:
        self._vfs.failures = 0.0
        self._let_go()
        self._vfs.unregister()
        shutil.rmtree(self._folder)


def _lasts(path: Path) -> bool:
    return path.name.endswith((".db", "-wal", "-journal"))
