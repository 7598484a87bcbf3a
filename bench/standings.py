"""Where the peers of a comparison stand, case by case, as data and as tables."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from bench.cases import Case, Measurement
from bench.report import environment_line, figure, table
from bench.stats import Spread, spread_or_none


class CompareResult(Struct, kw_only=True, tag="compare"):
    """All measurements, in the order in which they were made."""

    environment: dict[str, str | int]
    durability: str
    cases: list[Case]
    left_out: list[str]
    measurements: list[Measurement]


def merged(results: Sequence[CompareResult]) -> CompareResult:
    """Comparisons of different cases as one; its environment is the first one's."""
    first, *others = results
    total = structs.replace(first, cases=[*first.cases], measurements=[*first.measurements])
    for other in others:
        known = {case.name for case in total.cases}
        total.cases += [case for case in other.cases if case.name not in known]
        total.measurements += [each for each in other.measurements if each.case not in known]
    return total


class Standing(Struct, kw_only=True):
    """One peer in one case, over all repeats."""

    peer: str
    cpu_us: Spread | None
    ratio: Spread | None
    to_ours: Spread | None
    delivered_rate: Spread | None
    p99: Spread | None
    memory: Spread | None
    undelivered: int
    failure: str


def standings(measurements: list[Measurement], case: Case) -> list[Standing]:
    """All peers of a case, in order of first appearance.

    Ratios to the limit and to netchat are taken within each repeat, as the machine changes its mind
    between them. The CPU time is that of a delivery, or of a connection without a load.
    """
    mine = [each for each in measurements if each.case == case.name]
    return [_standing(mine, peer, case) for peer in dict.fromkeys(each.peer for each in mine)]


def _standing(measurements: list[Measurement], peer: str, case: Case) -> Standing:
    mine = [each for each in measurements if each.peer == peer]
    return Standing(
        peer=peer,
        cpu_us=spread_or_none(_costs(measurements, case, peer)),
        ratio=ratio(measurements, case, peer, "limit"),
        to_ours=ratio(measurements, case, peer, "netchat"),
        delivered_rate=spread_or_none([each.delivered_rate for each in mine]),
        p99=spread_or_none([each.p99 for each in mine]),
        memory=spread_or_none([each.joining.memory for each in mine]),
        undelivered=sum(each.undelivered for each in mine),
        failure=next((each.failure for each in mine if each.failure), ""),
    )


def ratio(measurements: list[Measurement], case: Case, peer: str, base: str) -> Spread | None:
    """What one costs, to what the other does in the same repeat."""
    pairs = zip(_costs(measurements, case, peer), _costs(measurements, case, base), strict=False)
    return spread_or_none([own / other for own, other in pairs if own and other])


def _costs(measurements: list[Measurement], case: Case, peer: str) -> list[float | None]:
    return [
        None if each.failure else each.cpu_us if case.window else each.joining.cpu_us
        for each in measurements
        if (each.case, each.peer) == (case.name, peer)
    ]


def compare_table(result: CompareResult) -> str:
    """A table a case."""
    parts = [environment_line(result.environment)]
    for case in result.cases:
        rows = _rows(result.measurements, case)
        parts.append(f"{case.name}: {case.title}\n" + table(rows, "<>"))
    parts += [f"left out: {reason}" for reason in result.left_out]
    return "\n\n".join(parts)


def _rows(measurements: Sequence[Measurement], case: Case) -> list[list[str]]:
    cost = "CPU µs a delivery" if case.window else "CPU µs a connection"
    rows = [["", cost, "to the limit", "to netchat", "deliveries/s", "p99 ms", "bytes each", ""]]
    for each in standings(list(measurements), case):
        note = each.failure or (f"{each.undelivered:,} not delivered" if each.undelivered else "")
        rows.append([
            each.peer,
            figure(each.cpu_us, ",.3f"),
            figure(each.ratio, ".2f"),
            figure(each.to_ours, ".2f"),
            figure(each.delivered_rate),
            figure(each.p99, ",.2f"),
            figure(each.memory),
            note,
        ])  # fmt: skip
    return rows
