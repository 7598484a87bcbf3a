"""The generator: a process with a crowd on one reactor. Orders on stdin, reports on stdout.

The loop sleeps in `select` on the reactor's own descriptor, which counts in microseconds; the
reactor's selector alone would count in milliseconds, and add up to one to every latency.
"""

from __future__ import annotations

import gc
import os
import random
import select
import selectors
import sys
import time
from array import array
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from bench.crowd import Crowd, Member
from bench.doors import DOORS
from bench.entering import Entering
from bench.ledger import Ledger
from bench.member import NetchatMember
from bench.orders import (
    Enter,
    Entered,
    Play,
    Played,
    Progress,
    Report,
    decode_enter,
    decode_order,
    encode,
    room_name,
)
from bench.peers.dialects import DIALECTS
from bench.peers.member import PeerMember
from bench.scenario import Round
from bench.schedule import Schedule, schedule_of
from netchat.net.clock import SystemClock
from netchat.net.histogram import MICROSECONDS, Histogram
from netchat.net.reactor import Reactor
from netchat.net.rlimit import raise_file_limit

QUIET = 3.0
"""Seconds without a delivery after which what is missing counts as lost."""

STDIN = 0

TELL_EVERY = 0.25
"""Seconds between reports of progress."""


class Generator:
    """One crowd, from entering to the end of the orders."""

    def __init__(self, enter: Enter) -> None:
        self.reactor = Reactor(selectors.DefaultSelector(), SystemClock())
        self.crowd = Crowd()
        self._enter = enter
        self._publishers: list[Member] = []
        self._turn = 0
        self._rate = 0.0
        self._lag = Histogram(MICROSECONDS)  # the reactor's own would count our sleep, too
        self._schedule: Schedule | None = None
        self.reactor.collect.append(self._post_due)
        self._files = count(1)
        self._told_at = 0.0

    # -- entering ----------------------------------------------------------------------------

    def enter(self) -> Entered:
        """Connect everybody."""
        scenario, crowd = self._enter.scenario, self.crowd
        by_room = [list(self._room(index)) for index in self._enter.rooms]
        for members, room in zip(by_room, self._enter.rooms, strict=True):
            self._publishers += members[: scenario.publishers_of(room)]
        # The publishers take turns in an order of their own, or rooms would be served in bursts.
        random.Random(1).shuffle(self._publishers)  # noqa: S311
        everybody = [member for members in by_room for member in members]
        crowd.members = everybody
        address = (self._enter.host, self._enter.port)
        tls = scenario.door == "tls"
        entering = Entering(self.reactor, crowd, everybody, address, scenario.connecting, tls=tls)
        while not entering.is_over:
            self._tick(TELL_EVERY)
            self._tell_progress(crowd.joined)
        entered = Entered(
            joined=crowd.joined,
            failed=len(everybody) - crowd.joined,
            seconds=entering.last - entering.began,
            why=dict(entering.why + crowd.errors),
        )
        crowd.new_round()
        gc.collect()
        gc.freeze()
        gc.disable()
        return entered

    def _room(self, index: int) -> Iterator[Member]:
        """The members of a room, the publishers first."""
        enter, scenario = self._enter, self._enter.scenario
        dialect = DIALECTS.get(scenario.dialect)
        ledger = Ledger(room_name(enter.prefix, index))
        ledger.members = members = scenario.members(index)
        self.crowd.ledgers.append(ledger)
        apart = scenario.publishers_of(index) if dialect is not None and dialect.apart else 0
        if dialect is not None and not dialect.echoes:
            ledger.members -= 1
        for number in range(members + apart):
            name = f"{enter.prefix}.{index:x}.{number:x}"
            if dialect is None:
                yield NetchatMember(
                    self.crowd, ledger, name, scenario.size, scenario.stage, DOORS[scenario.door]
                )
            else:
                posts_only = number < apart
                yield PeerMember(
                    self.crowd, ledger, name, scenario.size, dialect, posts_only=posts_only
                )

    # -- a round -----------------------------------------------------------------------------

    def play(self, order: Play) -> Played:
        """Play one round to its end."""
        crowd, lag = self.crowd, self._lag
        crowd.new_round()
        crowd.sampling(self._stride(order.round))
        schedule = schedule_of(order.round, order.start)
        while (left := order.start - time.monotonic_ns()) > 0:
            self._tick(left / 1e9)
        lag.begin_report()
        cpu = time.process_time_ns()
        last = self._post_and_drain(schedule)
        seconds = max(order.round.seconds, (last - order.start) / 1e9)
        self._rate = crowd.delivered / max(seconds, 1e-9)
        cpu = time.process_time_ns() - cpu
        spent = (time.monotonic_ns() - order.start) / 1e9
        return Played(
            tally=crowd.settle(),
            seconds=seconds,
            cpu=cpu / 1e9 / max(spent, 1e-9),
            lag_p99=lag.percentile(99),
            lag_max=lag.max,
            files=[self._save(a) for a in (crowd.latency, crowd.service, crowd.lateness)],
        )

    def _stride(self, round: Round) -> int:
        """One piece in how many is sampled; there are at most as many as deliveries. What a
        closed round comes to is only known from the one before it, a warm-up as a rule."""
        scenario = self._enter.scenario
        share = len(self.crowd.members) / scenario.clients
        rate = scenario.fan_out(round.rate) * share or self._rate
        return max(1, int(rate / round.samples))

    def _post_and_drain(self, schedule: Schedule) -> int:
        """When the last delivery came."""
        crowd = self.crowd
        self._schedule = schedule
        last, seen = time.monotonic_ns(), -1
        self._tick(0.0)  # the first ones leave although nothing wakes us
        while True:
            self._tick(_until(schedule.wake_at(), time.monotonic_ns()))
            now = time.monotonic_ns()
            if crowd.delivered + crowd.accepted != seen:
                seen, last = crowd.delivered + crowd.accepted, now
            over = schedule.is_over(now)
            if over and (crowd.is_settled or now - last > QUIET * 1e9):
                self._schedule = None
                return last
            self._tell_progress(crowd.delivered)

    def _post_due(self, _now: float) -> bool:
        """The end of phase 2: what is posted here is sent in this very tick."""
        schedule, crowd = self._schedule, self.crowd
        if schedule is not None:
            now = time.monotonic_ns()
            while (due := schedule.next_due(now, crowd.outstanding)) is not None:
                self._turn = (self._turn + 1) % len(self._publishers)
                self._publishers[self._turn].post(due)
        return False

    def _save(self, values: array[int]) -> str:
        path = Path(self._enter.folder) / f"{os.getpid()}-{next(self._files)}.u64"
        with path.open("wb") as file:
            values.tofile(file)
        return str(path)

    # -- the loop ----------------------------------------------------------------------------

    def orders(self) -> Iterator[Play]:
        """Orders as they come; the crowd stays awake meanwhile. Ends with the input."""
        held = b""
        while True:
            while STDIN not in self._tick(TELL_EVERY, STDIN):
                pass
            data = os.read(STDIN, 65_536)
            if not data:
                return
            *lines, held = (held + data).split(b"\n")
            yield from map(decode_order, lines)

    def _tick(self, timeout: float, *others: int) -> list[int]:
        """One tick of the reactor, after a sleep of at most `timeout` seconds. Which of the
        other descriptors have something to read."""
        wait = self.reactor.next_timeout()
        if wait is None or wait > timeout:
            wait = max(0.0, timeout)
        readable = select.select([self.reactor.fileno(), *others], [], [], wait)[0]
        began = time.monotonic()
        self.reactor.run_once(0.0)
        self._lag.record(time.monotonic() - began)
        return readable

    def _tell_progress(self, done: int) -> None:
        now = time.monotonic()
        if now - self._told_at > TELL_EVERY:
            self._told_at = now
            tell(Progress(done=done))


def _until(when: int | None, now: int) -> float:
    """Seconds to sleep at most."""
    return TELL_EVERY if when is None else min(TELL_EVERY, max(0, when - now) / 1e9)


def tell(report: Report) -> None:
    """Report to the coordinator."""
    sys.stdout.buffer.write(encode(report) + b"\n")
    sys.stdout.buffer.flush()


def _first_line() -> bytes:
    """Byte by byte, as nothing behind it may be taken yet."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(STDIN, 1)
        if not byte:
            raise EOFError("The orders have ended before they began.")
        line += byte
    return line


def main() -> int:
    """Enter, then play what is ordered until the orders end."""
    raise_file_limit()
    enter = decode_enter(_first_line())
    generator = Generator(enter)
    tell(generator.enter())
    for order in generator.orders():
        tell(generator.play(order))
    return 0


if __name__ == "__main__":
    sys.exit(main())
