"""The `cost` command: what the server's Python costs, without the kernel and beside it.

Three measures, all in this process: messages of the real server in a vacuum, where sends cost
nothing; coming in there; and the fan-out's own loop over real sockets beside one that only sends.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from msgspec import Struct

from bench.cases import CASES, Case
from bench.machine import cores, environment, pin
from bench.options import Options
from bench.progress import Progress
from bench.report import environment_line, figure, table
from bench.results import save
from bench.scenario import Scenario
from bench.sends import Sends
from bench.stats import Spread
from bench.vacuum import Vacuum
from netchat.environment import tune_collector
from netchat.net.rlimit import raise_file_limit

MEMBERS = 1_000
"""Of the fan-out beside bare sends; it fits into one tick's slice."""

LARGEST = 1_000
"""Members of a case's rooms: larger ones take more than one tick."""

WARMUP = 3
"""Calls that are not counted."""


class Cost(Struct, kw_only=True):
    """CPU microseconds of a message in one case, and of a delivery of it; one a repeat."""

    case: str
    title: str
    members: int
    message_us: list[float]

    @property
    def delivery_us(self) -> list[float]:
        """A message's cost, over those who get it."""
        return [each / self.members for each in self.message_us]


class CostResult(Struct, kw_only=True, tag="cost"):
    """All costs; `joining_us` is that of a connection that logs in and joins, `bare_us` and
    `ours_us` are those of a send, without and with what is ours."""

    environment: dict[str, str | int]
    costs: list[Cost]
    bare_us: list[float]
    ours_us: list[float]
    joining_us: list[float] = []

    @property
    def added_us(self) -> list[float]:
        """What is ours, alone."""
        return [own - bare for own, bare in zip(self.ours_us, self.bare_us, strict=True)]


def cost(options: Options) -> int:
    """The process's exit code."""
    cases = [case for case in CASES if case.window and case.scenario.clients <= LARGEST]
    cases = [case for case in cases if not options.cases or case.name in options.cases]
    if not cases:
        names = (case.name for case in CASES if case.window and case.scenario.clients <= LARGEST)
        print(f"bench: cases are {', '.join(names)}", file=sys.stderr)
        return 2
    where = environment()
    pin(0, cores()[:1])
    result = measure(cases, options.repeats, options.seconds, where)
    print(cost_table(result))
    print(f"\nKept in {save(result, options.out, 'cost')}")
    return 0


def measure(
    cases: list[Case],
    repeats: int,
    seconds: float,
    where: dict[str, str | int],
    members: int = MEMBERS,
) -> CostResult:
    """Play every case once in each repeat, for so long; the median of a repeat counts."""
    raise_file_limit()
    progress = Progress()
    result = CostResult(
        environment=where, costs=[_cost(case) for case in cases], bare_us=[], ours_us=[]
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        worlds = [stack.enter_context(Vacuum(case.scenario, folder)) for case in cases]
        sends = stack.enter_context(Sends(members))
        tune_collector()
        for repeat in range(repeats):
            for case, world, found in zip(cases, worlds, result.costs, strict=True):
                progress.begin(f"{case.name}, {repeat + 1}", seconds)
                spent = _median(partial(world.play, case.window), seconds)
                found.message_us.append(spent / case.window / 1e3)
            progress.begin(f"joining, {repeat + 1}", seconds)
            came_in = partial(_come_in, Scenario(clients=members, rooms=1), folder)
            result.joining_us.append(_median(came_in, seconds) / members / 1e3)
            progress.begin(f"sends, {repeat + 1}", seconds)
            bare, ours = sends.beside(seconds)
            result.bare_us.append(bare)
            result.ours_us.append(ours)
    progress.end()
    return result


def _come_in(scenario: Scenario, folder: Path) -> float:
    """CPU nanoseconds in which everybody has come into a new server."""
    with Vacuum(scenario, folder) as world:
        return world.joining_ns


def _cost(case: Case) -> Cost:
    members = case.scenario.clients // case.scenario.rooms
    return Cost(case=case.name, title=case.title, members=members, message_us=[])


def _median(call: Callable[[], float], seconds: float) -> float:
    """Of as many calls as there is time for; at least one, and those of a warm-up before."""
    for _ in range(WARMUP):
        call()
    deadline, found = time.monotonic() + seconds, [call()]
    while time.monotonic() < deadline:
        found.append(call())
    return median(found)


def cost_table(result: CostResult) -> str:
    """Everything, as text."""
    rows = [["without the kernel", "CPU µs a message", "CPU µs a delivery"]]
    for each in result.costs:
        message, delivery = Spread.of(each.message_us), Spread.of(each.delivery_us)
        rows.append([each.title, figure(message, ",.2f"), figure(delivery, ".4f")])
    joining = [["without the kernel", "CPU µs a connection"]]
    joining.append(["logs in and joins", figure(Spread.of(result.joining_us), ",.2f")])
    beside = [[f"a message to {MEMBERS:,} sockets", "CPU µs a send"]]
    for title, values in (
        ("sent by a loop that does nothing else", result.bare_us),
        ("sent by transports in a tick", result.ours_us),
        ("the difference", result.added_us),
    ):
        beside.append([title, figure(Spread.of(values), ".2f")])
    return "\n\n".join([environment_line(result.environment), table(rows, "<>"),
                        table(joining, "<>"), table(beside, "<>")])  # fmt: skip
