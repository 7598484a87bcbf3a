"""The simulator's command line.

python -m tests.sim --seed 17              one seed; where it fails, with what came before
python -m tests.sim --seeds 1000 --jobs 2  seeds 0 to 999
python -m tests.sim --minutes 5            as many seeds as there is time for
python -m tests.sim --planted              each planted bug, and the seeds that it took
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from time import monotonic

from .planted import BUGS, planted
from .run import Total, run_many, simulate
from .simulation import Failure

PLANTED_SEEDS = 1_000
"""Seeds within which each planted bug must be found."""

SHOWN = 60
"""Lines of the trace before a failure."""


def main() -> int:
    """The exit code: 0 where nothing was violated, or where every planted bug was found."""
    options = _options()
    if options.planted:
        return _planted(options.jobs)
    if options.seed is not None:
        return _one(options.seed, options.sqlite)
    return _many(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.sim", description="The deterministic simulator.")
    parser.add_argument("--seed", type=int, help="run this seed alone")
    parser.add_argument("--seeds", type=int, help="run so many seeds")
    parser.add_argument("--start", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (one a core)")
    parser.add_argument("--sqlite", action="store_true", help="the real SQLite log in every run")
    parser.add_argument("--planted", action="store_true", help="look for every planted bug")
    options = parser.parse_args()
    if options.seed is None and options.seeds is None and options.minutes is None:
        options.seeds = 200
    return options


def _one(seed: int, sqlite: bool) -> int:
    try:
        outcome = simulate(seed, sqlite=sqlite)
    except Failure as failure:
        _show(failure)
        return 1
    print(f"seed {seed}: {outcome.posts} posts in {outcome.simulated / 1000:.1f} simulated s")
    print(f"trace {outcome.fingerprint}")
    return 0


def _many(options: argparse.Namespace) -> int:
    begin = monotonic()
    until = None if options.minutes is None else begin + 60 * options.minutes
    start = options.start
    seeds = count(start) if options.seeds is None else iter(range(start, start + options.seeds))
    total, told = Total(), begin
    for total in run_many(seeds, jobs=options.jobs, until=until, sqlite=options.sqlite):
        if monotonic() - told > 10:
            told = monotonic()
            print(_line(total, told - begin), flush=True)
    print(_line(total, monotonic() - begin))
    for path, times in total.sometimes.most_common():
        print(f"  {times:9} {path}")
    for failure in total.failures:
        _show(failure)
    return 1 if total.failures else 0


def _line(total: Total, seconds: float) -> str:
    return (
        f"{total.seeds} seeds, {total.seeds / max(seconds, 0.001):.1f} a second; "
        f"{total.simulated / 3_600_000:.2f} simulated hours, {total.posts} posts, "
        f"{total.ticks} ticks; {len(total.failures)} violations"
    )


def _planted(jobs: int) -> int:
    missed = 0
    with ProcessPoolExecutor(jobs) as pool:
        for name, found in zip(BUGS, pool.map(_find, BUGS), strict=True):
            missed += found is None
            print(f"{name:50} {'missed' if found is None else found}", flush=True)
    print(f"{len(BUGS) - missed} of {len(BUGS)} found within {PLANTED_SEEDS} seeds each")
    return 1 if missed else 0


def _find(name: str) -> str | None:
    """How many seeds a planted bug took, and the rule that it broke."""
    for seed in range(PLANTED_SEEDS):
        try:
            with planted(name):
                simulate(seed)
        except Failure as failure:
            return f"{seed + 1:4}  {failure.rule}"
    return None


def _show(failure: Failure) -> None:
    print("\n".join(line[:300] for line in failure.recent[-SHOWN:]))
    print(f"{failure}\nAgain: python -m tests.sim --seed {failure.seed}")


if __name__ == "__main__":
    sys.exit(main())
