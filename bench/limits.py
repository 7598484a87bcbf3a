"""The `limits` command: how many connections, how much load, what each costs, what stops it.

Connections are raised to what the file limit allows, and the memory of each measured in three
stages: connected, logged in, and joined. Load is raised, for rooms of four sizes, by doubling
until a step fails and then by halving the distance; the knee is the highest step that kept
the target.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.crew import Crew
from bench.knees import Knee, LimitsResult, Step, limits_table
from bench.machine import environment, server_cores, split_cores
from bench.options import Options
from bench.page import limits_page
from bench.progress import Progress
from bench.results import RoundResult, save
from bench.scenario import Round, Scenario, Stage
from bench.serverprocess import NetchatServer
from bench.stays import HEARTBEATS, Stay, most_connections, stay

CONNECTIONS = "connections"

ROOM_SIZES = (4, 100, 1_000, 10_000)

SMALL_CROWD = 1_000
"""Clients in all where rooms are smaller: enough that no single one matters."""

SHARES = (8, 4, 2, 1)
"""Connections are raised in steps, to this part of the most."""

FIRST_LOAD = 4_000.0
"""Deliveries a second that the lightest step makes: a few percent of a core."""

SLOWEST_RATE = 2.0
"""Messages a second, at least, or a step would be over before it had begun."""

STEPS_BETWEEN = 3
"""Halvings of the last doubling: the knee is found to an eighth."""

MOST_STEPS = 20

TRIES = 3
"""A shared machine has bad seconds: what is too much fails so many times."""

WARMUP = 1.0

MIN_SHARE = 0.9
"""Deliveries made, of those the load asks for, below which the server does not keep up."""


def limits(options: Options) -> int:
    """The process's exit code."""
    names = [CONNECTIONS, *(f"rooms-{size}" for size in ROOM_SIZES)]
    wanted = [name for name in names if not options.cases or name in options.cases]
    if not wanted:
        print(f"bench: cases are {', '.join(names)}", file=sys.stderr)
        return 2
    progress = Progress()
    most = most_connections(options)
    result = LimitsResult(
        environment=environment(),
        durability=options.durability,
        door=options.door,
        target=options.target,
        stays=stays(options, most, progress) if CONNECTIONS in wanted else [],
        knees=[
            knee(options, size, most, progress)
            for size in ROOM_SIZES
            if f"rooms-{size}" in wanted and size <= most
        ],
    )
    progress.end()
    print(limits_table(result))
    path = save(result, options.out, "limits")
    path.with_suffix(".html").write_text(limits_page(result))
    print(f"\nKept in {path} (.html)")
    return 0


# -- connections ---------------------------------------------------------------------------


def stays(options: Options, most: int, progress: Progress) -> list[Stay]:
    """Connections by stage, then the last stage at growing numbers."""
    plan: list[tuple[Stage, int]] = [("connect", most), ("hello", most)]
    plan += [("join", most // share) for share in SHARES]
    found = [stay(options, stage, clients, progress) for stage, clients in plan[:-1]]
    return [*found, stay(options, *plan[-1], progress, HEARTBEATS)]


# -- load ----------------------------------------------------------------------------------


def knee(options: Options, size: int, most: int, progress: Progress) -> Knee:
    """Raise the load on rooms of one size until it is too much."""
    clients = min(most, max(size, SMALL_CROWD))
    scenario = Scenario(
        clients=clients, rooms=clients // size, size=options.size, door=options.door
    )
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        NetchatServer(
            Path(folder), options.durability, cores=server_cores(), door=options.door
        ) as server,
        _crew(scenario, server, Path(folder), progress) as crew,
    ):
        progress.begin(f"rooms of {size:,}, alone")
        alone = crew.play(Round(seconds=options.seconds, window=1))
        steps = _raise(crew, options, size, progress)
    return Knee(members=size, clients=clients, alone_us=alone.cpu_us, steps=steps)


def _raise(crew: Crew, options: Options, size: int, progress: Progress) -> list[Step]:
    steps: list[Step] = []
    rate, low, high = max(SLOWEST_RATE, FIRST_LOAD / size), 0.0, 0.0
    halvings = 0
    while len(steps) < MOST_STEPS:
        progress.begin(f"rooms of {size:,}, {rate:,.0f} msg/s", options.seconds + WARMUP)
        step = _try(crew, options, rate)
        for _ in range(TRIES - 1):
            if not step.why:
                break
            step = _try(crew, options, rate)
        steps.append(step)
        if step.why:
            high = rate
        else:
            low = rate
        if high:
            halvings += 1
            if halvings > STEPS_BETWEEN or not low:
                break
        rate = (low + high) / 2 if high else low * 2
    return steps


def _try(crew: Crew, options: Options, rate: float) -> Step:
    crew.play(Round(seconds=WARMUP, rate=rate))
    return judge(crew.play(Round(seconds=options.seconds, rate=rate)), crew.scenario, options)


def judge(result: RoundResult, scenario: Scenario, options: Options) -> Step:
    """Whether a step has kept the target."""
    wanted = scenario.fan_out(result.round.rate)
    step = Step(
        rate=result.round.rate,
        wanted=wanted,
        delivered=result.delivered_rate,
        p50=result.latency.get("p50", 0.0),
        p99=result.latency.get("p99", 0.0),
        cpu_us=result.cpu_us,
        cpu_share=result.cpu_share,
        why="",
    )
    if result.tally.faults:
        step.why = f"{result.tally.faults:,} faults: {result.tally.errors or 'lost'}"
    elif result.invalid:
        step.why = f"the generator: {result.invalid[0]}"
    elif step.p99 > options.target:
        step.why = f"p99 of {step.p99:,.0f} ms"
    elif step.delivered < wanted * MIN_SHARE:
        step.why = f"only {step.delivered / wanted:.0%} of the load was delivered in time"
    return step


def _crew(scenario: Scenario, server: NetchatServer, folder: Path, progress: Progress) -> Crew:
    generators, cores = split_cores(0)
    return Crew(
        scenario,
        server.address,
        folder / "crew",
        server=server,
        generators=generators,
        cores=cores,
        on_progress=progress.update,
    )
