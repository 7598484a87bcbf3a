"""The `plots` command: the pictures of the README, drawn from results that are kept here.

A result is kept under `bench/results/` by moving it there from where a command has put it; the
name of its file says what it is for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench import charts
from bench.diff import read_result
from bench.options import Options

HERE = Path(__file__).parent
KEPT = HERE / "results"
DRAWN = HERE / "plots"

PICTURES: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {
    "cost": (("compare",), charts.costs_together),
    "latency": (("run",), charts.latency_ladder),
    "throughput": (("limits",), charts.throughput),
    "memory": (("limits", "limits-web"), charts.memory),
}
"""By the name of the picture: the results that it is drawn from, and how."""


def plots(options: Options) -> int:
    """The process's exit code: 1 when a result is not there."""
    folder = options.out if options.out != Options().out else DRAWN
    folder.mkdir(parents=True, exist_ok=True)
    for name, (sources, draw) in PICTURES.items():
        try:
            results: list[Any] = [read_result(KEPT / f"{source}.json") for source in sources]
        except (msgspec.DecodeError, OSError) as exc:
            print(f"bench: {exc}", file=sys.stderr)
            return 1
        (folder / f"{name}.svg").write_text(draw(*results) + "\n")
        print(folder / f"{name}.svg")
    return 0
