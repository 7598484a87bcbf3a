"""The command line. Every option is a flag, and KEY=VALUE, which is how make passes it on."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from bench.scenario import DoorName, Scenario
from bench.text import LONGEST, SHORTEST
from bench.thresholds import Threshold, parse

DURABILITIES = ("memory", "wal", "fsync")

_PAIR = re.compile(r"([A-Z_]+)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Options:
    """What all commands share; each takes what it needs."""

    command: str = "run"
    clients: int = 500
    rooms: int = 5
    publishers: int = 0
    rate: float = 200.0
    window: int = 0
    seconds: float = 5.0
    warmup: float = 2.0
    repeats: int = 3
    size: int = 64
    durability: str = "memory"
    server: str = ""
    generators: int = 0
    threshold: tuple[Threshold, ...] = ()
    quiet: bool = False
    out: Path = Path("bench-results")
    cases: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    target: float = 50.0
    door: DoorName = "native"
    megabytes: float = 100.0
    files: tuple[Path, ...] = field(default=())

    def scenario(self) -> Scenario:
        """The crowd that is asked for."""
        return Scenario(
            clients=self.clients,
            rooms=min(self.rooms, self.clients),
            publishers=self.publishers,
            size=self.size,
            door=self.door,
        )


def parse_options(argv: Sequence[str]) -> Options:
    """Exits with status 2 and a sentence where the command line is wrong."""
    args = vars(_parser().parse_args(_flags(argv)))
    given = {name: value for name, value in args.items() if value is not None}
    for name in ("threshold", "cases", "peers", "files"):
        if name in given:
            given[name] = tuple(given[name])
    return Options(**given)


def _flags(argv: Sequence[str]) -> list[str]:
    """KEY=VALUE as a flag; one without a value was not meant. The default command is `run`."""
    words: list[str] = []
    for word in argv:
        pair = _PAIR.fullmatch(word)
        if pair is None:
            words.append(word)
        elif pair[1] == "QUIET":
            words += ["--quiet"] if pair[2] not in ("", "0") else []
        elif pair[2]:
            words += [f"--{pair[1].lower().replace('_', '-')}={pair[2]}"]
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help")):
        words.insert(0, "run")
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure a chat server: its speed, its limits, and whether it loses anything.",
        epilog="Options may be written CLIENTS=5000 as well as --clients 5000.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="play a load and print what came of it"))
    _add_limits(commands.add_parser("limits", help="find out how much the server carries"))
    _add_compare(commands.add_parser("compare", help="measure other servers beside it"))
    _add_idle(commands.add_parser("idle", help="find out what silent connections cost"))
    _add_logins(commands.add_parser("logins", help="find out whom passwords keep waiting"))
    _add_stuck(commands.add_parser("stuck", help="find out what readers cost that stop reading"))
    _add_attacks(commands.add_parser("attacks", help="find out what the healthy notice of harm"))
    _add_waits(commands.add_parser("waits", help="find out how long harm makes the healthy wait"))
    _add_durability(commands.add_parser("durability", help="find out what the disk costs"))
    _add_cost(commands.add_parser("cost", help="find out what its Python costs by itself"))
    _add_diff(commands.add_parser("diff", help="compare two results"))
    _add_out(commands.add_parser("plots", help="draw the pictures of the README"))
    commands.add_parser("goals", help="what is meant to be reached, and what was")
    commands.add_parser("selftest", help="check that planted faults are caught")
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-c", "--clients", type=_count, metavar="N", help="simulated clients (500)")
    add("--rooms", type=_count, metavar="N", help="rooms that they are spread over (5)")
    add("--publishers", type=_count, metavar="N", help="how many of them post (all)")
    add("-R", "--rate", type=_number, metavar="N", help="messages a second, in all (200)")
    add(
        "--window", type=_count, metavar="N",
        help="keep so many messages outstanding instead of a rate",
    )  # fmt: skip
    add("-d", "--seconds", type=_number, metavar="S", help="length of a round (5)")
    add("--warmup", type=_number, metavar="S", help="length of the round that is left out (2)")
    add("--repeats", type=_count, metavar="N", help="rounds (3)")
    add("--size", type=_size, metavar="N", help="characters of a message (64)")
    add("--durability", choices=DURABILITIES, help="of the server that is started (memory)")
    _add_door(parser)
    add("--server", metavar="HOST:PORT", help="measure this one instead of starting one")
    add("--generators", type=_count, metavar="N", help="processes (as many as cores allow)")
    add(
        "--threshold", type=_threshold, action="extend", metavar="FIGURE<BOUND",
        help="fail unless it holds, as in 'p99<50ms' (repeatable, or with commas)",
    )  # fmt: skip
    add("-q", "--quiet", action="store_true", help="one line")
    _add_out(parser)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--target", type=_number, metavar="MS", help="the p99 that must be kept to (50)")
    add("--seconds", type=_number, metavar="S", help="length of a round (5)")
    add("--clients", type=_count, metavar="N", default=0, help="at most (the file limit)")
    add("--size", type=_size, metavar="N", help="characters of a message (64)")
    add("--durability", choices=DURABILITIES, help="of the server that is started (memory)")
    _add_door(parser)
    add("--cases", type=_names, metavar="A,B", help="only connections, rooms-4, rooms-100 ...")
    _add_out(parser)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--peers", type=_names, metavar="A,B", help="only these (netchat is always there)")
    add("--cases", type=_names, metavar="A,B", help="only these")
    add("--repeats", type=_count, metavar="N", help="interleaved rounds (3)")
    add("--seconds", type=_number, metavar="S", help="length of a round (5)")
    add("--durability", choices=DURABILITIES, help="of netchat (memory)")
    _add_out(parser)


def _add_idle(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-c", "--clients", type=_count, default=15_000, metavar="N", help="connections (15000)")
    add("--seconds", type=_number, default=50.0, metavar="S", help="of silence (50)")
    add("--repeats", type=_count, metavar="N", help="of everything (3)")
    _add_door(parser)
    add("--durability", choices=DURABILITIES, help="of the server that is started (memory)")
    _add_out(parser)


def _add_logins(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-R", "--rate", type=_number, default=50.0, metavar="N", help="logins a second (50)")
    add("--seconds", type=_number, default=10.0, metavar="S", help="for so long (10)")


def _add_stuck(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-c", "--clients", type=_count, default=1_000, metavar="N", help="who stop (1000)")
    add("--megabytes", type=_number, metavar="N", help="that flow through their room (100)")
    add("-R", "--rate", type=_number, default=1_000.0, metavar="N", help="messages a second (1000)")
    add("--size", type=_size, default=LONGEST, metavar="N", help="characters of one (4000)")
    add("--repeats", type=_count, default=1, metavar="N", help="runs (1)")
    _add_door(parser)
    add("--durability", choices=DURABILITIES, default="wal", help="of the server (wal)")
    _add_out(parser)


def _add_attacks(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--cases", type=_names, metavar="A,B", help="only slow-hello, bombs ... (all)")
    add("--seconds", type=_number, default=4.0, metavar="S", help="of each attack (4)")
    add("--repeats", type=_count, default=1, metavar="N", help="runs of everything (1)")
    add("--durability", choices=DURABILITIES, help="of the server (memory)")
    _add_out(parser)


def _add_waits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--cases", type=_names, metavar="A,B", help="only these of `attacks` (all that can be)")
    add("--seconds", type=_number, default=4.0, metavar="S", help="of each, in CPU time (4)")
    _add_out(parser)


def _add_durability(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--cases", type=_names, metavar="A,B", help="of `compare` (many-100,many-1000)")
    add("--repeats", type=_count, metavar="N", help="interleaved rounds (3)")
    add("--seconds", type=_number, default=2.0, metavar="S", help="length of a round (2)")
    _add_out(parser)


def _add_cost(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--cases", type=_names, metavar="A,B", help="only these of `compare`")
    add("--repeats", type=_count, metavar="N", help="interleaved rounds (3)")
    add("--seconds", type=_number, metavar="S", default=1.0, help="for each of a round (1)")
    _add_out(parser)


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs=2, type=Path, metavar="FILE", help="results, as JSON")


def _add_door(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--door", choices=get_args(DoorName), help="by which clients come in (native)"
    )


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the results (bench-results)"
    )


def _count(text: str) -> int:
    with suppress(ValueError):
        if 1 <= (value := int(text)) <= 1_000_000:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1000000")


def _number(text: str) -> float:
    with suppress(ValueError):
        if 0 < (value := float(text)) <= 1e9:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, at most a billion")


def _size(text: str) -> int:
    with suppress(ValueError):
        if SHORTEST <= (value := int(text)) <= LONGEST:
            return value
    raise argparse.ArgumentTypeError(
        f"a message has {SHORTEST} characters at least, for its times, and {LONGEST} at most,"
        f" not {text!r}"
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _threshold(text: str) -> list[Threshold]:
    try:
        return [parse(part) for part in text.split(",")]
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None
