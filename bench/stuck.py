"""The `stuck` command: what readers that stop reading cost, and whether they end complete.

One room. A few healthy members post at a steady rate and read; the same load is played before
and after so many others have come in and stopped reading. At first the others' buffers fill, in
the server's kernel and in their own; then nothing more is sent to them. In the end they read
on, and what each of them gets is checked.

The rate is open-loop, so whatever the stuck ones do to the healthy ones is in the latencies.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from msgspec import Struct

from bench.crew import Crew
from bench.crowd import Tally
from bench.machine import environment, server_cores, socket_bytes, split_cores
from bench.options import Options
from bench.orders import Attend, CaughtUp, room_name
from bench.progress import Progress
from bench.readersprocess import ReadersProcess
from bench.report import environment_line, figure, table
from bench.results import RoundResult, save
from bench.scenario import DoorName, Round, Scenario
from bench.serverprocess import NetchatServer
from bench.stats import Spread, spread_or_none

HEALTHY = 20
"""Members that read and post: few, so that what is measured is the stuck ones."""

FILLING = 3.0
"""Seconds in which the buffers of those who do not read fill up."""

WARMUP = Round(seconds=1.0, rate=100.0)

MEBI = 2**20

SETTINGS = ("limits.heartbeat=3600",)
"""Else those who take nothing for 45 s would be closed, and cost nothing at all."""


class Stuck(Struct, kw_only=True):
    """One run. Memory is the server's, in bytes: what it had before the load on
    the stuck ones, the most while they did not read, and while they caught up. `kernel` is that
    of its sockets, None where it cannot be told."""

    readers: int
    before: RoundResult
    filling: RoundResult
    stuck: RoundResult
    memory: int
    peak: int
    peak_in_the_end: int
    kernel: int | None
    caught_up: CaughtUp

    @property
    def invalid(self) -> list[str]:
        """Why latencies cannot be compared; empty where they can."""
        return [*self.before.invalid, *self.stuck.invalid]

    @property
    def tally(self) -> Tally:
        """What the healthy ones and the readers got, together."""
        total = Tally()
        for each in (self.before.tally, self.filling.tally, self.stuck.tally, self.caught_up.tally):
            total.add(each)
        return total


class StuckResult(Struct, kw_only=True, tag="stuck"):
    """All runs."""

    environment: dict[str, str | int]
    durability: str
    door: DoorName
    size: int
    runs: list[Stuck]

    def figures(self) -> dict[str, Spread]:
        """Every figure, over the runs."""
        runs = self.runs
        rows: dict[str, list[float | None]] = {
            "p50 before": [run.before.latency.get("p50") for run in runs],
            "p50 while stuck": [run.stuck.latency.get("p50") for run in runs],
            "p99 before": [run.before.latency.get("p99") for run in runs],
            "p99 while buffers fill": [run.filling.latency.get("p99") for run in runs],
            "p99 while stuck": [run.stuck.latency.get("p99") for run in runs],
            "p99 ratio": [
                run.stuck.latency["p99"] / run.before.latency["p99"]
                for run in runs
                if not run.invalid and run.stuck.latency and run.before.latency
            ],
            "growth": [(run.peak - run.memory) / MEBI for run in runs],
            "growth a reader": [(run.peak - run.memory) / run.readers for run in runs],
            "growth in the end": [(run.peak_in_the_end - run.memory) / MEBI for run in runs],
            "kernel": [None if run.kernel is None else run.kernel / MEBI for run in runs],
            "CPU share before": [run.before.cpu_share for run in runs],
            "CPU share while stuck": [run.stuck.cpu_share for run in runs],
            "catching up": [run.caught_up.seconds for run in runs],
        }
        spreads = {name: spread_or_none(values) for name, values in rows.items()}
        return {name: spread for name, spread in spreads.items() if spread is not None}


def stuck(options: Options) -> int:
    """The process's exit code: 1 when anything was lost, doubled or out of order."""
    result = StuckResult(
        environment=environment(),
        durability=options.durability,
        door=options.door,
        size=options.size,
        runs=[],
    )
    progress = Progress()
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            result.runs.append(measure(options, Path(folder), progress))
    progress.end()
    print(stuck_table(result))
    print(f"\nKept in {save(result, options.out, 'stuck')}")
    return 1 if any(run.tally.faults for run in result.runs) else 0


