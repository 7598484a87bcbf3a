"""From the schema of an older netchat to the newest one.

Rules of this file.
1. A migration that has been released is never changed; what is to be different is a further
   one. Every new log is made by the first schema and all of them, so there is one way only.
2. Before the first statement stands a copy of the whole file, on disk, beside the log. It is
   called what it is only once it is complete.
3. All migrations and the new version are one transaction: wherever it is cut, the log has
   either the old schema or the new one, never something between. Where a migration fails, its
   copy goes: the log is unchanged, and a server that is started again and again would fill
   the disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import apsw

from netchat.storage import copying, sealing

log = logging.getLogger("netchat.storage")

Migration = Callable[[apsw.Connection], None]


def _add_records(db: apsw.Connection) -> None:
    """Schema 2: small facts of any kind (accounts, rights, ...), all of them read at start."""
    db.execute(
        """
        CREATE TABLE records (
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (kind, key)
        ) STRICT, WITHOUT ROWID
        """
    )


_ADD_SEAL = """
ALTER TABLE {table} ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;
UPDATE {table} SET seal = seal({values});
"""


def _add_seals(db: apsw.Connection) -> None:
    """Schema 3: every row bears a checksum; what there is so far is taken for sound."""
    for table, values in (
        ("messages", "room, seq, time, identity, id, sender, recipient, text"),
        ("rooms", "room, key, name"),
        ("talks", "room, first, second"),
        ("identities", "identity, name, held"),
        ("tokens", "lower(hex(hash)), identity, used"),
        ("records", "kind, key, value"),
    ):
        db.execute(_ADD_SEAL.format(table=table, values=values))


MIGRATIONS: list[Migration] = [_add_records, _add_seals]
"""The first one makes schema 2 of schema 1, and so on."""


def newest() -> int:
    """The version of the schema that this netchat uses."""
    return 1 + len(MIGRATIONS)


def apply(db: apsw.Connection, version: int) -> None:
    """Bring a log with schema `version` up to the newest one, in the caller's transaction."""
    sealing.register(db)
    for migration in MIGRATIONS[version - 1 :]:
        migration(db)
    db.pragma("user_version", newest())


def migrate(db: apsw.Connection, path: Path, version: int, now: int) -> None:
    """Copy the log, then migrate it. `now` is the wall clock in ms, and dates the copy.

    After a failure the connection is to be closed, which rolls back what was begun.
    """
    date = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%dT%H%M%SZ")
    copy = path.with_name(f"{path.name}.v{version}-{date}")
    copying.copy(db, copy)
    log.warning("The log's schema goes from %d to %d; a copy is %s", version, newest(), copy)
    try:
        db.execute("BEGIN IMMEDIATE")
        apply(db, version)
    except BaseException:
        copy.unlink()
        raise
    db.execute("COMMIT")
