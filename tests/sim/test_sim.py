"""The simulator in the ordinary run of the tests: few seeds, and proof that it would notice.

`python -m tests.sim` runs as many seeds as one likes. With SIM_SEEDS=1000 set, as many
are run here too, and each planted bug is looked for from seed 0 on.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import count
from secrets import randbelow
from time import monotonic

import pytest

from .planted import BUGS, CAUGHT_BY, planted
from .run import simulate
from .simulation import Failure

SEEDS = int(os.environ.get("SIM_SEEDS", "0"))
LONG = pytest.mark.timeout(3_600 if SEEDS else 300)

FIXED = (*range(10, 30), 49, 73, 103, 617, 3935, 208948)
"""Seeds of every run, one in five of them on SQLite. Some once found a bug of the server's: 103 a
room that forgot what went before it was published, 617 old messages kept by a clock's jump."""

FRESH_SECONDS = 10
"""How long seeds are tried that nobody has seen."""

MOST = 300
"""Seeds within which every rare path must be walked."""

SOMETIMES = [
    "partial send",
    "accept failed",
    "refused by the ring",
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
    "client killed",
    "client killed with posts under way",
    "power cut",
    "frozen",
    "stopped in order",
    "log failed",
    "reader failed",
    "refused: store_full",
    "refused: rate_limited",
    "refused: bad_token",
]
"""Rare paths that the fixed seeds have walked; if not, those from 0 on."""


def test_no_promise_is_broken_and_rare_paths_are_walked() -> None:
    walked: Counter[str] = Counter()
    for seed in FIXED:
        walked += simulate(seed).sometimes
    for seed in range(MOST):
        if all(walked[path] for path in SOMETIMES):
            break
        walked += simulate(seed).sometimes
    assert [path for path in SOMETIMES if not walked[path]] == []


def test_no_promise_is_broken_in_runs_that_nobody_has_seen() -> None:
    """Another set each time; a failure names its seed, `python -m tests.sim --seed` replays it."""
    until = monotonic() + FRESH_SECONDS
    for seed in count(10**6 + randbelow(10**9)):
        simulate(seed)
        if monotonic() > until:
            break


@LONG
@pytest.mark.skipif(not SEEDS, reason="SIM_SEEDS is not set")
def test_no_promise_is_broken_in_many_runs() -> None:
    for seed in range(SEEDS):
        simulate(seed)


@pytest.mark.parametrize("sqlite", [False, True])
def test_a_run_on_either_log_replays_to_the_last_byte(sqlite: bool) -> None:
    first, second = (simulate(26, sqlite=sqlite) for _ in range(2))
    assert first == second


def test_two_seeds_are_two_different_runs() -> None:
    assert simulate(26).fingerprint != simulate(101).fingerprint


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
