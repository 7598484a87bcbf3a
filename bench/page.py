"""Pages: a result as one HTML file, with its plots in it and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.knees import LimitsResult, limits_table
from bench.report import run_table
from bench.results import RoundResult, RunResult
from bench.standings import CompareResult, compare_table, standings
from bench.stats import RUNGS
from bench.svg import Axis, Points, line_chart

STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#24292f}"
    "pre{background:#f6f8fa;padding:1em;overflow-x:auto;font-size:13px}"
)

# How far a percentile is from all: each rung of nines is one further to the right.
NINES = tuple((1 / (1 - rung / 100), f"{rung:g} %") for rung in RUNGS)

MILLISECONDS = Axis("milliseconds", log=True)
MEMBERS = Axis("members of a room", log=True)


def run_page(result: RunResult) -> str:
    """A run: its table, and the ladder of every round."""
    chart = line_chart(
        "Latency from when a message was due",
        Axis("percentile", log=True, ticks=NINES),
        MILLISECONDS,
        [(f"round {i}", _rungs(each)) for i, each in enumerate(result.rounds, 1)],
    )
    return _page("netchat bench: a run", run_table(result), [chart])


def limits_page(result: LimitsResult) -> str:
    """The limits: how cost grows as work grows."""
    charts = []
    if result.knees:
        charts += [_throughput(result), _latency(result), _cost(result)]
    if result.stays:
        charts += [_memory(result)]
    return _page("netchat bench: limits", limits_table(result), charts)


def compare_page(result: CompareResult) -> str:
    """A comparison: its tables, and cost against the size of a room."""
    costs: dict[str, list[tuple[float, float]]] = {}
    for case in result.cases:
        if case.window == 1:
            for each in standings(result.measurements, case):
                if each.cpu_us is not None:
                    point = (float(case.scenario.clients), each.cpu_us.median)
                    costs.setdefault(each.peer, []).append(point)
    charts = []
    if any(len(points) > 1 for points in costs.values()):
        charts.append(
            line_chart(
                "CPU time a delivery, one message at a time",
                MEMBERS,
                Axis("µs"),
                list(costs.items()),
            )
        )
    return _page("netchat bench: comparison", compare_table(result), charts)


def _rungs(result: RoundResult) -> Points:
    names = [f"p{rung:g}" for rung in RUNGS]
    pairs = zip(NINES, names, strict=True)
    return [(at, result.latency[name]) for (at, _), name in pairs if name in result.latency]


def _throughput(result: LimitsResult) -> str:
    series = [
        (
            f"rooms of {knee.members:,}",
            sorted((step.wanted, step.delivered) for step in knee.steps),
        )
        for knee in result.knees
    ]
    x = Axis("deliveries a second asked for", log=True)
    return line_chart("Throughput against load", x, Axis("delivered a second", log=True), series)


def _latency(result: LimitsResult) -> str:
    series = [
        (f"rooms of {knee.members:,}", sorted((step.wanted, step.p99) for step in knee.steps))
        for knee in result.knees
    ]
    x = Axis("deliveries a second asked for", log=True)
    return line_chart("99 % latency against load", x, MILLISECONDS, series)


def _cost(result: LimitsResult) -> str:
    alone = [(float(k.members), k.alone_us) for k in result.knees if k.alone_us is not None]
    full = [
        (float(k.members), k.best.cpu_us)
        for k in result.knees
        if k.best is not None and k.best.cpu_us is not None
    ]
    series = [("one at a time", alone), ("at the knee", full)]
    return line_chart("CPU time a delivery against room size", MEMBERS, Axis("µs"), series)


def _memory(result: LimitsResult) -> str:
    points = sorted(
        (float(stay.joining.joined), stay.joining.memory * stay.joining.joined / 2**20)
        for stay in result.stays
        if stay.stage == "join" and stay.joining.memory is not None
    )
    x = Axis("connections, logged in and joined")
    return line_chart("Memory against connections", x, Axis("MiB, resident"), [("netchat", points)])


def _page(title: str, text: str, charts: Sequence[str]) -> str:
    pictures = "\n".join(f"<p>{chart}</p>" for chart in charts)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n<h1>{escape(title)}</h1>\n{pictures}\n"
        f"<pre>{escape(text)}</pre>\n</html>\n"
    )
