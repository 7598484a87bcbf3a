"""A disk that loses power: the real one, and the memory of what has not been synced.

What is written and not yet synced is remembered write by write. A power cut keeps any part of
it, in any order, torn where a sector ends; what was synced stays. Files cut short or deleted
may be as they were before: a deletion lasts from the first sync of a journal that was opened
later, with which SQLite also syncs the folder. (What SQLite takes for granted, no disk here
takes away: that a sector is written whole or not at all, and that writing one harms no other.)

The shared-memory file holds nothing that has to last; it is never seen here.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import apsw

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""

REAL = apsw.vfs_names()[0]

FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where files cost no disk: syncing is simulated anyway."""

KEPT = (0.0, 0.1, 0.5, 0.9, 1.0)
"""How much of what was not synced a power cut leaves: one of these, drawn for each cut."""


class Written:
    """One file: how it is on the disk for certain, and what has been done to it since."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.synced = bytearray(path.read_bytes() if path.exists() else b"")
        self.since: list[tuple[int, bytes | None]] = []
        """Writes, by offset; None stands for a cut at that size."""

    def sync(self) -> None:
        for offset, part in self.since:
            _put(self.synced, offset, part)
        self.since.clear()

    def after_power_cut(self, random: Random) -> bytes:
        """The file as a disk may have it."""
        data, kept = bytearray(self.synced), random.choice(KEPT)
        for offset, part in self.since:
            if part is None:
                if random.random() < kept:
                    _put(data, offset, None)
                continue
            for start, sector in _sectors(offset, part):
                if random.random() < kept:
                    _put(data, start, sector)
        return bytes(data)


def _sectors(offset: int, part: bytes) -> list[tuple[int, bytes]]:
    """A write, cut where sectors end."""
    first = SECTOR - offset % SECTOR
    edges = [0, *range(first, len(part), SECTOR), len(part)]
    return [(offset + a, part[a:b]) for a, b in pairwise(edges)]


def _put(data: bytearray, offset: int, part: bytes | None) -> None:
    if part is None:
        del data[offset:]
        return
    if len(data) < offset:
        data += bytes(offset - len(data))
    data[offset : offset + len(part)] = part


class LossyDisk(apsw.VFS):
    """The default one while it is registered. It watches the files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, Written] = {}
        self.deleted: dict[str, Written] = {}
        """Perhaps still there after a power cut."""
        super().__init__("power", REAL, makedefault=True)

    def xOpen(self, name: Any, flags: Any) -> LossyFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        watched = path is not None and Path(path).parent == self.folder
        return LossyFile(self, name, flags, Path(path) if watched else None)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        if (written := self.files.pop(filename, None)) is not None:
            self.deleted[filename] = written
        super().xDelete(filename, syncdir)

    def file(self, path: Path) -> Written:
        return self.files.setdefault(str(path), Written(path))

    def after_power_cut(self, random: Random) -> dict[str, bytes]:
        """What a power cut at this instant may leave: the files' content by their names."""
        back = {path: file for path, file in self.deleted.items() if random.random() < 0.5}
        files = back | self.files
        return {Path(path).name: file.after_power_cut(random) for path, file in files.items()}

    def may(self, operation: str) -> bool:
        """Called before each write, cut and sync; False: it has no effect."""
        return True

    def done(self, operation: str) -> None:
        """Called after each write, cut and sync."""


class LossyFile(apsw.VFSFile):
    def __init__(self, disk: LossyDisk, name: Any, flags: Any, path: Path | None) -> None:
        super().__init__(REAL, name, flags)
        self._disk = disk
        self._written = None if path is None else disk.file(path)
        self._syncs_folder = path is not None and path.name.endswith(("-wal", "-journal"))

    def xWrite(self, data: bytes, offset: int) -> None:
        self._do("write", lambda: super(LossyFile, self).xWrite(data, offset), offset, bytes(data))

    def xTruncate(self, size: int) -> None:
        self._do("cut", lambda: super(LossyFile, self).xTruncate(size), size, None)

    def xSync(self, flags: int) -> None:
        if self._written is not None and self._disk.may("sync"):
            self._written.sync()
            if self._syncs_folder:
                self._syncs_folder = False
                self._disk.deleted.clear()
            self._disk.done("sync")

    def _do(self, operation: str, act: Any, offset: int, part: bytes | None) -> None:
        if self._written is None:
            act()
        elif self._disk.may(operation):
            act()
            self._written.since.append((offset, part))
            self._disk.done(operation)
