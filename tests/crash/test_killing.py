"""A few cycles of the kill -9 loop; and that it would notice what it looks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from netchat.storage.sealing import seal
from tests.crash.killing import Killing
from tests.crash.poster import Violation


@pytest.mark.parametrize(("durability", "cycles"), [("fsync", 3), ("wal", 2)])
def test_killed_under_load_nothing_is_lost_doubled_or_reordered(
    durability: str, cycles: int, tmp_path: Path
) -> None:
    with Killing(tmp_path, durability) as killing:
        while killing.counted < cycles:
            killing.cycle()
        killing.finish()


HELD = 10
"""Messages of the first room that somebody has been told of, when its file is tampered with."""


def cover_up(db: sqlite3.Connection) -> None:
    """What was done is done by somebody who does it well: seals and sums are as they should be."""
    db.create_function("seal", -1, lambda *values: seal(values))
    db.execute(
        "UPDATE messages SET"
        " seal = seal(room, seq, time, identity, id, sender, recipient, text) WHERE room = 1"
    )
    db.execute(
        "UPDATE rooms SET (head, active) ="
        " (SELECT seq, time FROM messages WHERE room = 1 ORDER BY seq DESC LIMIT 1)"
        " WHERE room = 1"
    )


def lose(db: sqlite3.Connection) -> None:
    """The newest of them have never been."""
    db.execute("DELETE FROM messages WHERE room = 1 AND seq >= ?", (HELD,))


def double(db: sqlite3.Connection) -> None:
    """The first post stands behind the newest once more."""
    db.execute(
        "INSERT INTO messages SELECT 1, head + 1, active, identity + 100, id, sender, recipient,"
        " text, 0 FROM messages JOIN rooms USING (room) WHERE room = 1 AND seq = 1"
    )


def reorder(db: sqlite3.Connection) -> None:
    """The first and the last of somebody's posts change places."""
    [(first, last)] = db.execute(
        "SELECT min(seq), max(seq) FROM messages WHERE room = 1 AND seq <= ?"
        " GROUP BY sender HAVING count(*) > 1 LIMIT 1",
        (HELD,),
    )
    for old, new in ((first, 0), (last, first), (0, last)):
        db.execute("UPDATE messages SET seq = ? WHERE room = 1 AND seq = ?", (new, old))


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [(lose, "lost"), (double, "doubled"), (reorder, "reordered|backwards")],
)
def test_what_is_lost_doubled_or_reordered_is_noticed(
    deed: Callable[[sqlite3.Connection], None], verdict: str, tmp_path: Path
) -> None:
    with Killing(tmp_path, "fsync") as killing:
        killing.server.start()
        killing.connect()
        killing.talk_until(lambda: killing.posters[-1].held["plaza"] >= HELD)
        killing.kill()
        with closing(sqlite3.connect(killing.server.data / "netchat.db")) as db, db:
            deed(db)
            cover_up(db)
        with pytest.raises(Violation, match=verdict):
            killing.recover()
