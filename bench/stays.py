"""Connections that come in, stay, and say nothing: what each of them costs."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

from msgspec import Struct

from bench.crew import Crew
from bench.machine import server_cores, split_cores
from bench.options import Options
from bench.progress import Progress
from bench.results import Joining
from bench.scenario import Round, Scenario, Stage
from bench.serverprocess import NetchatServer

PER_ROOM = 1_000
"""Members of a room while connections are counted."""

SETTINGS = ("limits.login_timeout=3600",)
"""Else those who never log in would be gone before they have been counted."""


RESERVED_FILES = 300
"""Descriptors that are no connections, on either side."""


HEARTBEATS = 50.0
"""Seconds in which everybody is asked twice whether he lives. (They ask in waves, as all have
come at once: a shorter time would see more or less than its share.)"""


class Stay(Struct, kw_only=True):
    """So many connections at one stage, and what they cost when nothing happens.

    `idle_cpu`: the server's share of a core, in percent. The kernel's memory is not counted.
    """

    stage: Stage
    clients: int
    joining: Joining
    idle_cpu: float | None = None
    dropped: int = 0


def stay(
    options: Options,
    stage: Stage,
    clients: int,
    progress: Progress,
    idle: float = 0.0,
) -> Stay:
    """On a server of its own. `idle`: seconds to stay and be measured."""
    scenario = Scenario(
        clients=clients, rooms=-(-clients // PER_ROOM), stage=stage, door=options.door
    )
    progress.begin(f"{clients:,} {stage}")
    generators, cores = split_cores(0)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        NetchatServer(
            Path(folder),
            options.durability,
            cores=server_cores(),
            settings=SETTINGS,
            door=options.door,
        ) as server,
        Crew(
            scenario,
            server.address,
            Path(folder) / "crew",
            server=server,
            generators=generators,
            cores=cores,
            on_progress=progress.update,
        ) as crew,
    ):
        found = Stay(stage=stage, clients=clients, joining=crew.joining)
        if idle:
            progress.begin(f"{clients:,} idle", idle)
            result = crew.play(Round(seconds=idle))
            found.idle_cpu, found.dropped = result.cpu_share, result.tally.dropped
    return found


def most_connections(options: Options) -> int:
    """What the file limit leaves to a process, or less where so many were not asked for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    possible = hard - RESERVED_FILES
    return min(possible, options.clients) if options.clients else possible
