"""Sabotage: everything that goes wrong in the first phase, each at its own drawn times."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from netchat.errors import StoreFailed, StoreFull

from .connection import Connection
from .world import DAY

if TYPE_CHECKING:
    from .simulation import Simulation

DRAIN_SLACK = 3.0
"""Seconds that a stop may take beyond the time that the operator gave."""


class Saboteur:
    """Strikes until it is told to `heal`."""

    def __init__(self, sim: Simulation, random: Random) -> None:
        self.on = True
        self._sim = sim
        self._random = random

    def begin(self) -> None:
        """Strike again and again, until `heal`."""
        faults = self._sim.plan.faults
        for mean, fault in [
            (faults.reset, self._reset),
            (faults.vanish, lambda: self._random.choice(self._sim.persons).vanish()),
            (faults.stall, self._stall),
            (faults.slow_reader, lambda: self._random.choice(self._sim.persons).go_slow()),
            (faults.kill, self._kill),
            (faults.power_cut, self._kill),
            (faults.drain, self._drain),
            (faults.freeze, self._freeze),
            (faults.clock_jump, self._jump),
            (faults.broken_disk, self._break_disk),
            (self._sim.plan.deaths, lambda: self._random.choice(self._sim.persons).die()),
        ]:
            if mean:
                self._repeat(mean, fault)

    def _repeat(self, mean: int, fault: Callable[[], None]) -> None:
        def strike() -> None:
            if self.on:
                fault()
                self._repeat(mean, fault)

        self._sim.world.after(1 + int(self._random.expovariate(1 / mean)), strike)

    def _reset(self) -> None:
        if (connection := self._some_connection()) is not None:
            connection.reset()

    def _stall(self) -> None:
        if (connection := self._some_connection()) is not None:
            connection.line.stalled_until = self._sim.world.now + self._random.randint(50, 5_000)

    def _some_connection(self) -> Connection | None:
        alive = [
            connection
            for connection in self._sim.net.connections
            if not (connection.client_gone or connection.server_gone or connection.line.spared)
        ]
        return self._random.choice(alive) if alive else None

    def _kill(self) -> None:
        if self._sim.server is not None and self._sim.net.crash_in < 0:
            self._sim.net.crash_in = self._random.choice([0, 1, 2, 5, 20])

    def _drain(self) -> None:
        if self._sim.server is not None and self._sim.stop_by is None:
            self._sim.world.trace("told to stop")
            seconds = self._sim.plan.config.limits.shutdown + DRAIN_SLACK
            self._sim.stop_by = self._sim.world.now + int(seconds * 1000)
            self._sim.server.stop()

    def _freeze(self) -> None:
        self._sim.world.trace("frozen")
        self._sim.world.sometimes["frozen"] += 1
        self._sim.frozen_until = self._sim.world.now + self._random.choice([2_000, 30_000])
        if self._sim.stop_by is not None:
            self._sim.stop_by += self._sim.frozen_until - self._sim.world.now
        self._sim.world.at(self._sim.frozen_until, self._sim.excuse)

    def _jump(self) -> None:
        self._sim.world.jump = self._random.choice([0, 1, -1]) * self._random.randint(0, DAY)

    def _break_disk(self) -> None:
        kind = self._random.choice([StoreFull, StoreFailed])
        self._sim.plan.writing.failing = kind
        if self._random.random() < 0.3:
            self._sim.plan.reading.failing = StoreFailed
        self._sim.world.after(self._random.randint(100, 4_000), self._mend_disk)

    def _mend_disk(self) -> None:
        self._sim.plan.writing.failing = self._sim.plan.reading.failing = None

    def heal(self) -> None:
        """The faults are over; whoever is there stays, and does nothing new."""
        self._sim.world.trace("healed")
        self.on = False
        self._sim.disk.set_failing(False)
        self._sim.plan.writing.heal()
        self._sim.plan.reading.heal()
        self._sim.net.accept_failures = 0.0
        for connection in self._sim.net.connections:
            connection.line.stalled_until = 0
            connection.line.partial = 0.0
        for person in self._sim.persons:
            person.heal()
        for wild in self._sim.wild:
            wild.heal()
