"""A disk on which any single write or sync can be made to fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw

REAL = apsw.vfs_names()[0]


class Disk(apsw.VFS):
    """The real one, counting; the operation with the number `fatal` raises `error`, and so do
    those behind it, `failures` in all."""

    def __init__(self) -> None:
        super().__init__("failing", REAL, makedefault=True)
        self.fatal = 0
        self.failures = 1
        self.error: type[apsw.Error] = apsw.IOError
        self.log: list[str] = []
        self.nameless = 0
        """Files of SQLite's own that were opened, to be gone once they are closed."""
        self.before: Callable[[], None] = lambda: None
        """Called before every operation."""

    def xOpen(self, name: Any, flags: Any) -> File:
        self.nameless += name is None
        return File(self, name, flags)

    def count(self, operation: str) -> None:
        self.before()
        self.log.append(operation)
        if self.fatal and 0 <= len(self.log) - self.fatal < self.failures:
            raise self.error(f"{operation} failed")


class File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: Any) -> None:
        super().__init__(REAL, name, flags)
        self.disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.count("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.disk.count("sync")
        super().xSync(flags)
