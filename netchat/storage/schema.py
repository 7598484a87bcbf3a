"""The file of the SQLite log: its tables, how it is opened, and how it is checked.

Tables are STRICT, so that a wrong type is an error and not a surprise, and bear the names
of the rows of `chat.log`. `messages` and `tokens` are WITHOUT ROWID: they are read by their
keys, and a room's entries lie side by side.

A room's `first`, `head` and `active` (the newest entry's time) are columns of its own,
changed in the transaction that appends. Taken from `messages` instead, they would be lost
once the oldest entries, perhaps all of them, are deleted: seqs would be used again and times
run backwards. They also are what the messages are checked against at start.

`meta` holds the epoch; whether the log was closed in good order (`clean`) and when; under which
durability and in which boot of the machine (`boot`) it was last opened; and the time of the
last probe.

SQLite's own checks find damage to the file's structure, the count at start finds messages that
are missing, and the rows' seals find what was altered.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from netchat.errors import StartError
from netchat.storage import migrations
from netchat.storage.sealing import BrokenSealError
from netchat.storage.wal import forgotten_commits

APPLICATION_ID = 0x6E746368
"""Marks the file as ours (`ntch`): SQLite's own place for it, in the file's header."""

BUSY_MS = 250
"""How long to wait for a lock. Only a tool beside us can hold one, for an instant."""

# Schema 1. It stays as it is: what has changed since is in `migrations`.
_TABLES = """
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rooms (
    room INTEGER NOT NULL PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    first INTEGER NOT NULL DEFAULT 1,
    head INTEGER NOT NULL DEFAULT 0,
    active INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE messages (
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    identity INTEGER NOT NULL,
    id TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT,
    text TEXT NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX messages_by_id ON messages (identity, id);

CREATE TABLE talks (
    room INTEGER NOT NULL PRIMARY KEY,
    first INTEGER NOT NULL,
    second INTEGER NOT NULL
) STRICT;

CREATE TABLE identities (
    identity INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    held INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    identity INTEGER NOT NULL,
    used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


def connect(path: Path) -> apsw.Connection:
    """A connection to a log that exists. Every commit reaches the disk until told otherwise."""
    db = _connect(path, apsw.SQLITE_OPEN_READWRITE)
    db.pragma("fullfsync", True)  # macOS: plain fsync stops at the drive's own cache
    db.pragma("synchronous", "FULL")
    return db


def connect_read_only(path: Path) -> apsw.Connection:
    return _connect(path, apsw.SQLITE_OPEN_READONLY)


def open_or_create(path: Path, now: int) -> apsw.Connection:
    """As `connect`, for a start: makes the log where there is none, migrates an old one (`now`,
    the wall clock in ms, dates its copy), refuses a newer and a foreign one."""
    # Made here and not by SQLite, so that nobody else can read it for even an instant. Its
    # -wal and -shm get the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = connect(path)
    try:
        _prepare(db, path, now)
    except BaseException:
        db.close(True)
        raise
    return db


def _prepare(db: apsw.Connection, path: Path, now: int) -> None:
    application, version = db.pragma("application_id"), db.pragma("user_version")
    if (application, version) == (0, 0) and not _tables(db):
        _create(db)
    elif application != APPLICATION_ID or version < 1:
        raise StartError(f"{path} is not a netchat log.")
    elif version > (known := migrations.newest()):
        raise StartError(
            f"{path} was written by a newer netchat (schema {version}, this one knows {known})."
        )
    elif version < known:
        check_structure(db, path)  # neither a copy of damage nor a migration of it
        migrations.migrate(db, path, version, now)


def check_structure(db: apsw.Connection, path: Path) -> None:
    """Read the whole file and see that it holds together, every index included: a post that is
    not found by its id would be stored again. A second for a million messages. Raises StartError.
    """
    finding = db.pragma("integrity_check", 1)
    if finding != "ok":
        raise damaged(path, str(finding).splitlines()[-1])  # the first may be a heading


def check_wal(db: apsw.Connection, path: Path) -> None:
    """See that SQLite has taken all of the WAL, but for a commit that was under way. Raises
    StartError."""
    taken, _ = db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    lost = forgotten_commits(path.with_name(f"{path.name}-wal"), max(taken, 0))
    if lost > 1:
        raise damaged(path, f"{lost} commits in its WAL cannot be read")


def empty_wal(db: apsw.Connection) -> None:
    """Begin a new WAL. Else a commit that a power cut has torn would stand behind the next one
    that is torn, before as many frames have been written as it had; and two are damage."""
    db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def damaged(path: Path, finding: str) -> StartError:
    return StartError(f"{path} is damaged ({finding}); please restore it from a backup.")


@contextmanager
def start_errors(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a log is opened becomes a sentence for the operator."""
    try:
        yield
    except OSError as exc:
        raise StartError(f"{path} cannot be opened: {exc.strerror}.") from exc
    except apsw.NotADBError as exc:
        raise StartError(f"{path} is not a netchat log.") from exc
    except (apsw.CorruptError, UnicodeDecodeError, BrokenSealError) as exc:
        raise damaged(path, str(exc)) from exc
    except apsw.Error as exc:
        raise StartError(f"{path} cannot be used: {exc}.") from exc


def _connect(path: Path, flags: int) -> apsw.Connection:
    db = apsw.Connection(str(path), flags=flags)
    db.set_busy_timeout(BUSY_MS)
    db.pragma("cell_size_check", True)  # meet damage where it is read, not later
    return db


def _tables(db: apsw.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM sqlite_schema").get)


def _create(db: apsw.Connection) -> None:
    db.pragma("journal_mode", "WAL")
    with db:
        db.execute(_TABLES)
        db.pragma("application_id", APPLICATION_ID)
        migrations.apply(db, 1)
