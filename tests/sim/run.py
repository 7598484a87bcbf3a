"""Many runs: what one seed is, and how a lot of them are summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic

from .simulation import Failure, Outcome, Simulation
from .sqlite_disk import SqliteDisk

SQLITE_EVERY = 5
"""One seed in so many runs on the real SQLite log; the others on the model of one."""

CHUNK = 10
"""Seeds that a process is given at a time."""


def simulate(seed: int, *, sqlite: bool = False) -> Outcome:
    """One run. Raises Failure."""
    real = sqlite or seed % SQLITE_EVERY == SQLITE_EVERY - 1
    return Simulation(seed, SqliteDisk if real else None).run()


@dataclass
class Total:
    """What many runs come to."""

    seeds: int = 0
    simulated: int = 0
    """Milliseconds."""
    posts: int = 0
    ticks: int = 0
    sometimes: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def add(self, seed: int, *, sqlite: bool) -> None:
        """Run one seed more."""
        self.seeds += 1
        try:
            outcome = simulate(seed, sqlite=sqlite)
        except Failure as failure:
            self.failures.append(failure)
            return
        self.simulated += outcome.simulated
        self.posts += outcome.posts
        self.ticks += outcome.ticks
        self.sometimes += outcome.sometimes

    def merge(self, other: Total) -> None:
        """Add another total."""
        self.seeds += other.seeds
        self.simulated += other.simulated
        self.posts += other.posts
        self.ticks += other.ticks
        self.sometimes += other.sometimes
        self.failures += other.failures


def run_chunk(seeds: list[int], sqlite: bool) -> Total:
    """What one process does at a time."""
    total = Total()
    for seed in seeds:
        total.add(seed, sqlite=sqlite)
    return total


def run_many(
    seeds: Iterator[int], *, jobs: int, until: float | None, sqlite: bool
) -> Iterator[Total]:
    """Run seeds until there are none left, one fails, or the monotonic clock says `until`.

    Yields the total as it grows.
    """
    total = Total()
    with ProcessPoolExecutor(jobs) as pool:
        running: set[Future[Total]] = set()
        while not total.failures:
            while len(running) < jobs and (until is None or monotonic() < until):
                if not (chunk := list(islice(seeds, CHUNK))):
                    break
                running.add(pool.submit(run_chunk, chunk, sqlite))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                total.merge(future.result())
            yield total
