"""The audit: the log against what posters were told, row by row.

The log is read from its file, by a connection of SQLite that can only read, and by `history`
over the wire. Both are read on from where the last audit ended, and from the beginning at the
end. A row once seen must stay as it was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tests.crash.poster import ROOMS, Poster, check, post_of
from tests.e2e.client import Object, RawClient

PAGE = 300

ROWS = """
SELECT seq, messages.time, sender, id, text FROM messages JOIN rooms USING (room)
WHERE name = ? AND seq > ? ORDER BY seq
"""


class Row(NamedTuple):
    """A message, as the log has it."""

    seq: int
    time: int
    sender: str
    id: str
    text: str


def row_of(event: Object) -> Row:
    """A message, as it is told."""
    return Row(event["seq"], event["time"], event["from"], event["id"], event["text"])


def rows_in_file(path: Path, room: str, after: int) -> list[Row]:
    """What the file holds behind a seq."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return [Row(*values) for values in db.execute(ROWS, (room, after))]


def rows_on_the_wire(client: RawClient, room: str, after: int) -> Iterator[Row]:
    """What the server tells of the room behind a seq."""
    complete = False
    while not complete:
        client.send({"type": "history", "room": room, "after": after, "limit": PAGE})
        page = client.until("history")
        for event in page["messages"]:
            yield row_of(event)
            after = event["seq"]
        complete = page["complete"]


class Audit:
    """What was seen of the log so far, and where each post stands in it."""

    def __init__(self, posters: list[Poster]) -> None:
        self._posters = {poster.name: poster for poster in posters}
        self.rows: dict[str, list[int]] = {room: [] for room in ROOMS}
        """The hash of each row: it is there to be compared, and there are many."""
        self._times = dict.fromkeys(ROOMS, 0)
        self._places = {poster.name: dict[int, int]() for poster in posters}
        self._newest = {(poster.name, room): 0 for poster in posters for room in ROOMS}
        self._acknowledged = dict.fromkeys(self._posters, 0)

    @property
    def count(self) -> int:
        """Rows of all rooms."""
        return sum(map(len, self.rows.values()))

    def read_on(self, path: Path, client: RawClient) -> None:
        """Compare what is new, while nobody posts."""
        for room, rows in self.rows.items():
            at = len(rows)
            news = rows_in_file(path, room, at)
            told = list(rows_on_the_wire(client, room, at))
            check(news == told, f"the file and the wire differ in {room} behind {at}")
            self.add(room, news)
        self.compare()

    def read_all(self, path: Path, client: RawClient) -> None:
        """Compare everything from the beginning with what was seen first."""
        for room, rows in self.rows.items():
            found = list(map(hash, rows_in_file(path, room, 0)))
            check(found == rows, f"what the file holds of {room} has changed")
            told = list(map(hash, rows_on_the_wire(client, room, 0)))
            check(told == rows, f"the wire does not tell of {room} what the file holds")

    def add(self, room: str, news: Iterable[Row]) -> None:
        """Rows that were not seen before: each must be a post, once, and in its sender's order."""
        rows = self.rows[room]
        for row in news:
            check(row.seq == len(rows) + 1, f"{room} has {row.seq} behind {len(rows)}")
            check(row.time >= self._times[room], f"time runs backwards at {row}")
            self._times[room] = row.time
            self._add_post(room, row)
            rows.append(hash(row))

    def _add_post(self, room: str, row: Row) -> None:
        name, number = row.sender, int(row.id.rpartition("-")[2])
        posted = (room, row.id, row.text) == post_of(name, number)
        check(posted and number <= self._posters[name].sent, f"nobody posted {row}")
        places = self._places[name]
        check(number not in places, f"doubled: {row} is also seq {places.get(number)}")
        newest = self._newest[name, room]
        check(number > newest, f"reordered: {row} stands behind number {newest}")
        places[number] = row.seq
        self._newest[name, room] = number

    def compare(self) -> None:
        """The log against what each poster was told since the last time."""
        for poster in self._posters.values():
            self._compare_acknowledged(poster)
            for room in ROOMS:
                self._compare_received(poster, room)

    def _compare_acknowledged(self, poster: Poster) -> None:
        places = self._places[poster.name]
        for number in range(self._acknowledged[poster.name] + 1, len(poster.seqs) + 1):
            told, place = poster.seqs[number - 1], places.get(number)
            id = f"{poster.name}-{number}"
            check(place is not None, f"lost: {id} was acknowledged as seq {told}")
            check(place == told, f"{id} is seq {place}, and was acknowledged as {told}")
        self._acknowledged[poster.name] = len(poster.seqs)

    def _compare_received(self, poster: Poster, room: str) -> None:
        held, events = poster.held[room], poster.unaudited[room]
        check(len(self.rows[room]) >= held, f"lost: {poster.name} was told seq {held} of {room}")
        for row, event in zip(self.rows[room][held - len(events) : held], events, strict=True):
            check(row == hash(row_of(event)), f"{poster.name} was told what is not so: {event}")
        events.clear()

    def check_complete(self) -> None:
        """At the end: every post is in the log, and everybody has the whole log."""
        for name, poster in self._posters.items():
            there, wanted = self._places[name].keys(), set(range(1, poster.sent + 1))
            check(there == wanted, f"lost: numbers {sorted(wanted - there)} of {name}")
            for room, rows in self.rows.items():
                held = poster.held[room]
                check(held == len(rows), f"{name} holds {held} of {len(rows)} in {room}")
