"""What `limits` finds out, as data and as tables."""

from __future__ import annotations

from msgspec import Struct

from bench.report import environment_line, table
from bench.scenario import DoorName
from bench.stays import Stay


class Step(Struct, kw_only=True):
    """One load: messages a second, and what became of them. `why` it failed, if it did."""

    rate: float
    wanted: float
    delivered: float
    p50: float
    p99: float
    cpu_us: float | None
    cpu_share: float | None
    why: str


class Knee(Struct, kw_only=True):
    """All steps for one size of rooms. `alone_us`: CPU a delivery with one message at a time."""

    members: int
    clients: int
    alone_us: float | None
    steps: list[Step]

    @property
    def best(self) -> Step | None:
        """The highest step that kept the target."""
        kept = [step for step in self.steps if not step.why]
        return max(kept, key=lambda step: step.rate) if kept else None

    @property
    def stopped_by(self) -> str:
        """What was wrong with the lowest step that failed."""
        failed = [step for step in self.steps if step.why]
        return min(failed, key=lambda step: step.rate).why if failed else "nothing did"


class LimitsResult(Struct, kw_only=True, tag="limits"):
    """Everything that was found."""

    environment: dict[str, str | int]
    durability: str
    door: DoorName = "native"
    target: float
    stays: list[Stay]
    knees: list[Knee]


def limits_table(result: LimitsResult) -> str:
    """Everything, as text."""
    parts = [environment_line(result.environment)]
    if result.stays:
        parts.append(_stays_table(result.stays))
    if result.knees:
        parts.append(_knees_table(result))
        parts += [_steps_table(each) for each in result.knees]
    return "\n\n".join(parts)


def _stays_table(found: list[Stay]) -> str:
    rows = [["connections", "joined", "a second", "CPU µs each", "bytes each", "idle CPU %"]]
    for stay in found:
        joining = stay.joining
        rows.append([
            f"{stay.clients:,} ({stay.stage})",
            f"{joining.joined:,}",
            f"{joining.per_second:,.0f}",
            _number(joining.cpu_us, ",.0f"),
            _number(joining.memory, ",.0f"),
            _number(stay.idle_cpu, ".2f"),
        ])  # fmt: skip
    return table(rows, "<>")


def _knees_table(result: LimitsResult) -> str:
    best = f"deliveries/s at p99 ≤ {result.target:g} ms"
    rows = [["rooms of", best, "messages/s", "p99 ms", "µs each", "µs alone", "stopped by"]]
    for each in result.knees:
        step = each.best
        rows.append([
            f"{each.members:,}",
            f"{step.delivered:,.0f}" if step else "none",
            f"{step.rate:,.1f}" if step else "-",
            f"{step.p99:,.1f}" if step else "-",
            _number(step.cpu_us if step else None, ".2f"),
            _number(each.alone_us, ".2f"),
            each.stopped_by,
        ])  # fmt: skip
    return table(rows, "<>>>>><")


def _steps_table(found: Knee) -> str:
    rows = [[f"rooms of {found.members:,}", "delivered/s", "p50 ms", "p99 ms", "CPU %", ""]]
    for step in sorted(found.steps, key=lambda step: step.rate):
        rows.append([
            f"{step.rate:,.1f} messages/s",
            f"{step.delivered:,.0f}",
            f"{step.p50:,.2f}",
            f"{step.p99:,.2f}",
            _number(step.cpu_share, ".0f"),
            step.why,
        ])  # fmt: skip
    return table(rows, "<>>>><")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
