"""The `waits` command: how long the server makes its healthy members wait during an attack.

The honest figure on a machine that is shared: see `siege` for what time is here. The crowd is
that of `attacks`, and so are the attackers, but for those who need more than one thread.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from msgspec import Struct

from bench.attacks import HEALTHY, RATE
from bench.hostile import ATTACKS, Attack
from bench.machine import cores, environment, pin
from bench.options import Options
from bench.orders import Assault
from bench.progress import Progress
from bench.report import environment_line, table
from bench.results import save
from bench.siege import NATIVE, PREFIX, WEB, Siege
from bench.stats import Ladder, ladder

CALM = "calm"
PORTS = {"native": NATIVE, "web": WEB}

PLAYABLE = [
    name
    for name, attack in ATTACKS.items()
    # Sockets take everything here, and nobody hashes.
    if attack.door in PORTS and not attack.deaf and name != "logins"
]


class Wait(Struct, kw_only=True):
    """Milliseconds from when a message was due to each delivery. `missing`: deliveries that never
    came, `busy` the share of its time in which the server worked, `taken` the bytes a second that
    attackers got rid of: it is to be fair to them, too."""

    name: str
    waits: Ladder
    missing: int
    cut_off: int
    busy: float
    taken: float
    longest_tick: float


class WaitsResult(Struct, kw_only=True, tag="waits"):
    """All of them; the first is without an attack."""

    environment: dict[str, str | int]
    waits: list[Wait]


def waits(options: Options) -> int:
    """The process's exit code: 1 where something is missing."""
    if unknown := set(options.cases) - set(PLAYABLE):
        print(f"bench: cases are {', '.join(PLAYABLE)}", file=sys.stderr)
        print(f"bench: no such case: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    where, progress = environment(), Progress()
    pin(0, cores()[:1])
    names = [CALM, *(name for name in PLAYABLE if name in (options.cases or PLAYABLE))]
    found = []
    for name in names:
        progress.begin(name, options.seconds)
        found.append(wait(name, options.seconds))
    progress.end()
    result = WaitsResult(environment=where, waits=found)
    print(waits_table(result))
    print(f"\nKept in {save(result, options.out, 'waits')}")
    return 1 if any(each.missing or each.cut_off for each in found) else 0


def wait(name: str, seconds: float) -> Wait:
    """Play one attack, on a server of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Siege(Path(folder), HEALTHY.clients, HEALTHY.rooms, RATE) as siege,
    ):
        began, slept = siege.clock.monotonic(), siege.clock.slept
        attackers = siege.play(seconds, None if name == CALM else assault(name, seconds))
        took = siege.clock.monotonic() - began
        owed = siege.posted * HEALTHY.clients // HEALTHY.rooms
        return Wait(
            name=name,
            waits=ladder(siege.waits),
            missing=owed - len(siege.waits),
            cut_off=siege.cut_off,
            busy=1 - (siege.clock.slept - slept) / took,
            taken=attackers.sent / seconds if attackers else 0.0,
            longest_tick=siege.server.reactor.lag.max * 1e3,
        )


def assault(name: str, seconds: float) -> tuple[Assault, Attack]:
    """The order that `attacks` gives, and the attack."""
    attack = ATTACKS[name]
    order = Assault(
        name=name, host="", port=PORTS[attack.door], peers=attack.peers, seconds=seconds, net=1,
        addresses=attack.addresses, deaf=False, pause=attack.pause, prefix=PREFIX,
    )  # fmt: skip
    return order, attack


def waits_table(result: WaitsResult) -> str:
    """Everything, as text."""
    rows = [["ms until it is delivered", "p50", "p99", "most", "longest tick", "busy", "taken"]]
    for each in result.waits:
        rungs = (f"{each.waits[rung]:.2f}" for rung in ("p50", "p99", "max"))
        share, taken = f"{each.busy:.0%}", f"{each.taken / 1e6:.2f} MB/s"
        rows.append([each.name, *rungs, f"{each.longest_tick:.1f}", share, taken])
    return f"{environment_line(result.environment)}\n\n{table(rows, '<>')}"
