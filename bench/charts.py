"""The charts: what a result looks like. In pages, and by themselves for the README."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from bench.knees import LimitsResult
from bench.results import RunResult
from bench.standings import CompareResult, standings
from bench.stats import RUNGS
from bench.svg import Axis, Points, line_chart

# How far a percentile is from all: each rung of nines is one further to the right.
NINES = tuple((1 / (1 - rung / 100), f"{rung:g} %") for rung in RUNGS)

MILLISECONDS = Axis("milliseconds", log=True)
MEMBERS = Axis("members of the room", log=True)
ASKED = Axis("deliveries a second that the load asks for", log=True)

NAMES = {"limit": "C limit", "web": "netchat, web", "tls": "netchat, TLS"}

Series = list[tuple[str, Points]]


def latency_ladder(result: RunResult) -> str:
    """Percentiles of latency: medians of the rounds, from when due and from when sent."""
    rounds = result.rounds
    series: Series = [
        ("from when due", _rungs([each.latency for each in rounds])),
        ("from when sent", _rungs([each.service for each in rounds])),
    ]
    x = Axis("of all deliveries", log=True, ticks=NINES)
    return line_chart("Latency of a delivery", x, MILLISECONDS, series)


def _rungs(ladders: Iterable[dict[str, float]]) -> Points:
    found = list(ladders)
    points = []
    for (at, _), rung in zip(NINES, RUNGS, strict=True):
        values = [each[f"p{rung:g}"] for each in found if each]
        if values:
            points.append((at, median(values)))
    return points


def throughput(result: LimitsResult) -> str:
    """What was delivered of what was asked for."""
    series: Series = [
        (f"rooms of {knee.members:,}", sorted((step.wanted, step.delivered) for step in knee.steps))
        for knee in result.knees
        if len(knee.steps) > 1
    ]
    y = Axis("delivered a second", log=True)
    return line_chart("Throughput against offered load", ASKED, y, series)


def latency(result: LimitsResult) -> str:
    """The 99th percentile while the load grows."""
    series: Series = [
        (f"rooms of {knee.members:,}", sorted((step.wanted, step.p99) for step in knee.steps))
        for knee in result.knees
    ]
    y = Axis("99th percentile in milliseconds", log=True)
    return line_chart("Latency against offered load", ASKED, y, series)


def cost(result: LimitsResult) -> str:
    """CPU time a delivery against the size of a room, with little to do and at the knee."""
    alone = [(float(k.members), k.alone_us) for k in result.knees if k.alone_us is not None]
    full = [
        (float(k.members), k.best.cpu_us)
        for k in result.knees
        if k.best is not None and k.best.cpu_us is not None
    ]
    series: Series = [("at the knee", full), ("one at a time", alone)]
    return line_chart("CPU time of a delivery", MEMBERS, Axis("µs", log=True), series)


def memory(*results: LimitsResult) -> str:
    """Resident memory against the number of connections, by the door they came in."""
    series: Series = []
    for result in results:
        points = sorted(
            (float(stay.joining.joined), stay.joining.memory * stay.joining.joined / 2**20)
            for stay in result.stays
            if stay.stage == "join" and stay.joining.memory is not None
        )
        series.append((result.door, [(0.0, 0.0), *points]))
    x = Axis("connections, logged in and in a room")
    return line_chart("Memory of the server", x, Axis("MiB, resident"), series)


def costs_alone(result: CompareResult) -> str:
    """One message at a time: a send for each delivery."""
    return _costs(result, "one", "CPU time of a delivery, one message at a time")


def costs_together(result: CompareResult) -> str:
    """Many messages under way: who sends them together pays less for each."""
    return _costs(result, "many", "CPU time of a delivery, 64 messages under way")


def _costs(result: CompareResult, kind: str, title: str) -> str:
    """CPU time a delivery against the size of a room, for the cases `kind`-SIZE of everybody;
    empty where there are not two of them."""
    found: dict[str, list[tuple[float, float]]] = {}
    for case in result.cases:
        if case.name.startswith(f"{kind}-"):
            for each in standings(result.measurements, case):
                if each.cpu_us is not None:
                    point = (float(case.scenario.clients), each.cpu_us.median)
                    found.setdefault(each.peer, []).append(point)
    if not any(len(points) > 1 for points in found.values()):
        return ""
    order = sorted(found, key=lambda peer: (peer != "netchat", peer != "limit"))
    series: Series = [(NAMES.get(peer, peer), found[peer]) for peer in order]
    return line_chart(title, MEMBERS, Axis("µs of the server's CPU", log=True), series)
