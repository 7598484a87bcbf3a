"""The plan: what one seed's run is like.

Swarm testing: each kind of fault is on or off by itself, and how strong it is is drawn once.
A run with everything on at once would seldom get anywhere.

Limits are drawn too, most of them far smaller than the server's own, so that short runs meet
them. They are put into the modules that use them for the length of the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from msgspec.structs import replace

from netchat.chat import events, hub, posting, presence, rooms, trimming
from netchat.chat.handlers import listing, login
from netchat.client import positions
from netchat.config import Accounts, Config, Limits, Retention, Server, Web
from netchat.net import flushing
from netchat.net.transport import Transport
from netchat.sessions import delivery, door, tail, turns
from netchat.storage import memory, tables

from .pipe import Line
from .worker import Pace
from .world import DAY


@dataclass(frozen=True)
class Faults:
    """How often each fault happens: a mean number of ms between two, 0 for never."""

    reset: int
    vanish: int
    stall: int
    slow_reader: int
    kill: int
    power_cut: int
    drain: int
    freeze: int
    clock_jump: int
    broken_disk: int


@dataclass(frozen=True)
class Plan:
    """Everything that is drawn once a run. Times are in ms."""

    config: Config
    durability: str
    keep: int
    """Messages kept a room, 0 for all of them."""
    keep_ms: int
    """How long they are kept, 0 for ever."""
    persons: int
    probers: int
    hostiles: int
    rooms: int
    private: bool
    """Whether people have private talks."""
    action: int
    """A person's mean time between two actions."""
    duration: int
    latency: int
    segments: tuple[int, ...]
    partial: float
    buffers: tuple[int, int]
    accept_failures: float
    busy: int
    spurious: float
    writing: Pace
    reading: Pace
    faults: Faults
    limits: dict[str, int]
    deaths: int
    """The mean time between two deaths of a person's client, 0 where nobody kills them."""
    ring: float | None
    """How often the kernel has no memory for a send of a fan-out; None: there is no ring."""

    def line(self, random: Random) -> Line:
        """A new connection's line."""
        low, high = self.buffers
        return Line(
            latency=random.randint(1, self.latency),
            segments=self.segments,
            partial=self.partial,
            send_buffer=random.randint(low, high),
            receive_buffer=random.randint(low, high),
        )

    def calm_line(self) -> Line:
        """A line without faults."""
        return Line(2, (1 << 20,), 0.0, 1 << 17, 1 << 17, spared=True)


def draw_plan(random: Random, *, on_disk: bool = False) -> Plan:
    """The plan of one run; `on_disk`: the log outlives the process."""
    durability = random.choices(["fsync", "wal", "memory"], [6, 2, 2])[0]
    if on_disk and durability == "memory":
        durability = "fsync"
    heavy = random.random() < 0.3
    private = random.random() < 0.7
    config = _config(random, durability)
    keep = random.choice([8, 30, 0, 0, 0])
    keep_ms = random.choice([0, 0, 0, 0, 1_000, 4_000])
    return Plan(
        config=replace(config, retention=Retention(days=keep_ms / DAY, messages=keep)),
        durability=durability,
        keep=keep,
        keep_ms=keep_ms,
        persons=random.randint(2, 7),
        probers=random.randint(0, 3),
        hostiles=random.choice([0, 0, 1, 3]),
        rooms=random.randint(1, 4),
        private=private,
        action=random.choice([100, 300, 800]),
        duration=random.choice([4_000, 8_000, 20_000]),
        latency=random.choice([1, 3, 9]),
        segments=random.choice([(1 << 20,), (1 << 20, 700, 90), (1 << 20, 300, 17, 3, 1)]),
        partial=random.choice([0.0, 0.2, 0.5]),
        buffers=random.choice([(150, 900), (1_000, 5_000), (60_000, 130_000)]),
        accept_failures=random.choice([0.0, 0.0, 0.1, 0.3]),
        busy=random.choice([1, 3, 10]),
        spurious=random.choice([0.0, 0.05]),
        writing=Pace(
            quick=random.choice([0, 20, 100]),
            slow=random.choice([500, 3_000]),
            slow_share=random.choice([0.0, 0.1, 0.4]),
            failures=random.choice([0.0, 0.0, 0.05]),
        ),
        reading=Pace(
            quick=random.choice([0, 30]),
            slow=500,
            slow_share=random.choice([0.0, 0.2]),
            failures=random.choice([0.0, 0.0, 0.1]),
        ),
        faults=_faults(random, heavy),
        limits=_limits(random),
        deaths=random.choice([0, 0, 0, 0, 500, 2_000]),
        ring=random.choice([None, 0.0, 0.0, 0.1]),
    )


