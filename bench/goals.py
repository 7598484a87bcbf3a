"""The `goals` command: what the server is meant to reach, beside what was measured.

It reads the results that are kept in `bench/results/` and prints the table of `bench/README.md`.
Ratios are taken within each repeat, and their medians judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.durability import DurabilityResult
from bench.idle import IdleResult
from bench.options import Options
from bench.plots import KEPT, kept, kept_comparison
from bench.standings import CompareResult, ratio, standings
from bench.stats import Spread, spread_or_none
from bench.stuck import StuckResult

FINE = 0.1
"""Ratios below this have three decimals."""


HEAD = """| case | must reach | measured | reached | `python -m bench` |
|---|---|---|---|---|"""


class Goal(NamedTuple):
    """One row. `bound` is the most that the median may be, or the least with `at_least`."""

    case: str
    must: str
    measured: Spread | None
    form: str
    bound: float
    command: str
    at_least: bool = False

    @property
    def is_reached(self) -> bool:
        """Whether the median is good enough."""
        if self.measured is None:
            return False
        value = self.measured.median
        return value >= self.bound if self.at_least else value <= self.bound

    @property
    def row(self) -> str:
        """In Markdown."""
        cells = [self.case, self.must, "not measured", "", f"`{self.command}`"]
        if self.measured is not None:
            cells[2] = _spread(self.measured, self.form)
            cells[3] = "yes" if self.is_reached else "**no**"
        return f"| {' | '.join(cells)} |"


def goals(options: Options) -> int:
    """The process's exit code: 0 also where a goal is missed, as that is what the table says."""
    print(goals_table(KEPT), costs_table(KEPT), sep="\n\n")
    return 0


def goals_table(folder: Path) -> str:
    """All goals, as a table in Markdown."""
    return "\n".join([HEAD, *(goal.row for goal in all_goals(folder))])


