"""The `selftest` command: whether the harness notices what it is there to notice.

A relay plants faults, one in so many messages; what the harness counts must be what the relay
planted, and without faults it must count none.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from msgspec import Struct

from bench.crew import Crew
from bench.crowd import Tally
from bench.faults import Kind
from bench.options import Options
from bench.progress import Progress
from bench.report import table
from bench.scenario import Round, Scenario
from bench.serverprocess import NetchatServer, ServerProcess, python_environment

EVERY = 100_000
"""The rarest fault that has to be found."""

CROWD = Scenario(clients=250, rooms=1, publishers=10)
LOAD = Round(seconds=3.0, rate=300.0)

COUNTED_AS: dict[Kind, str] = {
    "none": "faults",
    "drop": "lost",
    "swap": "reordered",
    "double": "doubled",
    "alter": "altered",
}


class Trial(Struct):
    """One kind of fault, as planted and as counted."""

    kind: Kind
    seen: int
    planted: int
    tally: Tally

    @property
    def counted(self) -> int:
        """How often the harness saw it."""
        count: int = getattr(self.tally, COUNTED_AS[self.kind])
        return count

    @property
    def is_right(self) -> bool:
        """Whether all of it was found, and where it was there to be found."""
        return self.counted == self.planted and (self.planted > 0) == (self.kind != "none")


def try_out(kind: Kind, every: int, scenario: Scenario, load: Round, folder: Path) -> Trial:
    """Play a load through a relay that plants one kind of fault."""
    with NetchatServer(folder / "server") as server:
        host, port = server.address
        command = [sys.executable, "-m", "bench.relay", host, str(port), kind, str(every)]
        env = python_environment(folder)
        with (
            ServerProcess(command, folder / "relay", env=env, reports=True) as relay,
            Crew(scenario, relay.address, folder / "crew") as crew,
        ):
            tally = crew.play(load).tally
            figures = relay.figures()
    return Trial(kind, int(figures["seen"]), int(figures["planted"]), tally)


def selftest(options: Options) -> int:
    """The process's exit code: 1 when a fault got past."""
    progress = Progress()
    trials = []
    for kind in COUNTED_AS:
        progress.begin(f"planting: {kind}", LOAD.seconds)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            trials.append(try_out(kind, EVERY, CROWD, LOAD, Path(folder)))
    progress.end()
    rows = [["fault", "messages", "planted", "counted", ""]]
    for trial in trials:
        verdict = "right" if trial.is_right else "WRONG"
        rows.append(
            [trial.kind, f"{trial.seen:,}", str(trial.planted), str(trial.counted), verdict]
        )
    print(table(rows, "<>>><"))
    return 0 if all(trial.is_right for trial in trials) else 1
