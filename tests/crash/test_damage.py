"""Some damaged logs; and that damage which goes unnoticed would be noticed here."""

from __future__ import annotations

from collections.abc import Callable
from random import Random, SystemRandom

import pytest

from netchat.storage import facts, schema, sqlite, tables
from tests.crash.damage import run
from tests.crash.poster import Violation


def test_damage_is_named_or_harmless_wherever_it_strikes() -> None:
    seed = SystemRandom().randrange(10**6)
    print("seed", seed)  # shown where it fails
    outcomes = run(Random(seed), 150)
    assert {what.rpartition(" ")[2] for what in outcomes} > {"sound", "refused"}


def unseen(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks at seals."""
    for module in (facts, tables):
        patch.setattr(module, "unsealed", lambda rows, name: [row[:-1] for row in rows])


def unread(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks behind the end of the WAL."""
    patch.setattr(schema, "forgotten_commits", lambda wal, taken: 0)


def unchecked(patch: pytest.MonkeyPatch) -> None:
    """A log that has rested is not checked."""
    patch.setattr(sqlite, "REST_MS", 10**15)


@pytest.mark.parametrize("plant", [unseen, unread, unchecked])
def test_a_planted_bug_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(Violation):
        run(Random(1), 1_000)
