"""The tables, row by row: what goes in and what comes out, in as few statements as can be.

SQLite gives the GIL back around every step of a statement, so a statement a row would fight
the loop's thread for it a thousand times a batch. Rows therefore go in as one JSON array a
table, taken apart there by `jsonb_each`, and a page comes back as one row of JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw
import msgspec

from netchat.chat.log import (
    PAGE_BYTES,
    Batch,
    Entry,
    IdentityRow,
    LogPost,
    Page,
    RecordRow,
    RoomRow,
    RoomState,
    TalkRow,
    TokenRow,
)
from netchat.storage.place import Head, MessageRow, Placed, PostKey

_SAVE_META = """
INSERT OR REPLACE INTO meta (key, value) SELECT key, value FROM json_each(?)
"""
_SAVE_ROOMS = """
INSERT INTO rooms (room, key, name)
SELECT value ->> 'room', value ->> 'key', value ->> 'name' FROM jsonb_each(?) WHERE true
ON CONFLICT (room) DO UPDATE SET key = excluded.key, name = excluded.name
"""
_SAVE_TALKS = """
INSERT OR REPLACE INTO talks (room, first, second)
SELECT value ->> 'room', value ->> 'first', value ->> 'second' FROM jsonb_each(?)
"""
_SAVE_IDENTITIES = """
INSERT OR REPLACE INTO identities (identity, name, held)
SELECT value ->> 'identity', value ->> 'name', value ->> 'held' FROM jsonb_each(?)
"""
_SAVE_TOKENS = """
INSERT OR REPLACE INTO tokens (hash, identity, used)
SELECT unhex(value ->> 0), value ->> 1, value ->> 2 FROM jsonb_each(?)
"""
_SAVE_RECORDS = """
INSERT OR REPLACE INTO records (kind, key, value)
SELECT value ->> 'kind', value ->> 'key', value ->> 'value' FROM jsonb_each(?)
"""
_FORGET_RECORDS = """
DELETE FROM records WHERE (kind, key) IN (
    SELECT value ->> 'kind', value ->> 'key' FROM jsonb_each(?)
)
"""
_SAVE_MESSAGES = """
INSERT INTO messages (room, seq, time, identity, id, sender, recipient, text)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3,
       value ->> 4, value ->> 5, value ->> 6, value ->> 7
