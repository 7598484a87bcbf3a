"""The `plots` command: the pictures of the README, drawn from results that are kept here.

A result is kept under `bench/results/` by moving it there from where a command has put it; the
name of its file says what it is for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, get_args

import msgspec

from bench import charts
from bench.diff import read_result
from bench.knees import LimitsResult
from bench.options import Options
from bench.results import RunResult
from bench.scenario import DoorName
from bench.standings import CompareResult, merged

HERE = Path(__file__).parent
KEPT = HERE / "results"
DRAWN = HERE / "plots"

PICTURES: dict[str, Callable[[Path], str]] = {
    "cost": lambda folder: charts.costs_together(kept_comparison(folder)),
    "latency": lambda folder: charts.latency_ladder(kept(folder, "run", RunResult)),
    "throughput": lambda folder: charts.throughput(kept(folder, "limits", LimitsResult)),
    "memory": lambda folder: charts.memory(
        *(kept(folder, f"connections-{door}", LimitsResult) for door in get_args(DoorName))
    ),
}
"""How each is drawn."""

Kept = TypeVar("Kept")


def kept(folder: Path, name: str, kind: type[Kept]) -> Kept:
    """A result by its name. Raises OSError, msgspec.DecodeError."""
    result = read_result(folder / f"{name}.json")
    if not isinstance(result, kind):
        raise msgspec.DecodeError(f"{name}.json holds something else.")
    return result


def kept_comparison(folder: Path) -> CompareResult:
    """All comparisons as one: `compare.json`, `compare-10000.json` and the like."""
    names = sorted(path.stem for path in folder.glob("compare*.json"))
    return merged([kept(folder, name, CompareResult) for name in names or ["compare"]])


def plots(options: Options) -> int:
    """The process's exit code: 1 when a result is not there."""
    folder = options.out if options.out != Options().out else DRAWN
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        try:
            picture = draw(KEPT)
        except (msgspec.DecodeError, OSError) as exc:
            print(f"bench: {exc}", file=sys.stderr)
            return 1
        (folder / f"{name}.svg").write_text(picture + "\n")
        print(folder / f"{name}.svg")
    return 0
