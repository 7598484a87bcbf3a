"""The `durability` command: what it costs that `accepted` means more than memory.

The same load on servers that differ in nothing else, in turns, and after each turn bare
commits of as many rows as are outstanding: what the log costs without any server.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Literal

from msgspec import Struct

from bench.cases import CASES, Case, Measurement
from bench.commits import Commit, Commits
from bench.compare import measure
from bench.machine import environment
from bench.options import DURABILITIES, Options
from bench.peers.catalog import catalog
from bench.progress import Progress
from bench.report import environment_line, figure, table
from bench.results import save
from bench.stats import Spread, spread_or_none

LOADS = ("many-100", "many-1000")
"""The cases that are worth it: the messages that are outstanding form the batches."""

DISKS: tuple[Literal["wal", "fsync"], ...] = ("wal", "fsync")


class DurabilityResult(Struct, kw_only=True, tag="durability"):
    """Measurements in the order in which they were made; the `peer` is the durability."""

    environment: dict[str, str | int]
    cases: list[Case]
    measurements: list[Measurement]
    commits: dict[str, list[Commit]]

    def figures(self) -> dict[str, Spread]:
        """Every figure, over the repeats; ratios are taken within each."""
        found: dict[str, Spread | None] = {}
        for case in self.cases:
            memory = self._of(case, "memory")
            for durability in DURABILITIES:
                mine = self._of(case, durability)
                name = f"{case.name} {durability}"
                found[f"{name} µs"] = spread_or_none([each.cpu_us for each in mine])
                found[f"{name} p99"] = spread_or_none([each.p99 for each in mine])
                pairs = [(own.cpu_us, base.cpu_us) for own, base in zip(mine, memory, strict=False)]
                found[f"{name} to memory"] = spread_or_none(
                    [own / base for own, base in pairs if own and base]
                )
        for durability, commits in self.commits.items():
            found[f"{durability} row µs"] = spread_or_none([each.row_us for each in commits])
            found[f"{durability} commit p50"] = spread_or_none([each.p50 for each in commits])
            found[f"{durability} commit p99"] = spread_or_none([each.p99 for each in commits])
        return {name: spread for name, spread in found.items() if spread is not None}

    def _of(self, case: Case, durability: str) -> list[Measurement]:
        return [
            each for each in self.measurements if (each.case, each.peer) == (case.name, durability)
        ]


def durability(options: Options) -> int:
    """The process's exit code: 1 when a server failed or did not deliver."""
    cases = [case for case in CASES if case.name in (options.cases or LOADS) and case.window]
    if not cases:
        print(f"bench: cases are {', '.join(c.name for c in CASES if c.window)}", file=sys.stderr)
        return 2
    result = play(cases, options.repeats, options.seconds)
    print(durability_table(result))
    print(f"\nKept in {save(result, options.out, 'durability')}")
    return 1 if any(each.failure or each.undelivered for each in result.measurements) else 0


def play(cases: list[Case], repeats: int, seconds: float) -> DurabilityResult:
    """Everything once in each repeat, the order turned."""
    result = DurabilityResult(
        environment=environment(),
        cases=cases,
        measurements=[],
        commits={name: [] for name in DISKS},
    )
    progress = Progress()
    for repeat in range(repeats):
        turn = repeat % len(DURABILITIES)
        for case in cases:
            for name in DURABILITIES[turn:] + DURABILITIES[:turn]:
                progress.begin(f"{case.name} {name}")
                found = measure(catalog(name)[0], case, seconds, progress)
                found.peer = name
                result.measurements.append(found)
        for disk in DISKS:
            progress.begin(f"bare commits, {disk}", seconds)
            with (
                tempfile.TemporaryDirectory(prefix="bench-") as folder,
                Commits(Path(folder), disk) as commits,
            ):
                scenario, window = cases[0].scenario, cases[0].window
                played = commits.play(window, scenario.size, scenario.posting, seconds)
                result.commits[disk].append(played)
    progress.end()
    return result


def durability_table(result: DurabilityResult) -> str:
    """Everything, as text."""
    figures = result.figures()
    rows = [["", "CPU µs a delivery", "to memory", "p99 ms"]]
    for case in result.cases:
        rows.append([case.title, "", "", ""])
        for name in DURABILITIES:
            key = f"{case.name} {name}"
            rows.append([
                f"  {name}",
                figure(figures.get(f"{key} µs"), ",.3f"),
                figure(figures.get(f"{key} to memory"), ".2f"),
                figure(figures.get(f"{key} p99"), ",.2f"),
            ])  # fmt: skip
    count = next(iter(result.commits.values()))[0].rows
    bare = [[f"bare commits of {count} rows", "CPU µs a row", "p50 ms", "p99 ms"]]
    for name in result.commits:
        cells = [(f"{name} row µs", ",.2f"), (f"{name} commit p50", ",.2f")]
        cells.append((f"{name} commit p99", ",.2f"))
        bare.append([f"  {name}", *(figure(figures.get(key), form) for key, form in cells)])
    failed = [f"{m.case} {m.peer}: {m.failure}" for m in result.measurements if m.failure]
    parts = [environment_line(result.environment), table(rows, "<>"), table(bare, "<>"), *failed]
    return "\n\n".join(parts)