FROM jsonb_each(?)
"""
_SAVE_HEADS = """
UPDATE rooms SET head = value ->> 1, active = value ->> 2
FROM jsonb_each(?) WHERE room = value ->> 0
"""
# CROSS JOIN: the keys asked for lead and the index follows, never the other way round.
_HELD = """
SELECT room, seq, time, m.identity, m.id, sender, recipient, text
FROM jsonb_each(?) AS asked CROSS JOIN messages AS m
ON m.identity = asked.value ->> 0 AND m.id = asked.value ->> 1
"""
_DROP_TOKENS = """
DELETE FROM tokens
WHERE used < ? AND identity NOT IN (SELECT identity FROM identities WHERE held)
"""
_ROOMS = """
SELECT room, key, name, first, head, active FROM rooms ORDER BY room
"""
_FOUND = """
SELECT room, count(*), min(seq), max(seq) FROM messages GROUP BY room
"""
# `held` is the text in the rows before this one, so the first row always comes. One row
# beyond the limit is looked at, to know whether there are more.
_PAGE = """
SELECT count(*), json_group_array(
    json_object('seq', seq, 'time', time, 'sender', sender, 'to', recipient,
                'id', id, 'text', text) ORDER BY seq
) FILTER (WHERE coalesce(held, 0) < :bytes)
FROM (
    SELECT *, sum(octet_length(text)) OVER (
        ORDER BY seq {way} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS held
    FROM (
        SELECT * FROM messages WHERE room = :room AND seq {side} :seq
        ORDER BY seq {way} LIMIT :limit + 1
    )
)
"""
_AFTER = _PAGE.format(side=">", way="ASC")
_BEFORE = _PAGE.format(side="<", way="DESC")

# For each of the next rooms its first seq, as it is and as it will be. `old` starts right in
# front of every room's oldest entry and goes on from entry to entry while they are to go, so
# what is kept is not read. Each room costs a row for its start.
_OLD = """
WITH RECURSIVE page AS (
    SELECT room, first, head FROM rooms
    WHERE room > :after AND room NOT IN (SELECT value FROM json_each(:spared))
    ORDER BY room LIMIT :limit
),
old (room, first, seq, kept) AS (
    SELECT room, first, first - 1, iif(:keep, head - :keep, 0) FROM page
    UNION ALL
    SELECT m.room, first, m.seq, kept
    FROM old CROSS JOIN messages AS m ON m.room = old.room AND m.seq = old.seq + 1
    WHERE m.seq <= kept OR m.time < :since
    LIMIT :limit + (SELECT count(*) FROM page)
)
SELECT json_group_array(json_array(room, first, next) ORDER BY room)
FROM (SELECT room, first, max(seq) + 1 AS next FROM old GROUP BY room)
"""
_DELETE = """
DELETE FROM messages WHERE (room, seq) IN (
    SELECT m.room, m.seq FROM jsonb_each(?) AS trimmed CROSS JOIN messages AS m
    ON m.room = trimmed.value ->> 0 AND m.seq < trimmed.value ->> 1
)
"""
_SAVE_FIRSTS = """
UPDATE rooms SET first = value ->> 1 FROM jsonb_each(?) WHERE room = value ->> 0
"""

Bindings = tuple[str, ...] | dict[str, int] | dict[str, int | str] | None

_to_json = msgspec.json.Encoder().encode
_entries = msgspec.json.Decoder(list[Entry]).decode


class OldIn(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What of a room is to go: from `first` up to what will be `next` its first."""

    room: int
    first: int
    next: int


_old_in = msgspec.json.Decoder(list[OldIn]).decode


def meta(db: apsw.Connection) -> dict[str, str]:
    return dict(_rows(db, "SELECT key, value FROM meta"))


def save_meta(db: apsw.Connection, **values: str) -> None:
    db.execute(_SAVE_META, (_to_json(values).decode(),))


def save_rows(db: apsw.Connection, batch: Batch) -> None:
    """Insert or replace everything of the batch that is not a post."""
    _save(db, _SAVE_ROOMS, batch.rooms)
    _save(db, _SAVE_TALKS, batch.talks)
    _save(db, _SAVE_IDENTITIES, batch.identities)
    # JSON has no bytes: the hash goes as hexadecimal digits.
    tokens = [(row.hash.hex(), row.identity, row.used) for row in batch.tokens]
    _save(db, _SAVE_TOKENS, tokens)
    _save(db, _SAVE_RECORDS, [row for row in batch.records if row.value is not None])
    _save(db, _FORGET_RECORDS, [row for row in batch.records if row.value is None])


def save_placed(db: apsw.Connection, placed: Placed) -> None:
    """Insert the messages and move the heads of their rooms."""
    _save(db, _SAVE_MESSAGES, list(placed.rows.values()))
    heads = [(room, head.seq, head.time) for room, head in placed.heads.items()]
    _save(db, _SAVE_HEADS, heads)


def held(db: apsw.Connection, posts: Sequence[LogPost]) -> dict[PostKey, MessageRow]:
    """The messages that are kept under these posts' keys."""
    keys = _to_json([(post.identity, post.id) for post in posts]).decode()
    rows = (MessageRow(*row) for row in _rows(db, _HELD, (keys,)))
    return {(row.identity, row.id): row for row in rows}


def heads(db: apsw.Connection) -> dict[int, Head]:
    rows = _rows(db, "SELECT room, head, active FROM rooms")
    return {room: Head(seq, time) for room, seq, time in rows}


def after(db: apsw.Connection, room: int, seq: int, limit: int) -> Page:
    found, entries = _page(db, _AFTER, room, seq, limit)
    page = entries[:limit]
    return Page(page, more=found > len(page))


def before(db: apsw.Connection, room: int, seq: int, limit: int) -> Page:
    found, entries = _page(db, _BEFORE, room, seq, limit)
    page = entries[-limit:]
    return Page(page, more=found > len(page))


def rooms(db: apsw.Connection) -> list[RoomState]:
    """All rooms, each one's messages counted against its own idea of them."""
    found = {room: counted for room, *counted in _rows(db, _FOUND)}
    states = []
    for room, key, name, first, head, active in _rows(db, _ROOMS):
        row = RoomRow(room, key, name)
        wrong = _contiguity(name, first, head, found.get(room, (0, 0, 0)))
        states.append(RoomState(row, first, head, active, wrong))
    return states


def talks(db: apsw.Connection) -> list[TalkRow]:
    return [TalkRow(*row) for row in _rows(db, "SELECT room, first, second FROM talks")]


def identities(db: apsw.Connection) -> list[IdentityRow]:
    rows = _rows(db, "SELECT identity, name, held FROM identities")
    return [IdentityRow(identity, name, bool(held)) for identity, name, held in rows]


def tokens(db: apsw.Connection) -> list[TokenRow]:
    return [TokenRow(*row) for row in _rows(db, "SELECT hash, identity, used FROM tokens")]


def records(db: apsw.Connection) -> list[RecordRow]:
    return [RecordRow(*row) for row in _rows(db, "SELECT kind, key, value FROM records")]


def drop_tokens(db: apsw.Connection, unused_since: int) -> None:
    """Forget the tokens last used before `unused_since`, in ms, but none of an identity whose
    name is held: it was connected when the server ended, and had been using its token."""
    db.execute(_DROP_TOKENS, (unused_since,))


def old(
    db: apsw.Connection, after: int, limit: int, keep: int, since: int, spared: Sequence[int]
) -> list[OldIn]:
    """What is to go of the next `limit` rooms: `limit` entries at the most.

    The rooms are those behind room `after`, but the `spared`; of each, what is not among its
    newest `keep` (0: all), and what is older than `since`.
    """
    asked: dict[str, int | str] = {
        "after": after, "limit": limit, "keep": keep, "since": since,
        "spared": _to_json(spared).decode(),
    }  # fmt: skip
    [(found,)] = _rows(db, _OLD, asked)
    return _old_in(found)


def delete(db: apsw.Connection, rooms: Sequence[OldIn]) -> None:
    """Let go of these entries."""
    firsts = [(room.room, room.next) for room in rooms]
    _save(db, _DELETE, firsts)
    _save(db, _SAVE_FIRSTS, firsts)


def _save(db: apsw.Connection, statement: str, rows: Sequence[Any]) -> None:
    if rows:
        db.execute(statement, (_to_json(rows).decode(),))


def _rows(db: apsw.Connection, query: str, values: Bindings = None) -> list[tuple[Any, ...]]:
    return db.execute(query, values).fetchall()


def _page(
    db: apsw.Connection, query: str, room: int, seq: int, limit: int
) -> tuple[int, list[Entry]]:
    """How many rows were looked at, and those that the text's bound lets through."""
    asked = {"room": room, "seq": seq, "limit": limit, "bytes": PAGE_BYTES}
    [(found, entries)] = _rows(db, query, asked)
    return found, _entries(entries)


def _contiguity(name: str, first: int, head: int, found: Iterable[int]) -> str | None:
    """A sentence where the messages found are not exactly `first` to `head`."""
    count, low, high = found
    wanted = head - first + 1
    if count == wanted and (count == 0 or (low == first and high == head)):
        return None
    span = f", from {low} to {high}" if count else ""
    return (
        f"The room {name} should hold {wanted} messages, from {first} to {head}; "
        f"{count} were found{span}."
    )
