"""The `diff` command: two results side by side, and which differences are more than noise."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.cost import CostResult
from bench.durability import DurabilityResult
from bench.idle import IdleResult
from bench.knees import LimitsResult
from bench.options import Options
from bench.report import figure, table
from bench.results import RunResult
from bench.standings import CompareResult, standings
from bench.stats import Spread
from bench.stuck import StuckResult

Result = (
    RunResult
    | LimitsResult
    | CompareResult
    | CostResult
    | DurabilityResult
    | IdleResult
    | StuckResult
)

_decode = msgspec.json.Decoder(Result).decode


def diff(options: Options) -> int:
    """The process's exit code: 2 when a file holds no result, or not the same kind."""
    try:
        before, after = (read_result(path) for path in options.files)
    except (msgspec.DecodeError, OSError) as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return 2
    if type(before) is not type(after):
        print("bench: these are results of different commands", file=sys.stderr)
        return 2
    old, new = figures(before), figures(after)
    if not old.keys() & new.keys():
        print("bench: these results have no figure in common", file=sys.stderr)
        return 2
    print(diff_table(old, new))
    return 0


def read_result(path: Path) -> Result:
    """Whatever a command has kept. Raises OSError, msgspec.DecodeError."""
    result: Result = _decode(path.read_bytes())
    return result


def figures(result: Result) -> dict[str, Spread]:
    """Every figure of a result, by name."""
    if isinstance(result, RunResult | DurabilityResult | IdleResult | StuckResult):
        return result.figures()
    if isinstance(result, CompareResult):
        return {
            f"{case.name} {each.peer} µs": each.cpu_us
            for case in result.cases
            for each in standings(result.measurements, case)
            if each.cpu_us is not None
        }
    if isinstance(result, CostResult):
        messages = {f"{each.case} µs a message": each.message_us for each in result.costs}
        others = {"bare µs a send": result.bare_us, "added µs a send": result.added_us}
        if result.joining_us:
            others["µs a connection that joins"] = result.joining_us
        return {name: Spread.of(values) for name, values in (messages | others).items()}
    found: dict[str, float | None] = {}
    for stay in result.stays:
        found[f"{stay.clients} {stay.stage}, bytes each"] = stay.joining.memory
        found[f"{stay.clients} {stay.stage}, a second"] = stay.joining.per_second
    for knee in result.knees:
        best = knee.best
        found[f"rooms of {knee.members}, deliveries/s"] = best.delivered if best else None
        found[f"rooms of {knee.members}, µs alone"] = knee.alone_us
    return {name: Spread.of([value]) for name, value in found.items() if value is not None}


def diff_table(before: Mapping[str, Spread], after: Mapping[str, Spread]) -> str:
    """The figures that both have. A change counts where the ranges do not meet."""
    rows = [["", "before", "after", "change", ""]]
    for name in before:
        if name in after:
            rows.append(_row(name, before[name], after[name]))
    return table(rows, "<>>><")


def _row(name: str, before: Spread, after: Spread) -> list[str]:
    change = f"{after.median / before.median - 1:+.1%}" if before.median else "-"
    apart = after.low > before.high or after.high < before.low
    measured = before.count > 1 and after.count > 1
    verdict = "" if not measured else "beyond the spread" if apart else "within the spread"
    return [name, figure(before, ",.2f"), figure(after, ",.2f"), change, verdict]
