"""The `attacks` command: what those who chat notice of those who mean harm.

A real server with its limits on, and every door open. A healthy crowd of 100 in five rooms posts
200 messages a second and checks whatever it gets. Rounds without an attack stand before and
behind each round with one, so what else the machine does is in all of them. Attackers (`hostile`)
come from addresses of their own, and go on for as long as their round.

The crowd and the attackers share a core here, as they do not on their own machines. So the crowd's
process goes first wherever it wants to (SCHED_FIFO, where permitted), and theirs has what is left.

An attack is withstood when nothing that the healthy ones have is lost, doubled, out of order or
cut off, their p99 is at most twice that of the rounds around it and 50 ms, and afterwards the
server lets go of all the attackers, and lets a newcomer in, in RECOVERY seconds. The p99 of a round
is that of its eight slowest messages, so of several runs, a server for each, the median counts.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.assault import AttackedServer, AttackersProcess
from bench.attacked import Attacked, AttacksResult
from bench.crew import Crew
from bench.hostile import ATTACKS, Attack, DoorName
from bench.logins import Caller
from bench.machine import environment, go_first, server_cores, socket_bytes, split_cores
from bench.options import Options
from bench.orders import Assault, Assaulted
from bench.progress import Progress
from bench.report import environment_line
from bench.results import RoundResult, save
from bench.scenario import Round, Scenario
from netchat.chat.events import Welcome
from netchat.chat.requests import Hello

HEALTHY = Scenario(clients=100, rooms=5)
RATE = 200.0

WARMUP = Round(seconds=1.0, rate=RATE)
TAIL = 0.3
"""Seconds by which an attack outlasts its round."""

RECOVERY = 15.0
"""Seconds: above the longest deadline that a peer may use up, that of a login."""

TRY_EVERY = 0.1


def attacks(options: Options) -> int:
    """The process's exit code: 1 where an attack is not withstood."""
    if unknown := set(options.cases) - set(ATTACKS):
        print(f"bench: no such attack: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    result = AttacksResult(environment=environment(), durability=options.durability, attacks=[])
    progress = Progress()
    for _ in range(options.repeats):
        for few in (False, True):
            result.attacks += _play(options, few, progress)
    progress.end()
    print(environment_line(result.environment))
    print(f"\n{result.table}\n")
    for each in result.outcomes:
        if each.invalid:
            print(f"INVALID: {each.name}: {', '.join(each.invalid)}")
    print(f"Kept in {save(result, options.out, 'attacks')}")
    return 0 if all(each.is_withstood for each in result.outcomes) else 1


def _play(options: Options, few: bool, progress: Progress) -> list[Attacked]:
    """Those attacks that are meant for a server with few files, or all others."""
    names = [
        name
        for name, attack in ATTACKS.items()
        if (attack.door == "few files") == few and name in (options.cases or ATTACKS)
    ]
    if not names:
        return []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return Field(options, Path(folder), progress, few).play(names)


class Field:
    """One server and its healthy crowd, and one attack after the other."""

    def __init__(self, options: Options, folder: Path, progress: Progress, few: bool) -> None:
        self._options = options
        self._folder = folder
        self._progress = progress
        self._few = few
        self._peak = 0
        self._kernel: int | None = None
        self._newcomers = 0

    def play(self, names: list[str]) -> list[Attacked]:
        """Each of them, with a round around it."""
        _, self._cores = split_cores(1)
        with self._started() as server, Crew(
            HEALTHY, server.address, self._folder, server=server, cores=self._cores,
            on_progress=self._look,
        ) as crew:  # fmt: skip
            for pid in crew.pids:
                go_first(pid)
            crew.play(WARMUP)
            return list(self._attacks(names, server, crew))

    def _started(self) -> AttackedServer:
        self._server = AttackedServer(
            self._folder, self._options.durability, cores=server_cores(), few_files=self._few
        )
        return self._server

    def _look(self, done: int) -> None:
        self._progress.update(done)
        self._peak = max(self._peak, self._server.memory())

    def _attacks(self, names: list[str], server: AttackedServer, crew: Crew) -> Iterator[Attacked]:
        calm = Round(seconds=self._options.seconds / 2, rate=RATE)
        self._progress.begin("calm", calm.seconds)
        before = crew.play(calm)
        for number, name in enumerate(names):
            memory = self._peak = server.memory()
            during, report, ended = self._attack(number, name, crew)
            recovered = self._recovery(ended)
            self._progress.begin("calm", calm.seconds)
            after = crew.play(calm)
            yield Attacked(
                name=name,
                before=before,
                during=during,
                after=after,
                memory=memory,
                peak=self._peak,
                kernel=self._kernel,
                recovered=recovered,
                report=report,
            )
            before = after

    def _attack(self, number: int, name: str, crew: Crew) -> tuple[RoundResult, Assaulted, float]:
        order = self._order(number, name, ATTACKS[name], crew.prefix)
        with AttackersProcess(order, self._folder, self._cores) as attackers:
            self._progress.begin(name, order.seconds)
            attackers.go()
            during = crew.play(Round(seconds=self._options.seconds, rate=RATE))
            self._kernel = socket_bytes(order.port)
            report = attackers.report()
            return during, report, time.monotonic()

    def _order(self, number: int, name: str, attack: Attack, prefix: str) -> Assault:
        door: DoorName = attack.door
        host, port = self._server.doors[door]
        return Assault(
            name=name,
            host=host,
            port=port,
            peers=attack.peers,
            seconds=self._options.seconds + TAIL,
            net=number + 1,
            addresses=attack.addresses,
            deaf=attack.deaf,
            pause=attack.pause,
            prefix=prefix,
        )

    def _recovery(self, ended: float) -> float | None:
        """Seconds until only the healthy ones are there, and a newcomer is let in."""
        server = self._server
        while time.monotonic() < ended + RECOVERY:
            if server.figures().get("connections") == HEALTHY.clients:
                with contextlib.suppress(OSError):
                    self._come_in(server.address)
                    return time.monotonic() - ended
            time.sleep(TRY_EVERY)
        return None

    def _come_in(self, address: tuple[str, int]) -> None:
        """Raises OSError where nobody is let in."""
        self._newcomers += 1
        newcomer = Caller(address)
        try:
            event = newcomer.ask(Hello(version=1, name=f"newcomer{self._newcomers}"))
            if not isinstance(event, Welcome):
                raise ConnectionRefusedError(str(event))
        finally:
            newcomer.sock.close()