def costs_table(folder: Path) -> str:
    """What everybody's deliveries cost, as a table in Markdown; medians."""
    result = kept_comparison(folder)
    found = {case: standings(result.measurements, case) for case in result.cases}
    peers = list(dict.fromkeys(each.peer for mine in found.values() for each in mine))
    lines = [f"| CPU µs | {' | '.join(peers)} |", "|---|" + "---|" * len(peers)]
    for case, mine in found.items():
        costs = {each.peer: each.cpu_us for each in mine}
        cells = [_cost(costs.get(peer)) for peer in peers]
        lines.append(f"| `{case.name}`: {case.title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cost(spread: Spread | None) -> str:
    return "" if spread is None else f"{spread.median:.3g}"


def _spread(spread: Spread, form: str) -> str:
    text = f"{spread.median:{form}}"
    if spread.count > 1:
        text += f" ({spread.low:{form}} to {spread.high:{form}})"
    return text


def all_goals(folder: Path) -> Iterator[Goal]:
    """Everything that is asked of the server, in figures."""
    compare = kept_comparison(folder)
    yield from _fan_out(compare)
    yield from _connections(compare, kept(folder, "idle", IdleResult))
    yield from _disk(kept(folder, "durability", DurabilityResult))
    yield from _web(compare, kept(folder, "idle-web", IdleResult))
    yield from _stuck(kept(folder, "stuck", StuckResult))


def _ratio(result: CompareResult, name: str, peer: str, base: str) -> Spread | None:
    found = [case for case in result.cases if case.name == name]
    return ratio(result.measurements, found[0], peer, base) if found else None


def _to(result: CompareResult, case: str, title: str, peer: str, most: float) -> Goal:
    name = {"limit": "the C limit"}.get(peer, peer)
    measured = _ratio(result, case, "netchat", peer)
    form, command = ".3f" if most < FINE else ".2f", f"compare --cases {case}"
    return Goal(title, f"≤ {most:.3g} times {name}", measured, form, most, command)


def _fan_out(result: CompareResult) -> Iterator[Goal]:
    one, many = "room of 1,000, one outstanding", "room of 1,000, 64 outstanding"
    yield _to(result, "one-1000", one, "limit", 1.15)
    yield _to(result, "one-1000", one, "redis", 1.0)
    for peer, most in (("limit", 1.2), ("redis", 0.6), ("nats", 1 / 3), ("uvloop", 1 / 25)):
        yield _to(result, "many-1000", many, peer, most)
    yield _to(result, "many-100", "room of 100, 64 outstanding", "limit", 1.5)
    yield _to(result, "many-100", "room of 100, 64 outstanding", "redis", 1.0)
    costs = [
        each.cpu_us
        for each in result.measurements
        if (each.case, each.peer) == ("window-1000", "netchat")
    ]
    rates = spread_or_none([1 / each for each in costs if each])
    must, command = "≥ 20 million deliveries a CPU second", "compare --cases window-1000"
    yield Goal("room of 1,000, 256 outstanding", must, rates, ".1f", 20, command, at_least=True)
    for peer, most in (("limit", 1.6), ("uvloop", 1.0), ("nats", 1.0), ("mosquitto", 1.0)):
        yield _to(result, "rooms-of-4", "250 rooms of 4, 64 outstanding", peer, most)
    yield _growth(result)


def _growth(result: CompareResult) -> Goal:
    small = _ratio(result, "one-100", "netchat", "limit")
    large = _ratio(result, "one-10000", "netchat", "limit")
    growth = Spread.of([large.median / small.median]) if small and large else None
    case, must = "growth of the cost, 100 to 10,000 members", "≤ 1 times the C limit's"
    return Goal(case, must, growth, ".2f", 1, "compare --cases one-100,one-10000")


def _connections(compare: CompareResult, result: IdleResult) -> Iterator[Goal]:
    figures, count = result.figures(), f"{result.stays[0].clients:,}"
    memory, cpu = figures.get("join: bytes"), figures.get("join: idle CPU %")
    must = "≤ 1,500 bytes each (aim: 883)"
    yield Goal(f"{count} in a room, idle", must, memory, ",.0f", 1_500, "idle")
    yield _to(compare, "joining", "10,000 connect, log in, join", "limit", 2.5)
    yield Goal(f"{count} idle, with heartbeats", "≤ 2 % of a core", cpu, ".2f", 2, "idle")


def _disk(result: DurabilityResult) -> Iterator[Goal]:
    figures = result.figures()
    for case, title, most in (("many-1000", "1,000", 1.3), ("many-100", "100", 2.0)):
        title = f"`fsync`, room of {title}"
        measured = figures.get(f"{case} fsync to memory")
        yield Goal(title, f"≤ {most:g} times `memory`", measured, ".2f", most, "durability")
        memory, bare = figures.get(f"{case} memory p99"), figures.get("fsync commit p99")
        if memory is not None and bare is not None:
            bound = memory.median + 2 * bare.median
            must = f"≤ `memory`'s p99 + 2 bare commits': {bound:.0f} ms"
            late = figures.get(f"{case} fsync p99")
            yield Goal(f"{title}: p99", must, late, ".0f", bound, "durability")


def _web(compare: CompareResult, result: IdleResult) -> Iterator[Goal]:
    for case in ("one-100", "one-1000", "many-100", "many-1000"):
        measured, command = _ratio(compare, case, "web", "netchat"), f"compare --cases {case}"
        yield Goal(f"WebSocket, `{case}`", "≤ 1.15 times native", measured, ".2f", 1.15, command)
    memory = result.figures().get("join: bytes")
    must, command = "≤ 6,144 bytes each", "idle --door web"
    yield Goal("WebSocket, in a room, idle", must, memory, ",.0f", 6_144, command)


def _stuck(result: StuckResult) -> Iterator[Goal]:
    figures, readers = result.figures(), result.runs[0].readers
    ratio, growth = figures.get("p99 ratio"), figures.get("growth a reader")
    complete = Spread.of([float(run.caught_up.complete) for run in result.runs])
    case = f"{readers:,} stuck readers"
    yield Goal(f"{case}: p99 of the others", "≤ 1.5 times", ratio, ".2f", 1.5, "stuck")
    yield Goal(f"{case}: memory", "≤ 64 KiB each", growth, ",.0f", 65_536, "stuck")
    case = f"{case}: complete in the end"
    yield Goal(case, "all", complete, ",.0f", readers, "stuck", at_least=True)
