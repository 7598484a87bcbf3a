"""Seals: every row bears a checksum of what was written, so that no flipped bit goes unnoticed.

SQLite finds damage to the structure of its file, but a text in which a letter has changed is a
text. So each row is written with a CRC-32 of its values (as one JSON array), and read with it.
It finds every single flipped bit, and all but one in four thousand million other changes; it is
no protection against anybody who means to deceive.

`first`, `head` and `active` of a room change with every batch and are not sealed: they are
checked against the room's messages at start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from zlib import crc32

import apsw
import msgspec

_to_json = msgspec.json.Encoder().encode


class BrokenSealError(Exception):
    """A row is not what was written; the text says which one."""


def seal(values: object) -> int:
    """The checksum of a row's values: a sequence, or a struct that is encoded as one."""
    return crc32(_to_json(values))


def sealed(rows: Iterable[object]) -> str:
    """Rows as a JSON array of arrays, each with its seal behind its values."""
    parts = []
    for row in rows:
        data = _to_json(row)
        parts.append(b"%b,%d]" % (data[:-1], crc32(data)))
    return f"[{b','.join(parts).decode()}]"


def unsealed(
    rows: Iterable[Sequence[Any]], name: Callable[[Sequence[Any]], str]
) -> list[Sequence[Any]]:
    """The rows without their seals. Raises BrokenSealError, with the `name` of the first row
    that is not what was written."""
    values: list[Sequence[Any]] = []
    for *row, found in rows:
        if crc32(_to_json(row)) != found:
            raise BrokenSealError(f"{name(row)} is not what was written")
        values.append(row)
    return values


def register(db: apsw.Connection) -> None:
    """Give SQL the function `seal`: for migrations, which seal what was written without."""
    db.create_scalar_function("seal", lambda *values: seal(values), deterministic=True)
