"""The text of a message: when it was due, when it was sent, and one byte to count it by.

Both times travel in the message itself, so that any member, of any server, can tell its
latency. MARK ends every text and stands nowhere else in what any server sends, so messages
are counted by counting one byte, without looking for where they begin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MARK = b"|"

SHORTEST = 32
"""Characters: two times and the mark."""

LONGEST = 4_000
"""Characters of a message, by the protocol."""

_TEXT = re.compile(rb"([0-9a-f]{16})([0-9a-f]{12})\.+\|")


def compose(due: int, sent: int, size: int) -> str:
    """A text of `size` characters. Times are in nanoseconds of the monotonic clock, which all
    processes of a machine share; `sent` is not before `due`."""
    return f"{due:016x}{sent - due:012x}".ljust(size - 1, ".") + "|"


def times(text: str) -> tuple[int, int]:
    """(due, sent) of a text. Raises ValueError for somebody else's."""
    due = int(text[:16], 16)
    return due, due + int(text[16:28], 16)


def find_times(data: bytes) -> Iterator[tuple[int, int]]:
    """(due, sent) of every text that stands whole in a piece of a stream."""
    for found in _TEXT.finditer(data):
        due = int(found[1], 16)
        yield due, due + int(found[2], 16)
