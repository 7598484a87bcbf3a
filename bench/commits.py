"""Bare commits: the rows of messages into the log's own store, with no server around it."""

from __future__ import annotations

import time
from array import array
from itertools import count
from pathlib import Path
from typing import Literal, Self

from msgspec import Struct

from bench.stats import ladder
from netchat.chat.log import Batch, LogPost, RoomRow
from netchat.config import Config, Server
from netchat.environment import system

ROOM = 1


class Commit(Struct, kw_only=True):
    """What commits of so many rows came to: CPU of a row, and the time that a commit took."""

    rows: int
    row_us: float
    p50: float
    p99: float


class Commits:
    """A store in a folder of its own. Use as a context."""

    def __init__(self, folder: Path, durability: Literal["wal", "fsync"]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        config = Config(server=Server(durability=durability))
        self._parts = system(config, folder).open_log(lambda _call: None)
        self._store = self._parts.store
        self._numbers = count()

    def __enter__(self) -> Self:
        self._store.load()
        room = RoomRow(room=ROOM, key="room", name="room")
        self._store.append(Batch(rooms=[room]))
        return self

    def __exit__(self, *_: object) -> None:
        for part in (self._parts.reading, self._parts.reader, self._parts.writing, self._store):
            part.close()

    def play(self, rows: int, size: int, publishers: int, seconds: float) -> Commit:
        """Commit again and again, for so long and at least once. Every publisher's ids stand in
        a place of their own in the log's index, so they post in turns, as in the cases."""
        taken: array[int] = array("Q")
        text, cpu = "x" * size, 0
        deadline = time.monotonic() + seconds
        while not taken or time.monotonic() < deadline:
            batch = Batch(posts=[self._post(text, publishers) for _ in range(rows)])
            began, began_cpu = time.monotonic_ns(), time.process_time_ns()
            self._store.append(batch)
            cpu += time.process_time_ns() - began_cpu
            taken.append(time.monotonic_ns() - began)
        rungs = ladder(taken)
        row_us = cpu / 1e3 / rows / len(taken)
        return Commit(rows=rows, row_us=row_us, p50=rungs["p50"], p99=rungs["p99"])

    def _post(self, text: str, publishers: int) -> LogPost:
        number, identity = divmod(next(self._numbers), publishers)
        name = f"publisher{identity}"
        return LogPost(
            room=ROOM, identity=identity, id=f"{name}.{number:x}", sender=name, to=None, text=text
        )
