"""A few power cuts inside of commits; and that they would show what they look for."""

from __future__ import annotations

from random import Random, SystemRandom
from typing import Any

import apsw
import pytest

from netchat.storage import facts, sqlite, tables
from netchat.storage.sqlite import Durability
from tests.crash.poster import Violation
from tests.crash.power import Power

POINTS = 120


@pytest.mark.parametrize("durability", ["fsync", "wal"])
def test_after_a_power_cut_in_a_commit_the_log_keeps_its_promise(durability: Durability) -> None:
    seed = SystemRandom().randrange(10**6)
    print("seed", seed)  # shown where it fails
    power = Power(Random(seed), durability)
    power.run(POINTS)
    assert power.points >= POINTS


def test_one_seed_is_one_run() -> None:
    runs = [Power(Random(7), "fsync") for _ in range(2)]
    for power in runs:
        power.run(40)
    assert 0 < runs[0].finished == runs[1].finished < runs[0].points


def unsynced(patch: pytest.MonkeyPatch) -> None:
    """A commit does not wait for the disk."""
    patch.setattr(sqlite, "_SYNCHRONOUS", {"fsync": "NORMAL", "wal": "OFF"})


def halved(patch: pytest.MonkeyPatch) -> None:
    """Posts and what belongs to them are two transactions."""
    inner = facts.save

    def save(db: apsw.Connection, batch: Any) -> None:
        inner(db, batch)
        db.execute("COMMIT")
        db.execute("BEGIN IMMEDIATE")

    patch.setattr(facts, "save", save)


def unmarked(patch: pytest.MonkeyPatch) -> None:
    """Nobody remembers that the log was not closed."""
    save = tables.save_meta

    def save_meta(db: apsw.Connection, **values: str) -> None:
        save(db, **(values | {"clean": "1"}))

    patch.setattr(tables, "save_meta", save_meta)


@pytest.mark.parametrize(
    ("plant", "durability"), [(unsynced, "fsync"), (halved, "fsync"), (unmarked, "wal")]
)
def test_a_planted_bug_is_found(
    plant: Any, durability: Durability, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(Violation):
        Power(Random(3), durability).run(1_000)
