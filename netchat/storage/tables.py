"""The messages, row by row: what goes in and what comes out, in as few statements as can be.

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
    Entry,
    LogPost,
    Page,
    RoomState,
)
from netchat.storage import facts
from netchat.storage.place import Head, MessageRow, Placed, PostKey
from netchat.storage.sealing import seal, sealed, unsealed

_SAVE_META = """
INSERT OR REPLACE INTO meta (key, value) SELECT key, value FROM json_each(?)
"""
_SAVE_MESSAGES = """
INSERT INTO messages (room, seq, time, identity, id, sender, recipient, text, seal)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3,
       value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
FROM jsonb_each(?)
"""
_SAVE_HEADS = """
UPDATE rooms SET head = value ->> 1, active = value ->> 2
FROM jsonb_each(?) WHERE room = value ->> 0
"""
# CROSS JOIN: the keys asked for lead and the index follows, never the other way round.
_HELD = """
SELECT room, seq, time, m.identity, m.id, sender, recipient, text, seal
FROM jsonb_each(?) AS asked CROSS JOIN messages AS m
ON m.identity = asked.value ->> 0 AND m.id = asked.value ->> 1
"""
_SPANS = """
SELECT room, first, head, active FROM rooms
"""
_FOUND = """
SELECT room, count(*), min(seq), max(seq), max(time) FROM messages GROUP BY room
"""
# `held` is the text in the rows before this one, so the first row always comes. One row
# beyond the limit is looked at, to know whether there are more.
_PAGE = """
SELECT count(*), json_group_array(
    json_array(room, seq, time, identity, id, sender, recipient, text, seal) ORDER BY seq
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

Held = dict[PostKey, MessageRow | None]
"""What is kept under the keys of posts; None for a message that is damaged."""

_to_json = msgspec.json.Encoder().encode


class OldIn(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What of a room is to go: from `first` up to what will be `next` its first."""

    room: int
    first: int
    next: int


_old_in = msgspec.json.Decoder(list[OldIn]).decode
_from_json = msgspec.json.Decoder(list[list[Any]]).decode


def meta(db: apsw.Connection) -> dict[str, str]:
    return dict(_rows(db, "SELECT key, value FROM meta"))


def save_meta(db: apsw.Connection, **values: str) -> None:
    db.execute(_SAVE_META, (_to_json(values).decode(),))


def save_placed(db: apsw.Connection, placed: Placed) -> None:
    """Insert the messages and move the heads of their rooms. Raises apsw.ConstraintError, and
    has done neither, where one of the messages' keys is kept already."""
    if placed.rows:
        db.execute(_SAVE_MESSAGES, (sealed(placed.rows.values()),))
    heads = [(room, head.seq, head.time) for room, head in placed.heads.items()]
    _save(db, _SAVE_HEADS, heads)


def held(db: apsw.Connection, posts: Sequence[LogPost]) -> Held:
    """The messages that are kept under these posts' keys."""
    keys = _to_json([(post.identity, post.id) for post in posts]).decode()
    found: Held = {}
    for *values, mark in _rows(db, _HELD, (keys,)):
        row = MessageRow(*values)
        found[row.identity, row.id] = row if seal(row) == mark else None
    return found


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
    spans = {room: span for room, *span in _rows(db, _SPANS)}
    for row in facts.rooms(db):
        first, head, active = spans[row.room]
        count, low, high, newest = found.get(row.room, (0, 0, 0, active))
        wrong = _contiguity(row.name, first, head, (count, low, high))
        if wrong is None and newest != active:
            wrong = f"The newest message of the room {row.name} is not of the time on record."
        states.append(RoomState(row, first, head, active, wrong))
    return states


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
    [(found, rows)] = _rows(db, query, asked)
    messages = unsealed(_from_json(rows), lambda row: f"message {row[1]}")
    return found, [
        Entry(seq, time, sender, to, id, text) for _, seq, time, _, id, sender, to, text in messages
    ]


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
