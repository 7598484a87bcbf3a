"""Copies of the log: whole, in one file, on disk, and called what they are only once complete.

A backup has no epoch. Wherever it is put in place of a log, its first start makes a new one: the
seqs behind it may have been told to clients, and will be used again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import apsw

from netchat.errors import StartError

_READ = apsw.SQLITE_OPEN_READONLY
_WRITE = apsw.SQLITE_OPEN_READWRITE


def back_up(log: Path, copy: Path) -> None:
    """Copy a log, which may be in use, to a file that does not exist. Raises StartError."""
    if copy.exists():
        raise StartError(f"{copy} exists already.")
    try:
        db = apsw.Connection(str(log), flags=_READ)
        try:
            _copy(db, copy, _forget_epoch)
        finally:
            db.close(True)
    except (OSError, apsw.Error) as exc:
        raise StartError(f"{log} cannot be copied to {copy}: {exc}.") from exc


def copy(db: apsw.Connection, copy: Path) -> None:
    """Copy a log as it is, for its owner alone."""
    _copy(db, copy, lambda target: None)


def _copy(db: apsw.Connection, copy: Path, change: Callable[[apsw.Connection], None]) -> None:
    unfinished = copy.with_name(f"{copy.name}.unfinished")
    try:
        os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        target = apsw.Connection(str(unfinished), flags=_WRITE)
        try:
            target.pragma("journal_mode", "OFF")  # a copy that fails is thrown away
            with target.backup("main", db, "main") as backup:
                backup.step()
            change(target)
        finally:
            target.close(True)
        _sync(unfinished)
        unfinished.rename(copy)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _sync(copy.parent)


def _forget_epoch(target: apsw.Connection) -> None:
    target.execute("DELETE FROM meta WHERE key = 'epoch'")


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
