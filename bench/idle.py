"""The `idle` command: memory and CPU of many connections that say nothing.

Three stages, each on a server of its own: connected, logged in, and in a room. Those in a room
stay, for as long as everybody is asked twice by heartbeats whether he lives.
"""

from __future__ import annotations

from typing import get_args

from msgspec import Struct

from bench.machine import environment
from bench.options import Options
from bench.progress import Progress
from bench.report import environment_line, figure, table
from bench.results import save
from bench.scenario import DoorName, Stage
from bench.stats import Spread, spread_or_none
from bench.stays import Stay, most_connections, stay


class IdleResult(Struct, kw_only=True, tag="idle"):
    """All stays, of all repeats."""

    environment: dict[str, str | int]
    durability: str
    door: DoorName
    stays: list[Stay]

    def figures(self) -> dict[str, Spread]:
        """Every figure, over the repeats."""
        found: dict[str, Spread] = {}
        for stage in get_args(Stage):
            mine = [each for each in self.stays if each.stage == stage]
            rows: dict[str, list[float | None]] = {
                "bytes": [each.joining.memory for each in mine],
                "CPU µs": [each.joining.cpu_us for each in mine],
                "a second": [each.joining.per_second for each in mine],
                "idle CPU %": [each.idle_cpu for each in mine],
            }
            for name, values in rows.items():
                if (spread := spread_or_none(values)) is not None:
                    found[f"{stage}: {name}"] = spread
        return found


def idle(options: Options) -> int:
    """The process's exit code: 1 when somebody could not come in, or was cut off."""
    clients = min(options.clients, most_connections(options))
    result = IdleResult(
        environment=environment(), durability=options.durability, door=options.door, stays=[]
    )
    progress = Progress()
    for _ in range(options.repeats):
        result.stays += [
            stay(options, "connect", clients, progress),
            stay(options, "hello", clients, progress),
            stay(options, "join", clients, progress, options.seconds),
        ]
    progress.end()
    print(idle_table(result))
    print(f"\nKept in {save(result, options.out, 'idle')}")
    return 1 if any(each.joining.failed or each.dropped for each in result.stays) else 0


def idle_table(result: IdleResult) -> str:
    """Everything, as text."""
    figures = result.figures()
    names = {
        "bytes": ("bytes each", ",.0f"),
        "CPU µs": ("CPU µs to come in", ",.1f"),
        "a second": ("a second", ",.0f"),
        "idle CPU %": ("CPU % when idle", ".2f"),
    }
    stays = result.stays
    rows = [
        [
            f"{stays[0].clients:,} connections, {result.door}",
            *(title for title, _ in names.values()),
        ]
    ]
    for stage in dict.fromkeys(each.stage for each in stays):
        cells = [figure(figures.get(f"{stage}: {name}"), form) for name, (_, form) in names.items()]
        rows.append([STAGES[stage], *cells])
    failed = sum(each.joining.failed for each in stays)
    dropped = sum(each.dropped for each in stays)
    parts = [environment_line(result.environment), table(rows, "<>")]
    if failed or dropped:
        parts.append(f"{failed:,} could not come in, {dropped:,} were cut off")
    return "\n\n".join(parts)


STAGES: dict[Stage, str] = {"connect": "connected", "hello": "logged in", "join": "in a room"}