def _config(random: Random, durability: Any) -> Config:
    enabled = random.random() < 0.4
    return Config(
        server=Server(durability=durability),
        web=Web(listen=["off"]),
        accounts=Accounts(registrations=10**6, registrations_per_address=10**6),
        limits=Limits(
            enabled=enabled,
            request_rate=random.choice([20.0, 100.0]),
            request_burst=random.choice([10, 100]),
            address_rate=100.0,
            address_burst=200,
            patience=random.choice([0.5, 3.0]),
            refusals=200,
            connections_per_address=random.choice([4, 512]),
            rooms=2,
            heartbeat=random.choice([4.0, 25.0]),
            pong_timeout=random.choice([3.0, 20.0]),
            login_timeout=random.choice([3.0, 10.0]),
            hold=random.choice([5.0, 60.0]),
            shutdown=random.choice([2.0, 8.0]),
        ),
    )


def _faults(random: Random, heavy: bool) -> Faults:
    def mean(*choices: int) -> int:
        return 0 if random.random() < 0.5 else random.choice(choices) // (2 if heavy else 1)

    return Faults(
        reset=mean(1_000, 4_000),
        vanish=mean(2_000, 8_000),
        stall=mean(1_000, 4_000),
        slow_reader=mean(500, 2_000),
        kill=mean(3_000, 10_000),
        power_cut=mean(3_000, 10_000),
        drain=mean(4_000, 12_000),
        freeze=mean(10_000),
        clock_jump=mean(2_000),
        broken_disk=mean(2_000, 6_000),
    )


def _limits(random: Random) -> dict[str, int]:
    """Own limits of the server, or far smaller ones."""
    if random.random() < 0.15:
        return {}
    high = random.choice([600, 2_000, 8_000])
    return {
        "high": high,
        "low": high // 4,
        "slice": max(150, high // random.choice([2, 4])),
        "page_entries": random.choice([1, 3, 20]),
        "page_bytes": random.choice([100, 1_000, 65_536]),
        "tail": random.choice([1, 2_000, 10_000]),
        "feeds": random.choice([1, 3, 256]),
        "flush_slice": random.choice([1, 3, 1_024]),
        "turn": random.choice([1, 4, 256]),
        "tick": random.choice([4, 4_096]),
        "held": random.choice([2, 10, 256]),
        "held_bytes": random.choice([500, 262_144]),
        "pending_bytes": random.choice([2_000, 64 * 2**20]),
        "rows": random.choice([2, 200]),
        "listed": random.choice([2, 4, 200]),
        "trim_every": random.choice([1, 2]),
        "trim_page": random.choice([1, 4, 500]),
    }


PLACES: dict[str, list[tuple[Any, str]]] = {
    "high": [(door, "HIGH"), (Transport, "high")],
    "low": [(delivery, "LOW"), (Transport, "low")],
    "slice": [(delivery, "SLICE_BYTES")],
    "page_entries": [(delivery, "PAGE_ENTRIES")],
    "page_bytes": [(memory, "PAGE_BYTES"), (tables, "PAGE_BYTES")],
    "feeds": [(delivery, "FEEDS")],
    "flush_slice": [(flushing, "FLUSH_SLICE"), (delivery, "FLUSH_SLICE")],
    "turn": [(turns, "TURN")],
    "tick": [(turns, "TICK")],
    "held": [(hub, "MAX_HELD_REQUESTS")],
    "held_bytes": [(hub, "MAX_HELD_REQUESTS_BYTES")],
    "pending_bytes": [(posting, "MAX_PENDING_BYTES")],
    "rows": [(listing, "PAGE_ROWS"), (login, "WELCOME_TALKS"), (positions, "LISTED_TALKS")],
    "trim_every": [(trimming, "INTERVAL")],
    "trim_page": [(trimming, "PAGE")],
    "listed": [(events, "LISTED_MEMBERS"), (presence, "LISTED_MEMBERS"), (rooms, "LISTED_MEMBERS")],
}
"""Where each limit is read. `tail` is the default of an argument besides."""


@contextmanager
def limits_in_force(limits: dict[str, int]) -> Iterator[None]:
    """Put the limits in place, and the server's own back afterwards."""
    if not limits:
        yield
        return
    places = [(*place, limits[name]) for name in PLACES for place in PLACES[name]]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    budget = tail.Tails.__init__.__defaults__
    try:
        for owner, name, value in places:
            setattr(owner, name, value)
        tail.Tails.__init__.__defaults__ = (limits["tail"],)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
        tail.Tails.__init__.__defaults__ = budget
