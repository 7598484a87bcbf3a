"""The write-ahead log is made longer before it is used, and written back when it is full.

Where a commit makes a file longer, the disk is also told how long it is and where it lies, and
waits for its own journal: beside a flood of posts the p99 of everybody else was 4 to 6 ms while the
WAL grew, and 2 ms in one that had its length. So a commit writes a piece of zeros behind the WAL,
until it is as long as it ever gets between two checkpoints. They are synced with the commit.

SQLite takes zeros for the end of the log, as their salt is of no generation. Inside of a
transaction that writes nobody else may write to the WAL, or cut it. The zeros go by SQLite's own
way to a file, so whatever stands between it and the disk sees them, too.

A checkpoint comes before a transaction, not behind the commit that was one too many, as SQLite has
it: those whose posts were in it need not wait.
"""

from __future__ import annotations

import os
from contextlib import suppress

import apsw

from netchat.storage.wal import FRAME, HEADER, PAGE

STEP = 31
"""Pages at a time: SQLite's way to a file takes less than 128 KiB at once. A card that writes 10 MB
a second needs 13 ms for them."""

PAGES = 8_000
"""Pages of 4 KiB between two checkpoints: 33 MB. SQLite's own 1,000 are soon there in a flood, and
two posts in a hundred wait for one; most of 8,000 are the same few again, and one takes 4 ms."""


class Reserve:
    """The WAL of a connection that writes, with room for so many pages."""

    def __init__(self, db: apsw.Connection, pages: int) -> None:
        self._pages = pages
        self._used = 0
        db.set_wal_hook(self._note)

    def make_room(self, db: apsw.Connection) -> None:
        """Before a transaction: write the WAL back where it is full. Whoever reads may hold that
        up, and a disk that fails will say so again."""
        if self._used >= self._pages:
            with suppress(apsw.Error):
                db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def extend(self, db: apsw.Connection) -> None:
        """Inside of a transaction that writes, before anything else in it: make the WAL a step
        longer, where it is too short. Where that fails, on a full disk say, it stays as it is."""
        wal = db.filename_wal
        with suppress(apsw.Error, OSError):
            size = os.stat(wal).st_size
            missing = HEADER.size + _frames(self._pages) - size
            if missing > 0:
                _append(wal, size, min(missing, _frames(STEP)))

    def _note(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        """SQLite's, after each commit. (A checkpoint is seen at the one that follows it.)"""
        self._used = pages
        return apsw.SQLITE_OK


def _frames(pages: int) -> int:
    """Bytes of so many pages in the WAL."""
    return pages * (FRAME.size + PAGE)


def _append(wal: str, size: int, count: int) -> None:
    flags = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_READWRITE
    file = apsw.VFSFile("", wal, [flags, 0])
    try:
        file.xWrite(bytes(count), size)
    finally:
        file.xClose()
