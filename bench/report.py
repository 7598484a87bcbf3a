"""Tables for people: what was measured, in plain text that is as good in a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from bench.results import RunResult
from bench.stats import RUNGS, Spread
from bench.thresholds import Threshold

RANGE = "  ("
"""Begins the range behind a median."""

NARROW = 0.005
"""A spread below this share is not worth a mention."""


def run_table(
    result: RunResult, thresholds: Sequence[Threshold] = (), failed: Sequence[str] = ()
) -> str:
    """Everything about a run."""
    parts = [_head(result), _traffic(result), _latency(result), _server(result)]
    parts.append(_verdict(result, thresholds, failed))
    return "\n\n".join(part for part in parts if part)


def run_line(result: RunResult, failed: Sequence[str] = ()) -> str:
    """A run in one line."""
    figures = result.figures()
    words = [
        f"{figures['accepted'].median:.0f} msg/s accepted" if "accepted" in figures else "",
        f"{figures['delivered'].median:.0f} deliveries/s" if "delivered" in figures else "",
        f"p50 {figures['p50'].median:.2f} ms" if "p50" in figures else "",
        f"p99 {figures['p99'].median:.2f} ms" if "p99" in figures else "",
        _faults(result),
        "INVALID" if result.invalid else "",
        *(f"FAILED: {text}" for text in failed),
    ]
    return ", ".join(filter(None, words))


def table(rows: Sequence[Sequence[str]], right: str = "") -> str:
    """Columns side by side; the first row is the header. `right`: "<" or ">" a column."""
    columns = [_lined_up(column) for column in zip(*rows, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    sides = (right or "<").ljust(len(widths), right[-1:] or "<")
    return "\n".join(_line(row, sides, widths) for row in zip(*columns, strict=True))


def _lined_up(column: Sequence[str]) -> list[str]:
    """Medians below medians, ranges below ranges, below a header that may be above both."""
    header, *cells = column
    parts = [cell.partition(RANGE) for cell in cells]
    width = max((len(mark + rest) for _, mark, rest in parts), default=0)
    return [header, *(median + f"{mark + rest:{width}}" for median, mark, rest in parts)]


def _line(cells: Sequence[str], sides: str, widths: Sequence[int]) -> str:
    padded = zip(cells, sides, widths, strict=True)
    return "  ".join(f"{cell:{side}{width}}" for cell, side, width in padded).rstrip()


def figure(spread: Spread | None, form: str = ",.0f") -> str:
    """A median, with its range where that says something."""
    if spread is None:
        return "-"
    text = f"{spread.median:{form}}"
    if spread.count > 1 and spread.share > NARROW:
        text += f"{RANGE}{spread.low:{form}} to {spread.high:{form}})"
    return text


def environment_line(environment: dict[str, str | int]) -> str:
    """Where it was measured."""
    words = "{cpu}, {cores} cores, Linux {kernel}, {python}, file limit {file_limit}, {commit}"
    return words.format(**environment)


def _head(result: RunResult) -> str:
    scenario, joining = result.scenario, result.joining
    server = ", ".join(filter(None, [result.server, result.durability, scenario.door]))
    lines = [
        f"{scenario.clients:,} clients in {scenario.rooms:,} "
        f"{'room' if scenario.rooms == 1 else 'rooms'}, {scenario.posting:,} of them post, "
        f"{scenario.size} characters a message; server {server}",
        environment_line(result.environment),
        f"connected {joining.joined:,} in {joining.seconds:.2f} s ({joining.per_second:,.0f} a "
        f"second)" + (f", {joining.failed:,} FAILED: {joining.why}" if joining.failed else ""),
    ]
    return "\n".join(lines)


def _traffic(result: RunResult) -> str:
    figures, rounds, tally = result.figures(), result.rounds, result.tally
    first = rounds[0].round
    offered = f"{first.rate:,.0f}" if first.rate else f"{first.window:,} outstanding"
    title = f"a second, {len(rounds)} rounds of {first.seconds:g} s"
    rows = [
        [title, ""],
        ["  messages offered", offered],
        ["  messages accepted", figure(figures.get("accepted"))],
        ["  messages delivered", figure(figures.get("delivered"))],
        ["in all", ""],
        ["  posted, accepted", f"{tally.posted:,}, {tally.accepted:,}"],
        ["  delivered", f"{tally.delivered:,} of {tally.owed:,}"],
        ["  lost", f"{tally.lost:,}"],
        ["  doubled", f"{tally.doubled:,}"],
        ["  out of order", f"{tally.reordered:,}"],
    ]
    for name in ("altered", "refused", "unanswered", "dropped"):
        if value := getattr(tally, name):
            rows.append([f"  {name}", f"{value:,}"])
    if tally.errors:
        rows.append(["  errors", ", ".join(f"{k} {v:,}" for k, v in tally.errors.items())])
    return table(rows)


def _latency(result: RunResult) -> str:
    figures, rounds = result.figures(), result.rounds
    if "p50" not in figures:
        return "latency: no samples"
    header = ["latency in ms", *(f"{rung:g} %" for rung in RUNGS), "max"]
    names = [*(f"p{rung:g}" for rung in RUNGS), "max"]
    rows = [header]
    for title, kind in (("  from when due", "latency"), ("  from when sent", "service")):
        row = [title]
        for name in names:
            values = [getattr(each, kind).get(name) for each in rounds]
            present = [value for value in values if value is not None]
            row.append(f"{Spread.of(present).median:,.2f}" if present else "-")
        rows.append(row)
    spread = ["  range, when due"]
    for name in names:
        found = figures[name]
        spread.append(f"{found.low:,.2f}-{found.high:,.2f}")
    if len(rounds) > 1:
        rows.append(spread)
    note = f"  ({sum(each.samples for each in rounds):,} samples; medians of the rounds)"
    return table(rows, "<>") + "\n" + note


def _server(result: RunResult) -> str:
    figures, rounds = result.figures(), result.rounds
    busiest = max(rounds, key=lambda each: each.generator_cpu)
    rows = []
    if "cpu" in figures:
        rows += [
            ["server", ""],
            ["  CPU, share of a core", figure(figures["cpu"], ".1f") + " %"],
            ["  CPU a delivery", figure(figures.get("cpu_us"), ".2f") + " µs"],
        ]
    if "memory" in figures:
        rows.append(["  memory a connection", figure(figures["memory"]) + " bytes"])
    lags = [each.server_lag for each in rounds if each.server_lag]
    if lags:
        p99 = Spread.of([each["lag_p99_ms"] for each in lags])
        worst = max(each["lag_max_ms"] for each in lags)
        rows.append(["  loop busy at a stretch", f"p99 {p99.median:.2f} ms, max {worst:.2f} ms"])
    rows += [
        ["generator", ""],
        ["  CPU, share of a core", f"{busiest.generator_cpu:.0%}"],
        ["  loop busy at a stretch", f"p99 {busiest.generator_lag_ms:.2f} ms"],
        ["  messages left late", f"p99 {busiest.lateness.get('p99', 0):.2f} ms"],
    ]
    return table(rows)


def _verdict(result: RunResult, thresholds: Sequence[Threshold], failed: Sequence[str]) -> str:
    lines = [f"INVALID: {reason}" for reason in result.invalid]
    lines += [f"{'FAILED' if t.text in failed else 'kept'}: {t.text}" for t in thresholds]
    lines.append(_faults(result))
    return "\n".join(lines)


def _faults(result: RunResult) -> str:
    faults = result.tally.faults
    return f"{faults:,} FAULTS" if faults else "nothing lost, doubled or out of order"
