"""The small tables: what the chat has in memory, row by row, and reads whole at start.

All are alike: a row has a key, replaces the row that had it before, and is sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from netchat.chat.log import Batch, IdentityRow, RecordRow, RoomRow, TalkRow, TokenRow
from netchat.storage.sealing import sealed, unsealed

_SAVE = """
INSERT INTO {table} ({columns}, seal) SELECT {values} FROM jsonb_each(?) WHERE true
ON CONFLICT ({key}) DO UPDATE SET {changes}
"""
_LOAD = """
SELECT {columns}, seal FROM {table} ORDER BY {key}
"""
_FORGET_RECORDS = """
DELETE FROM records WHERE (kind, key) IN (SELECT value ->> 0, value ->> 1 FROM jsonb_each(?))
"""
_DROP_TOKENS = """
DELETE FROM tokens
WHERE used < ? AND identity NOT IN (SELECT identity FROM identities WHERE held)
"""


class _Table:
    """The statements of one table; its key is the first `keys` of its columns."""

    def __init__(self, name: str, *columns: str, keys: int = 1) -> None:
        self.name = name
        values = [f"value ->> {number}" for number in range(len(columns) + 1)]
        shown = list(columns)
        if columns[0] == "hash":  # JSON has no bytes: a hash goes as hexadecimal digits
            values[0], shown[0] = "unhex(value ->> 0)", "lower(hex(hash))"
        self.insert = _SAVE.format(
            table=name,
            columns=", ".join(columns),
            values=", ".join(values),
            key=", ".join(columns[:keys]),
            changes=", ".join(f"{column} = excluded.{column}" for column in (*columns, "seal")),
        )
        self.select = _LOAD.format(table=name, columns=", ".join(shown), key=columns[0])

    def save(self, db: apsw.Connection, rows: Sequence[object]) -> None:
        if rows:
            db.execute(self.insert, (sealed(rows),))

    def load(self, db: apsw.Connection) -> list[Sequence[Any]]:
        """Raises BrokenSealError."""
        found = db.execute(self.select).fetchall()
        return unsealed(found, lambda row: f"row {row[0]!r} of {self.name}")


_ROOMS = _Table("rooms", "room", "key", "name")
_TALKS = _Table("talks", "room", "first", "second")
_IDENTITIES = _Table("identities", "identity", "name", "held")
_TOKENS = _Table("tokens", "hash", "identity", "used")
_RECORDS = _Table("records", "kind", "key", "value", keys=2)


def save(db: apsw.Connection, batch: Batch) -> None:
    """Insert or replace everything of the batch that is not a post."""
    _ROOMS.save(db, [(row.room, row.key, row.name) for row in batch.rooms])
    _TALKS.save(db, [(row.room, row.first, row.second) for row in batch.talks])
    _IDENTITIES.save(db, [(row.identity, row.name, int(row.held)) for row in batch.identities])
    _TOKENS.save(db, [(row.hash.hex(), row.identity, row.used) for row in batch.tokens])
    records = [(row.kind, row.key, row.value) for row in batch.records]
    _RECORDS.save(db, [row for row in records if row[2] is not None])
    if gone := [row for row in records if row[2] is None]:
        db.execute(_FORGET_RECORDS, (sealed(gone),))


def rooms(db: apsw.Connection) -> list[RoomRow]:
    return [RoomRow(*row) for row in _ROOMS.load(db)]


def talks(db: apsw.Connection) -> list[TalkRow]:
    return [TalkRow(*row) for row in _TALKS.load(db)]


def identities(db: apsw.Connection) -> list[IdentityRow]:
    return [IdentityRow(row[0], row[1], bool(row[2])) for row in _IDENTITIES.load(db)]


def tokens(db: apsw.Connection) -> list[TokenRow]:
    return [TokenRow(bytes.fromhex(row[0]), row[1], row[2]) for row in _TOKENS.load(db)]


def records(db: apsw.Connection) -> list[RecordRow]:
    return [RecordRow(*row) for row in _RECORDS.load(db)]


def drop_tokens(db: apsw.Connection, unused_since: int) -> None:
    """Forget the tokens last used before `unused_since`, in ms, but none of an identity whose
    name is held: it was connected when the server ended, and had been using its token."""
    db.execute(_DROP_TOKENS, (unused_since,))
