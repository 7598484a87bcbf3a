"""The real SQLite log on a disk that loses power: SQLite's own files behind a virtual one.

What is written and not yet synced is remembered write by write. A power cut keeps any part of
it, torn where a sector ends; what was synced stays. A killed process loses nothing, but leaves
its files as they were, without the tidying of a close. Writes and syncs may fail, too.

The shared-memory file holds nothing that has to last; it is never seen here, and is gone after
every crash.
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

from .plan import Plan
from .world import World

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""

REAL = apsw.vfs_names()[0]

FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where files cost no disk: syncing is simulated anyway."""


class Written:
    """One file: how it is on the disk for certain, and what has been written since."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.synced = path.read_bytes() if path.exists() else b""
        self.since: list[tuple[int, bytes]] = []

    def sync(self) -> None:
        if self.since:
            self.synced = self.path.read_bytes()
            self.since.clear()

    def lose_power(self, random: Random) -> None:
        """Leave the file as a disk may have it."""
        data = bytearray(self.synced)
        for offset, part in self.since:
            for start in range(0, len(part), SECTOR):
                if random.random() < 0.5:
                    _put(data, offset + start, part[start : start + SECTOR])
        self.path.write_bytes(data)


def _put(data: bytearray, offset: int, part: bytes) -> None:
    if len(data) < offset:
        data += bytes(offset - len(data))
    data[offset : offset + len(part)] = part


class Vfs(apsw.VFS):
    """The default one while it is registered."""

    def __init__(self, random: Random) -> None:
        self.files: dict[str, Written] = {}
        self.failures = 0.0
        self.random = random
        self.left: int | None = None
        """Writes and syncs before the process ends; those after have no effect."""
        super().__init__("power", REAL, makedefault=True)

    def xOpen(self, name: Any, flags: Any) -> VfsFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return VfsFile(self, name, flags, Path(path) if path else None)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.files.pop(filename, None)
        super().xDelete(filename, syncdir)

    def file(self, path: Path) -> Written:
        return self.files.setdefault(str(path), Written(path))

    def is_dead(self) -> bool:
        """Counts an operation, which fails, or has no effect any more."""
        if self.random.random() < self.failures:
            raise self.random.choice([apsw.IOError, apsw.FullError])("The disk failed.")
        if self.left:
            self.left -= 1
        return self.left == 0


class VfsFile(apsw.VFSFile):
    def __init__(self, vfs: Vfs, name: Any, flags: Any, path: Path | None) -> None:
        super().__init__(REAL, name, flags)
        self._vfs = vfs
        self._written = None if path is None else vfs.file(path)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._vfs.is_dead():
            return
        super().xWrite(data, offset)
        if self._written is not None:
            self._written.since.append((offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        if self._vfs.is_dead():
            return
        super().xTruncate(size)
        if self._written is not None:
            self._written.synced = self._written.synced[:size]
            self._written.since = [w for w in self._written.since if w[0] + len(w[1]) <= size]

    def xSync(self, flags: int) -> None:
        if not self._vfs.is_dead() and self._written is not None:
            self._written.sync()


class SqliteDisk:
    """A Disk, see `disk`."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.durability = plan.durability
        self._plan = plan
        self._boot = 1
        self._folder = Path(tempfile.mkdtemp(prefix="netchat-sim-", dir=FAST))
        self._file = self._folder / "netchat.db"
        self._vfs = Vfs(world.random("disk"))
        self._failures = self._vfs.random.choice([0.0, 0.01, 0.05])
        self._store: SqliteLog | None = None
        self._reader: SqliteReader | None = None

    def open(self, wall: Callable[[], int], new_epoch: Callable[[], str]) -> tuple[Store, Reader]:
        self._vfs.failures = 0.0
        durability: Any = self.durability
        keep, keep_ms = self._plan.keep, self._plan.keep_ms
        boot = f"boot {self._boot}"
        self._store = SqliteLog(self._file, durability, wall, new_epoch, boot, keep, keep_ms)
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
            for written in self._vfs.files.values():
                if written.path.exists():
                    written.lose_power(random)
        left = {path: path.read_bytes() for path in self._folder.iterdir() if _lasts(path)}
        self._let_go()
        for path in self._folder.iterdir():
            if path not in left and path.suffix != ".lock":
                path.unlink()
        for path, data in left.items():
            path.write_bytes(data)
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
