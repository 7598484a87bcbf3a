"""The `run` command: one crowd, a warm-up, some rounds, a table."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import hgrm
from bench.crew import Crew
from bench.machine import environment, server_cores, split_cores
from bench.options import Options
from bench.page import run_page
from bench.progress import Progress
from bench.report import run_line, run_table
from bench.results import RunResult, save
from bench.scenario import Round
from bench.serverprocess import NetchatServer, ServerProcess
from netchat.net.addresses import parse_address

FAILED = 1


def run(options: Options) -> int:
    """The process's exit code: 1 when a threshold fails, or the server lost, doubled,
    disordered, altered or did not answer anything."""
    progress = Progress()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        result, histogram = measure(options, Path(folder), progress)
    progress.end()
    figures = {name: spread.median for name, spread in result.figures().items()}
    failed = [each.text for each in options.threshold if not each.holds(figures)]
    path = save(result, options.out, "run")
    path.with_suffix(".hgrm").write_text(histogram)
    path.with_suffix(".html").write_text(run_page(result))
    print(
        run_line(result, failed) if options.quiet else run_table(result, options.threshold, failed)
    )
    if not options.quiet:
        print(f"\nKept in {path} (.hgrm, .html)")
    return FAILED if failed or result.tally.faults or not result.tally.delivered else 0


def measure(options: Options, folder: Path, progress: Progress) -> tuple[RunResult, str]:
    """Play what was asked for; the result, and all latencies as a histogram."""
    scenario = options.scenario()
    generators, theirs = split_cores(options.generators)
    with the_server(options, folder) as (address, server):
        progress.begin("connecting")
        crew = Crew(
            scenario,
            address,
            folder,
            server=server,
            generators=generators,
            cores=theirs,
            on_progress=progress.update,
        )
        latencies = crew.samples.latency
        with crew:
            rounds = []
            for number in range(options.repeats + 1):
                seconds = options.seconds if number else options.warmup
                progress.begin(f"round {number}" if number else "warming up", seconds)
                result = crew.play(_round(options, seconds))
                if number:
                    rounds.append(result)
                    latencies += crew.samples.latency
    return RunResult(
        environment=environment(),
        server=options.server or "started here",
        durability="" if options.server else options.durability,
        scenario=scenario,
        joining=crew.joining,
        rounds=rounds,
    ), hgrm.to_hgrm(latencies)


def _round(options: Options, seconds: float) -> Round:
    if options.window:
        return Round(seconds=seconds, window=options.window)
    return Round(seconds=seconds, rate=options.rate)


@contextmanager
def the_server(
    options: Options, folder: Path
) -> Iterator[tuple[tuple[str, int], ServerProcess | None]]:
    """The server to be measured: its address, and its process where it is ours."""
    if options.server:
        yield parse_address(options.server), None
        return
    with NetchatServer(
        folder, options.durability, cores=server_cores(), door=options.door
    ) as server:
        yield server.address, server
