"""The simulator in the ordinary run of the tests: few seeds, and proof that it would notice.

`python -m tests.sim` runs as many seeds as one likes. With NETCHAT_SIM_SEEDS=1000 set, as many
are run here too, and each planted bug is looked for from seed 0 on.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from .planted import BUGS, CAUGHT_BY, planted
from .run import simulate
from .simulation import Failure

SEEDS = int(os.environ.get("NETCHAT_SIM_SEEDS", "0"))
LONG = pytest.mark.timeout(3_600 if SEEDS else 60)

FIXED = range(20)
"""Seeds of every run; those of SQLite are among the next."""

SOMETIMES = [
    "partial send",
    "accept failed",
    "live, lagging",
    "live, lagging, page, live",
    "crash before commit",
    "crash between commit and acknowledgement",
    "duplicate",
    "duplicate while the first is in flight",
    "resumed",
    "resume during a commit",
    "farewell: replaced",
    "farewell: shutting_down",
    "gap: epoch_changed",
    "gap: retention",
    "half-close with posts under way",
    "killed",
    "power cut",
    "frozen",
    "stopped in order",
    "log failed",
    "reader failed",
    "refused: store_full",
    "refused: rate_limited",
    "refused: bad_token",
]
"""Rare paths that the fixed seeds must have walked."""


@pytest.fixture(scope="module")
def walked() -> Counter[str]:
    """What the fixed seeds come to, none of which may break a promise."""
    sometimes: Counter[str] = Counter()
    for seed in range(max(SEEDS, len(FIXED))):
        sometimes += simulate(seed).sometimes
    return sometimes


@LONG
def test_no_promise_is_broken(walked: Counter[str]) -> None:
    assert walked


@LONG
@pytest.mark.parametrize("path", SOMETIMES)
def test_rare_paths_are_walked(walked: Counter[str], path: str) -> None:
    assert walked[path] > 0


@pytest.mark.parametrize("sqlite", [False, True])
def test_a_run_on_either_log_replays_to_the_last_byte(sqlite: bool) -> None:
    first, second = (simulate(3, sqlite=sqlite) for _ in range(2))
    assert first == second


def test_two_seeds_are_two_different_runs() -> None:
    assert simulate(3).fingerprint != simulate(4).fingerprint


@LONG
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name: str) -> None:
    assert caught(name)


def caught(name: str) -> bool:
    """Whether its own seed finds a bug, else one of the first thousand."""
    hint = CAUGHT_BY.get(name, 0)
    for seed in range(1_000) if SEEDS else (hint, *range(1_000)):
        try:
            with planted(name):
                simulate(seed)
        except Failure:
            return True
    return False
