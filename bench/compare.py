"""The `compare` command: other servers beside ours, by the same generator, in turns.

Rounds are interleaved, each peer once in each repeat and in a changing order, because a shared
machine is fast in one minute and slow in the next. The measure is the CPU time of the whole
server process for a delivery, every delivery counted.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from msgspec import structs

from bench.cases import CASES, Case, Measurement
from bench.crew import Crew, GeneratorFailed
from bench.machine import environment, server_cores, split_cores
from bench.options import Options
from bench.page import compare_page
from bench.peers.catalog import Peer, catalog
from bench.progress import Progress
from bench.results import Joining, save
from bench.serverprocess import CannotStart
from bench.standings import CompareResult, compare_table

WARMUP = 1.0
"""Seconds: every socket has been used, every table has grown."""


def compare(options: Options) -> int:
    """The process's exit code: 1 when netchat itself failed in a case."""
    peers, left_out = _chosen(options)
    cases = [case for case in CASES if not options.cases or case.name in options.cases]
    if not cases:
        print(f"bench: cases are {', '.join(case.name for case in CASES)}", file=sys.stderr)
        return 2
    result = CompareResult(
        environment=environment(),
        durability=options.durability,
        cases=cases,
        left_out=left_out,
        measurements=[],
    )
    progress = Progress()
    for repeat in range(options.repeats):
        for case in cases:
            turned = peers[repeat % len(peers) :] + peers[: repeat % len(peers)]
            for peer in turned:
                progress.begin(f"{case.name} {peer.name}")
                result.measurements.append(measure(peer, case, options.seconds, progress))
    progress.end()
    print(compare_table(result))
    path = save(result, options.out, "compare")
    path.with_suffix(".html").write_text(compare_page(result))
    print(f"\nKept in {path} (.html)")
    ours = [each for each in result.measurements if each.peer == "netchat"]
    return 1 if any(each.failure or each.undelivered for each in ours) else 0


def _chosen(options: Options) -> tuple[list[Peer], list[str]]:
    """Who takes part, and who does not and why."""
    everybody = catalog(options.durability)
    wanted = [
        peer for peer in everybody if not options.peers or peer.name in (*options.peers, "netchat")
    ]
    present = [peer for peer in wanted if not peer.missing]
    return present, [f"{peer.name}: {peer.missing}" for peer in wanted if peer.missing]


def measure(peer: Peer, case: Case, seconds: float, progress: Progress) -> Measurement:
    """One peer in one case, once, on a server of its own."""
    scenario = structs.replace(case.scenario, dialect=peer.dialect, door=peer.door)
    _, generator_cores = split_cores(1)
    found = Measurement(
        peer=peer.name, case=case.name, joining=Joining(joined=0, failed=0, seconds=0.0)
    )
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            peer.start(Path(folder) / "server", server_cores()) as server,
            Crew(
                scenario,
                server.address,
                Path(folder) / "crew",
                server=server,
                cores=generator_cores,
                on_progress=progress.update,
            ) as crew,
        ):
            found.joining = crew.joining
            if case.window:
                _play(crew, case, seconds, found)
    except (CannotStart, GeneratorFailed, OSError) as exc:
        found.failure = str(exc)
    return found


def _play(crew: Crew, case: Case, seconds: float, found: Measurement) -> None:
    crew.play(case.round(WARMUP))
    result = crew.play(case.round(seconds))
    found.cpu_us = result.cpu_us
    found.delivered_rate = result.delivered_rate
    found.p99 = result.latency.get("p99")
    found.undelivered = result.tally.lost
