"""`python -m bench`: the load harness."""

from __future__ import annotations

import signal
import sys

from bench.crew import GeneratorFailed
from bench.options import Options, parse_options
from bench.serverprocess import CannotStart


def main() -> int:
    """Run one command; the process's exit code."""
    options = parse_options(sys.argv[1:])
    signal.signal(signal.SIGTERM, _end)
    try:
        return _command(options)
    except (CannotStart, GeneratorFailed, OSError) as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _end(signum: int, _frame: object) -> None:
    """Go in order, and take the servers and the generators along."""
    sys.exit(128 + signum)


def _command(options: Options) -> int:
    match options.command:
        case "limits":
            from bench.limits import limits as command
        case "compare":
            from bench.compare import compare as command
        case "idle":
            from bench.idle import idle as command
        case "logins":
            from bench.logins import logins as command
        case "stuck":
            from bench.stuck import stuck as command
        case "cost":
            from bench.cost import cost as command
        case "attacks":
            from bench.attacks import attacks as command
        case "waits":
            from bench.waits import waits as command
        case "durability":
            from bench.durability import durability as command
        case "goals":
            from bench.goals import goals as command
        case "plots":
            from bench.plots import plots as command
        case "diff":
            from bench.diff import diff as command
        case "selftest":
            from bench.selftest import selftest as command
        case _:
            from bench.run import run as command
    return command(options)


if __name__ == "__main__":
    sys.exit(main())
