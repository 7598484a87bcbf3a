"""`python -m tests.fuzz [--runs N] [--keep] [TARGET ...]`: look for what breaks a target.

Prints a line a target, with the runs counted by libFuzzer itself; the first input that breaks
one is left in a file, which is named, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz import corpus

RUNS = 100_000
MAX_BYTES = 4_096
"""Of an input: a stranger's longest frame."""

SHARES = {"stranger": 0.1, "guest": 0.05, "account": 0.05, "operator": 0.1, "browser": 0.05}
"""Of the runs: whole sessions take a hundred times as long as a parser."""

WORDS = Path(__file__).parent / "words.txt"
"""Words of the protocol, for the fuzzer to put in (libFuzzer's dictionary)."""


def main() -> int:
    # Not imported from `targets`: what is imported before atheris is not instrumented, and
    # this process only counts.
    known = sorted(path.stem for path in corpus.FOLDER.glob("*.txt"))
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", default=known, metavar="TARGET")
    parser.add_argument("--runs", type=int, default=RUNS, help="of a parser; sessions have fewer")
    parser.add_argument("--keep", action="store_true", help="add what was found to the corpus")
    args = parser.parse_args()
    if unknown := set(args.targets) - set(known):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    total, failed = 0, False
    print(f"{'target':12} {'runs':>10} {'seconds':>8} {'kept':>6} {'peak MiB':>9}")
    for target in args.targets:
        runs, ok = _fuzz(target, int(args.runs * SHARES.get(target, 1)), args.keep)
        total += runs
        failed |= not ok
    print(f"{'all':12} {total:10,}")
    return int(failed)


def _fuzz(target: str, runs: int, keep: bool) -> tuple[int, bool]:
    with TemporaryDirectory(prefix="netchat-fuzz-") as folder:
        corpus.unpack(target, Path(folder))
        started = time.monotonic()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.fuzz.guided", target),
                *(f"-runs={runs}", f"-max_len={MAX_BYTES}", "-print_final_stats=1"),
                *(f"-dict={WORDS}", f"-artifact_prefix=fuzz-{target}-", folder),
            ],
            capture_output=True,
            text=True,
            errors="replace",
        )
        seconds = time.monotonic() - started
        found = _figures(done.stderr)
        if keep and done.returncode == 0:
            corpus.save(target, corpus.load(target) + _smallest(target, Path(folder)))
        kept = len(corpus.load(target))
    counted = found.get("number_of_executed_units", 0)
    peak = found.get("peak_rss_mb", 0)
    print(f"{target:12} {counted:10,} {seconds:8.0f} {kept:6} {peak:9}", flush=True)
    if done.returncode:
        print(done.stdout[-1000:] + done.stderr[-3000:], file=sys.stderr)
    return counted, done.returncode == 0


def _figures(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"stat::(\w+):\s+(\d+)", text)}


def _smallest(target: str, folder: Path) -> list[bytes]:
    """The inputs that together reach what all of them do."""
    with TemporaryDirectory(prefix="netchat-fuzz-") as merged:
        command = [sys.executable, "-m", "tests.fuzz.guided", target, "-merge=1", merged]
        subprocess.run([*command, str(folder)], check=True, capture_output=True)
        return corpus.read(Path(merged))


if __name__ == "__main__":
    sys.exit(main())
