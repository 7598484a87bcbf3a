"""Damage in the middle of the write-ahead log, which SQLite takes for its end.

After an unclean stop SQLite goes on from the WAL as far as its frames are sound, and forgets the
rest: behind the last commit there may be what a power cut has torn. But a frame that is damaged
later makes it forget commits that had been acknowledged. They give themselves away: behind what
SQLite has taken stand further commits of the same generation, and of those that a power cut can
tear there is only one, the one under way. (A WAL that was cut short says nothing of what it
held; nor does its last commit once it is damaged, or two if the mark between them was hit.)

The format: https://sqlite.org/fileformat2.html#walformat
"""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from pathlib import Path
from struct import Struct
from typing import Literal

HEADER = Struct(">3xB4xI4x8s8s")
"""Of the file: its byte order, the size of a page, the salt of this generation, the checksum."""

FRAME = Struct(">4xI8s8x")
"""Of each page: the size of the database where this is a commit's last one, and the salt."""

PAGE = 4096
"""SQLite's page, where the header does not say."""


def forgotten_commits(wal: Path, taken: int) -> int:
    """How many commits stand behind the first `taken` frames of a WAL."""
    if not wal.exists() or wal.stat().st_size < HEADER.size + FRAME.size:
        return 0
    # Of 33 MB only the head of each page is looked at.
    with wal.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        return _commits_behind(data, taken)


def _commits_behind(data: mmap, taken: int) -> int:
    order, page, salt, checksum = HEADER.unpack_from(data)
    if _checksum(data[:24], "big" if order & 1 else "little") != checksum:
        page, (_, salt) = PAGE, FRAME.unpack_from(data, HEADER.size)
    step = FRAME.size + page
    begin = HEADER.size + taken * step
    heads = (FRAME.unpack_from(data, at) for at in range(begin, len(data) - step + 1, step))
    return sum(1 for size, mark in heads if size and mark == salt)


def _checksum(data: bytes, order: Literal["big", "little"]) -> bytes:
    first = second = 0
    for at in range(0, len(data), 8):
        first = (first + int.from_bytes(data[at : at + 4], order) + second) % 2**32
        second = (second + int.from_bytes(data[at + 4 : at + 8], order) + first) % 2**32
    return first.to_bytes(4) + second.to_bytes(4)
