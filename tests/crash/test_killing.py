"""A few cycles of the kill -9 loop; and that it would notice what it looks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

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


def lose(db: sqlite3.Connection) -> None:
    """The newest post has never been."""
    db.execute("DELETE FROM messages WHERE room = 1 AND seq = (SELECT head FROM rooms)")
    db.execute("UPDATE rooms SET head = head - 1 WHERE room = 1")


def double(db: sqlite3.Connection) -> None:
    """The first post stands behind the newest once more."""
    db.execute("UPDATE rooms SET head = head + 1 WHERE room = 1")
    db.execute(
        "INSERT INTO messages SELECT 1, head, active, identity + 100, id, sender, recipient, text"
        " FROM messages JOIN rooms USING (room) WHERE room = 1 AND seq = 1"
    )


def reorder(db: sqlite3.Connection) -> None:
    """The two newest posts change places."""
    [(head,)] = db.execute("SELECT head FROM rooms WHERE room = 1")
    for old, new in ((head, 0), (head - 1, head), (0, head - 1)):
        db.execute("UPDATE messages SET seq = ? WHERE room = 1 AND seq = ?", (new, old))


@pytest.mark.parametrize(
    ("deed", "verdict"), [(lose, "lost"), (double, "doubled"), (reorder, "reordered|is seq|runs")]
)
def test_what_is_lost_doubled_or_reordered_is_noticed(
    deed: Callable[[sqlite3.Connection], None], verdict: str, tmp_path: Path
) -> None:
    with Killing(tmp_path, "fsync") as killing:
        killing.server.start()
        killing.connect()
        killing.talk_until(lambda: killing.posters[-1].held["plaza"] > 10)
        killing.kill()
        with closing(sqlite3.connect(killing.server.data / "netchat.db")) as db, db:
            deed(db)
        with pytest.raises(Violation, match=verdict):
            killing.recover()
