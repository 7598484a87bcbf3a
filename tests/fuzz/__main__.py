"""`python -m tests.fuzz [--runs N] [--jobs N] [--keep] [TARGET ...]`: look for what breaks one.

Prints a line a target: the runs, counted by libFuzzer itself; the longest of them; by how much
memory has grown. The first input that breaks a target is left in a file, which is named, and the
exit status is 1.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.fuzz import corpus
from tests.fuzz.watching import Figures

RUNS = 500_000
"""Of all targets together."""

SHARES = {
    "requests": 320, "events": 240, "proxy": 120, "journal": 80, "settings": 60, "handshake": 50,
    "websocket": 40, "framing": 30, "terminal": 16, "http": 12, "operator": 10, "stranger": 10,
    "account": 6, "guest": 4, "browser": 4,
}  # fmt: skip
"""Of the runs: a whole session takes a hundred times as long as a parser, so that each target
has about as much time as any other."""

MAX_BYTES = 4_096
"""Of an input: a stranger's longest frame."""

LENGTHS = {"framing": 512, "websocket": 512, "http": 1_024, "proxy": 512, "terminal": 1_024}
"""Of an input for those that take it byte by byte: twice their longest unit, where it has one."""

WORDS = Path(__file__).parent / "words.txt"
"""Words of the protocol, for the fuzzer to put in (libFuzzer's dictionary)."""


class Outcome(NamedTuple):
    """What came of one target."""

    runs: int
    seconds: float
    figures: Figures
    complaint: str


def main() -> int:
    # Not imported from `targets`: what is imported before atheris is not instrumented, and
    # this process only counts.
    known = sorted(path.stem for path in corpus.FOLDER.glob("*.txt"))
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", default=known, metavar="TARGET")
    parser.add_argument("--runs", type=int, default=RUNS, help="of all targets together")
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time")
    parser.add_argument("--keep", action="store_true", help="add what was found to the corpus")
    args = parser.parse_args()
    if unknown := set(args.targets) - set(known):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    return _fuzz_all(args.targets, args.runs, args.jobs, args.keep)


def _fuzz_all(targets: list[str], runs: int, jobs: int, keep: bool) -> int:
    whole = sum(SHARES[target] for target in targets)
    head = ("target", "runs", "seconds", "longest ms", "grown MiB", "kept")
    print("{:10} {:>10} {:>8} {:>10} {:>9} {:>5}".format(*head))

    def fuzz(target: str) -> Outcome:
        outcome = _fuzz(target, -(-runs * SHARES[target] // whole), keep)
        _report(target, outcome)
        return outcome

    started = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(fuzz, targets))
    total = sum(outcome.runs for outcome in outcomes)
    longest = max(outcome.figures.longest for outcome in outcomes)
    grown = max(outcome.figures.grown for outcome in outcomes)
    seconds = time.monotonic() - started
    print(f"{'all':10} {total:10,} {seconds:8.0f} {longest * 1_000:10.1f} {grown / 2**20:9.1f}")
    return int(any(outcome.complaint for outcome in outcomes))


def _report(target: str, outcome: Outcome) -> None:
    figures = outcome.figures
    print(
        f"{target:10} {outcome.runs:10,} {outcome.seconds:8.0f} {figures.longest * 1_000:10.1f}"
        f" {figures.grown / 2**20:9.1f} {len(corpus.load(target)):5}",
        flush=True,
    )
    if outcome.complaint:
        print(outcome.complaint, file=sys.stderr)


def _fuzz(target: str, runs: int, keep: bool) -> Outcome:
    with TemporaryDirectory(prefix="netchat-fuzz-") as folder:
        found, figures = Path(folder, "found"), Path(folder, "figures")
        found.mkdir()
        corpus.unpack(target, found)
        started = time.monotonic()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.fuzz.guided", target, str(figures), str(runs)),
                *(f"-runs={runs}", f"-max_len={LENGTHS.get(target, MAX_BYTES)}"),
                *("-print_final_stats=1", f"-dict={WORDS}", f"-artifact_prefix=fuzz-{target}-"),
                str(found),
            ],
            capture_output=True,
            text=True,
            errors="replace",
        )
        seconds = time.monotonic() - started
        if keep and done.returncode == 0:
            corpus.save(target, corpus.load(target) + _smallest(target, found))
        counted = re.search(r"stat::number_of_executed_units:\s+(\d+)", done.stderr)
        outcome = Outcome(int(counted[1]) if counted else 0, seconds, Figures.read(figures), "")
    complaint = done.stdout[-1_000:] + done.stderr[-3_000:] if done.returncode else ""
    if not complaint and outcome.runs < runs:
        complaint = f"{target}: {outcome.runs:,} of {runs:,} runs only."
    return outcome._replace(complaint=complaint)


def _smallest(target: str, folder: Path) -> list[bytes]:
    """The inputs that together reach what all of them do."""
    with TemporaryDirectory(prefix="netchat-fuzz-") as merged:
        nowhere = str(Path(merged, "figures"))
        Path(merged, "corpus").mkdir()
        guided = [sys.executable, "-m", "tests.fuzz.guided", target, nowhere, str(RUNS)]
        command = [*guided, "-merge=1", f"{merged}/corpus", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        return corpus.read(Path(merged, "corpus"))


if __name__ == "__main__":
    sys.exit(main())