def measure(options: Options, folder: Path, progress: Progress, filling: float = FILLING) -> Stuck:
    """One run, on a server of its own."""
    scenario = Scenario(clients=HEALTHY, rooms=1, size=options.size, door=options.door)
    seconds = options.megabytes * 1e6 / options.size / options.rate
    rest = max(filling, seconds - filling)
    _, theirs = split_cores(1)
    peak = 0

    def look(done: int = 0) -> None:
        nonlocal peak
        progress.update(done)
        peak = max(peak, server.memory())

    with (
        NetchatServer(
            folder / "server", options.durability, cores=server_cores(), settings=SETTINGS,
            door=options.door,
        ) as server,
        Crew(
            scenario, server.address, folder / "crew", server=server, cores=theirs,
            on_progress=look,
        ) as crew,
    ):  # fmt: skip
        crew.play(WARMUP)
        progress.begin("nobody is stuck", filling + rest)
        before = crew.play(Round(seconds=filling + rest, rate=options.rate))
        progress.begin("readers come in")
        host, port = server.address
        room = room_name(crew.prefix, 0)
        attend = Attend(
            host=host,
            port=port,
            room=room,
            prefix=f"{crew.prefix}.s",
            count=options.clients,
            door=options.door,
        )
        with ReadersProcess(attend, folder, theirs) as readers:
            memory = peak = server.memory()
            progress.begin("buffers fill", filling)
            filled = crew.play(Round(seconds=filling, rate=options.rate))
            progress.begin(f"{options.clients:,} are stuck", rest)
            held = crew.play(Round(seconds=rest, rate=options.rate))
            peak_while_stuck, kernel = peak, socket_bytes(port)
            progress.begin("they read on")
            caught_up = readers.go_on(filled.tally.posted + held.tally.posted, look)
    return Stuck(
        readers=options.clients,
        before=before,
        filling=filled,
        stuck=held,
        memory=memory,
        peak=peak_while_stuck,
        peak_in_the_end=peak,
        kernel=kernel,
        caught_up=caught_up,
    )


def stuck_table(result: StuckResult) -> str:
    """Everything, as text."""
    figures, first = result.figures(), result.runs[0]
    flowed = sum(each.tally.posted for each in (first.filling, first.stuck)) * result.size / 1e6
    rows = [[f"{first.readers:,} readers stop, {flowed:,.0f} MB flow, {result.durability}", ""]]
    rows += [
        [f"  {title}", figure(figures.get(name), form) + unit]
        for title, name, form, unit in (
            ("p50 of the others before", "p50 before", ",.2f", " ms"),
            ("while they are stuck", "p50 while stuck", ",.2f", " ms"),
            ("p99 of the others before", "p99 before", ",.2f", " ms"),
            ("while buffers fill", "p99 while buffers fill", ",.2f", " ms"),
            ("while they are stuck", "p99 while stuck", ",.2f", " ms"),
            ("ratio, stuck to before", "p99 ratio", ".2f", ""),
            ("server's CPU before", "CPU share before", ".1f", " %"),
            ("while they are stuck", "CPU share while stuck", ".1f", " %"),
            ("server's memory grew by", "growth", ",.1f", " MiB"),
            ("for each reader", "growth a reader", ",.0f", " bytes"),
            ("kernel's for its sockets", "kernel", ",.1f", " MiB"),
            ("grown when all catch up", "growth in the end", ",.1f", " MiB"),
            ("reading the rest took", "catching up", ",.1f", " s"),
        )
    ]
    complete = min(run.caught_up.complete for run in result.runs)
    rows.append(["  complete in the end", f"{complete:,} of {first.readers:,}"])
    faults = sum(run.tally.faults for run in result.runs)
    verdict = f"{faults:,} FAULTS" if faults else "nothing lost, doubled or out of order"
    invalid = [f"INVALID: {why}" for run in result.runs for why in run.invalid]
    return "\n\n".join([environment_line(result.environment), table(rows), *invalid, verdict])
