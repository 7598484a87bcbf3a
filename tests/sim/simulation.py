"""One run: the whole real server among simulated clients, on a simulated machine.

Two phases. In the first one (safety) everything goes wrong that the plan has; nothing false may
be said or done. In the second one (liveness) the faults are over and nobody does anything new;
everything must come to rest, with everybody connected and complete.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from netchat.chat.passwords import Pool
from netchat.environment import CallSoon, Environment, LogParts
from netchat.errors import StartError
from netchat.server import Server
from tests.chat.fakes import FakeHasher

from .connection import Connection
from .disk import Disk, MemoryDisk, ModelDisk
from .final import check_at_rest, progress_of, why_not_at_rest
from .inspector import Inspector
from .ledger import Ledger
from .net import Net
from .person import Person
from .plan import Plan, draw_plan, limits_in_force
from .prober import Calm, Hostile, Prober, Wild
from .retention import Retention, Span
from .ring import SimRing
from .sabotage import Saboteur
from .selector import SimSelector
from .witness import Witness
from .worker import Pace, SimWorker, TracedWorker
from .world import Crash, Violation, World

LIVENESS = 150_000
"""Milliseconds in which there must be some progress until everything has come to rest. A line
that went dead in silence is noticed by the client's own clock alone: 25 + 20 + 20 s with the
longest heartbeat, and then it may back off for 30 s."""


@dataclass
class Outcome:
    """What a run was."""

    seed: int
    fingerprint: str
    simulated: int
    """Milliseconds."""
    posts: int
    ticks: int
    sometimes: Counter[str]


@dataclass
class Failure(Exception):
    """A run that broke a promise: how to see it again, and what happened last."""

    seed: int
    rule: str
    detail: str
    recent: list[str]

    def __str__(self) -> str:
        return f"seed {self.seed}, {self.rule}: {self.detail}"


class Simulation:
    """`run` it once."""

    def __init__(self, seed: int, make_disk: Callable[[World, Plan], Disk] | None = None) -> None:
        self.world = World(seed)
        on_disk = make_disk is not None
        self.plan: Plan = draw_plan(self.world.random("plan"), on_disk=on_disk)
        self.net = Net(self.world)
        self.net.accept_failures = self.plan.accept_failures
        self.net.watch = self._watch
        self.disk = self._model_disk() if make_disk is None else make_disk(self.world, self.plan)
        retention = Retention(self.world, self.plan.keep, self.plan.keep_ms, self._span)
        self.ledger = Ledger(self._is_lost, retention)
        self.witnesses: dict[Connection, Witness] = {}
        self.server: Server | None = None
        self.persons: list[Person] = []
        self.wild: list[Wild] = []
        self.ticks = 0
        self._random = self.world.random("faults")
        self._server_random = self.world.random("server")
        self._workers: list[SimWorker] = []
        self._inspector: Inspector | None = None
        self.frozen_until = 0
        self.stop_by: int | None = None
        self._saboteur = Saboteur(self, self._random)

    def _model_disk(self) -> Disk:
        plan = self.plan
        if plan.durability == "memory":
            return MemoryDisk(plan.keep, plan.keep_ms)
        return ModelDisk(plan.durability, plan.keep, plan.keep_ms)

    # -- the run ---------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Raises Failure."""
        try:
            with limits_in_force(self.plan.limits), _quiet():
                self._run()
        except Violation as exc:
            detail = str(exc).removeprefix(f"{exc.rule}: ")
            raise Failure(self.world.seed, exc.rule, detail, list(self.world.recent)) from exc
        finally:
            with suppress(Violation, Crash):
                self._end_life()
            self.disk.discard()
        return Outcome(
            seed=self.world.seed,
            fingerprint=self.world.fingerprint(),
            simulated=self.world.now,
            posts=self.ledger.posted,
            ticks=self.ticks,
            sometimes=self.world.sometimes,
        )

    def _run(self) -> None:
        self._start()
        self._populate()
        self._saboteur.begin()
        while self.world.now < self.plan.duration:
            self._tick()
        self._saboteur.heal()
        self._come_to_rest()
        check_at_rest(self)

    def _come_to_rest(self) -> None:
        done, since = progress_of(self), self.world.now
        while (reason := why_not_at_rest(self)) is not None:
            if (now_done := progress_of(self)) != done:
                done, since = now_done, self.world.now
            if self.world.now - since > LIVENESS:
                raise Violation("everything comes to rest", reason)
            self._tick()

    def _populate(self) -> None:
        plan, world, net = self.plan, self.world, self.net
        names = [f"p{number}" for number in range(plan.persons)]
        self.persons = [Person(world, net, plan, name, names) for name in names]
        self.wild = [
            *(Prober(world, net, plan, f"w{number}") for number in range(plan.probers)),
            *(Hostile(world, net, plan, f"h{number}") for number in range(plan.hostiles)),
            Calm(world, net, plan, "calm"),
        ]

    def _tick(self) -> None:
        world, server = self.world, self.server
        if world.now < self.frozen_until:
            world.run_to(self.frozen_until)
        if server is None:
            world.run_to(world.next_instant() or world.now + 1)
            return
        self.ticks += 1
        try:
            server.reactor.run_once(1.0)
        except Crash:
            self._crashed(power=self._random.random() < 0.3)
            return
        except Exception as exc:
            raise Violation("no exception reaches the reactor", repr(exc)) from exc
        if self._inspector is not None:
            self._inspector.check()
        for wild in self.wild:
            if isinstance(wild, Calm):
                wild.check()
        if self.stop_by is not None:
            self._look_at_stop(server)

    # -- lives of the server ---------------------------------------------------------------------

    def _start(self) -> None:
        server = Server(self.plan.config, self._environment(), strict=True)
        try:
            server.start()
        except StartError as exc:
            self.world.trace(f"the server cannot start: {exc}")
            self.world.after(1_000, self._start)
            return
        if self.plan.limits:  # MiB are too much for a short run
            server.relief._budget = 4 * self.plan.limits["high"]
        self.server = server
        self.net.crash_in = -1
        self.world.trace("the server is up")
        self.ledger.begin_life(server.hub.epoch)
        self._compare(server)
        self.disk.set_failing(self._saboteur.on)
        writing = self._workers[0] if self._workers else None
        self._inspector = Inspector(self.world, server, writing)
        for wild in self.wild:
            if isinstance(wild, Calm):
                wild.excuse()

    def _environment(self) -> Environment:
        return Environment(
            selector=SimSelector(self.world, self.net, self.plan.busy, self.plan.spurious),
            clock=self.world,
            random=self._server_random,
            listen=self.net.listen,
            open_log=self._open_log,
            max_connections=1_000,
            open_hashing=self._open_hashing,
            open_ring=self._open_ring,
        )

    def _open_ring(self) -> SimRing | None:
        return None if self.plan.ring is None else SimRing(self.net, self.plan.ring)

    def _open_log(self, call_soon: CallSoon) -> LogParts:
        store, reader = self.disk.open(
            self.world.wall, lambda: self._server_random.randbytes(8).hex()
        )
        if self.plan.durability == "memory":
            self._workers = []
            worker = TracedWorker(self.world)
            return LogParts(store, worker, reader, worker)
        writing = SimWorker(self.world, "log", self.plan.writing, call_soon)
        reading = SimWorker(self.world, "reader", self.plan.reading, call_soon)
        self._workers = [writing, reading]
        return LogParts(store, writing, reader, reading)

    def _open_hashing(self, call_soon: CallSoon) -> Pool:
        worker = SimWorker(
            self.world, "hashing", Pace(quick=40, slow=400, slow_share=0.1), call_soon
        )
        self._workers.append(worker)
        return Pool(FakeHasher(), [worker])

    def _compare(self, server: Server) -> None:
        rows = self.disk.rows()
        directory = server.hub.directory
        names = {room.id: room.name for room in directory._rooms.values()}
        self.ledger.compare(rows, names)

    def _is_lost(self, room: str, seq: int, id: str) -> bool:
        assert self.server is not None
        found = self.server.hub.directory.find(room)
        return found is None or self.disk.is_lost(found.id, seq, id)

    def _span(self, room: str) -> Span:
        """What of a room is on the disk."""
        assert self.server is not None
        found = self.server.hub.directory.find(room)
        return (1, 0) if found is None else self.disk.span(found.id)

    def _crashed(self, power: bool) -> None:
        """The process is gone, in the middle of whatever it was doing."""
        self.world.trace("power cut" if power else "killed")
        self.world.sometimes["power cut" if power else "killed"] += 1
        self.disk.begin_to_die(self._random)
        for worker in self._workers:
            worker.abandon()
        self.net.kill_server(silently=power)
        self.disk.crash(power, self._random)
        self._end_life()
        self.world.after(self._random.choice([100, 1_000, 8_000]), self._start)

    def _end_life(self) -> None:
        """Let go of the server's object, without its doing anything more."""
        server, self.server, self._inspector, self.stop_by = self.server, None, None, None
        self.net.crash_in = -1
        if server is not None:
            for listener in server.listeners:
                listener.close()
            server.reactor.close()
        self.witnesses.clear()
        self.net.forget_finished()

    def _look_at_stop(self, server: Server) -> None:
        """The server has been told to stop in good order."""
        if server.reactor._stopped:
            self.world.trace("the server has stopped")
            self.world.sometimes["stopped in order" if server.stopped_in_order else "hurried"] += 1
            server.close()
            self.net.kill_server(silently=False)
            self._end_life()
            self.world.after(self._random.choice([100, 2_000]), self._start)
        elif self.stop_by is not None and self.world.now > self.stop_by:
            raise Violation("a stop ends in time", f"not by {self.stop_by}")

    def excuse(self) -> None:
        """The server did not run for a while."""
        for wild in self.wild:
            if isinstance(wild, Calm):
                wild.excuse()
        if self._inspector is not None:
            self._inspector.excuse()

    # -- watching --------------------------------------------------------------------------------

    def _watch(self, connection: Connection) -> Witness:
        witness = Witness(self.world, self.ledger, connection.number)
        connection.watcher = self.witnesses[connection] = witness
        return witness


@contextmanager
def _quiet() -> Iterator[None]:
    """What the server logs of the faults is of no interest here."""
    log = logging.getLogger("netchat")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)
