"""Everything of the outside world that the server touches, as one argument.

The server makes no selector, socket, clock, thread or random number by itself. In production
it is given those of `system`; in the simulator others, and runs whole on them.
"""

from __future__ import annotations

import gc
import logging
import math
import random
import select
import selectors
import socket
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from netchat.admin.place import AdminSocket, open_socket
from netchat.certificate import load_certificate
from netchat.chat.log import Reader, Store, Worker
from netchat.chat.passwords import Pool
from netchat.config import Config
from netchat.errors import StartError
from netchat.hashing import NICENESS, Argon2Hasher, workers
from netchat.net.clock import Clock, SystemClock
from netchat.net.flushing import Ring
from netchat.net.histogram import MICROSECONDS, Histogram
from netchat.net.listener import open_listener
from netchat.net.rlimit import make_room, raise_file_limit
from netchat.process import become
from netchat.storage.memory import KEEP, MemoryLog
from netchat.storage.worker import InlineWorker, ThreadWorker

if TYPE_CHECKING:
    import ssl

log = logging.getLogger("netchat.server")

RESERVED_FILES = 64
"""Descriptors that are no client's: the log, the listeners, the standard streams, reserve."""

SECRET, SECRETS = 22, 128
"""Characters of one (a token, a key), and how many are drawn at once."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class LogParts(NamedTuple):
    """The log, and the workers behind which its two sides stand."""

    store: Store
    writing: Worker
    reader: Reader
    reading: Worker
    commits: Histogram | None = None
    """How long its transactions took; None where nothing is committed."""
    give_way: Callable[[], None] = lambda: None
    """Lets the thread that commits go first."""


READING = 10
"""Niceness of the thread that reads the log. A page is up to a millisecond of work, and on one core
loop and commits would wait for it; with this it has a tenth of a core that all of them want."""

CallSoon = Callable[[Callable[[], None]], None]


@dataclass(frozen=True)
class Environment:
    """What `Server` is built on. `open_log` takes the reactor's `call_soon_threadsafe`."""

    selector: selectors.BaseSelector
    clock: Clock
    random: random.Random
    listen: Callable[[str, int], list[socket.socket]]
    open_log: Callable[[CallSoon], LogParts]
    max_connections: int
    open_hashing: Callable[[CallSoon], Pool]
    """Makes those who hash passwords, and their workers; called with the first password."""
    open_admin: Callable[[], AdminSocket | None] = lambda: None
    """The operator's socket; None where there is none."""
    tls_context: Callable[[], ssl.SSLContext | None] = lambda: None
    """The certificate, read anew at each call; None where there is none. Raises StartError."""
    open_ring: Callable[[], Ring | None] = lambda: None
    """A way to send the same bytes to many sockets at once; None: one by one."""
    settle: Callable[[], None] = lambda: None
    """Called once every address is bound: what only needed to be done for that can end."""

    def new_secrets(self) -> Callable[[], str]:
        """A source of 132 random bits each as 22 characters: nobody guesses them, nobody draws
        them twice. They are drawn by the hundred, as each time is a system call."""
        drawn: list[str] = []

        def new_secret() -> str:
            if not drawn:
                text = urlsafe_b64encode(self.random.randbytes(SECRETS * SECRET * 3 // 4)).decode()
                drawn.extend(text[at : at + SECRET] for at in range(0, len(text), SECRET))
            return drawn.pop()

        return new_secret

    def new_jitter(self) -> Callable[[], float]:
        """A source of numbers from 0 to 1 that it does no harm to guess, so that none of them
        costs a system call."""
        return random.Random(self.random.getrandbits(64)).random  # noqa: S311


def system(config: Config, data: Path) -> Environment:
    """The real world, with the log in folder `data`."""
    clock, randomness = SystemClock(), random.SystemRandom()
    files = raise_file_limit()
    make_room(files)  # before there are threads
    in_memory = config.server.durability == "memory"

    def open_log(call_soon: CallSoon) -> LogParts:
        if in_memory:
            keep = config.retention.messages or KEEP
            log = MemoryLog(clock.wall, new_epoch(), keep, _keep_ms(config))
            return LogParts(log, InlineWorker(), log, InlineWorker())
        return _sqlite_log(config, data, clock, new_epoch, call_soon)

    def new_epoch() -> str:
        return randomness.randbytes(8).hex()

    return Environment(
        selector=_selector(),
        clock=clock,
        random=randomness,
        listen=partial(open_listener, patience=_patience(config)),
        open_log=open_log,
        max_connections=files - RESERVED_FILES - _handshakes(config),
        open_hashing=_argon2,
        open_admin=lambda: _admin_socket(data),
        tls_context=lambda: load_certificate(config.tls),
        open_ring=partial(_open_ring, config),
        settle=lambda: become(config.server.user, None if in_memory else data),
    )


def tune_collector() -> None:
    """What lives by now stays; young garbage is rare: neither messages nor connections are cycles.

    The default thresholds would scan every connection for each 700 allocations' survivors. With
    these a look at the young ones takes 2 ms, and older ones are looked at after a million.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 100, 50)


def _selector() -> selectors.BaseSelector:
    """Our own where there is epoll, which is on Linux."""
    if not hasattr(select, "epoll"):
        return selectors.DefaultSelector()
    from netchat.net.epoll import EpollSelector

    return EpollSelector()


def _open_ring(config: Config) -> Ring | None:
    """Linux's, where it and the operator let us."""
    if sys.platform != "linux" or not config.server.io_uring:
        return None
    from netchat.net.ring import open_ring

    return open_ring()


def _sqlite_log(
    config: Config, data: Path, clock: Clock, new_epoch: Callable[[], str], call_soon: CallSoon
) -> LogParts:
    from netchat.storage.sqlite import SqliteLog, SqliteReader

    durability = config.server.durability
    assert durability != "memory"
    path, keep = data / "netchat.db", config.retention.messages
    commits = Histogram(MICROSECONDS)
    writing = ThreadWorker("netchat-log", call_soon, took=commits.record)
    return LogParts(
        SqliteLog(path, durability, clock.wall, new_epoch, _boot_id(), keep, _keep_ms(config)),
        writing,
        SqliteReader(path),
        ThreadWorker("netchat-reader", call_soon, READING),
        commits,
        writing.give_way,
    )


def _argon2(call_soon: CallSoon) -> Pool:
    threads = [ThreadWorker(f"netchat-hash-{n}", call_soon, NICENESS) for n in range(workers())]
    return Pool(Argon2Hasher(), threads)


def _admin_socket(data: Path) -> AdminSocket | None:
    """A server that operators cannot reach is better than none; the log says why."""
    try:
        return open_socket(data)
    except StartError as exc:
        log.warning("Operators' commands cannot reach this server: %s", exc)
        return None


def _handshakes(config: Config) -> int:
    """Descriptors of those who are no sessions yet."""
    if config.tls.cert is None:
        return 0
    from netchat.net.handshake import PENDING

    return PENDING


def _patience(config: Config) -> float:
    """Seconds after which the kernel gives up on a peer that takes nothing. The heartbeat has done
    so by then; what is left are bytes of connections that we have closed."""
    return 1.1 * config.limits.heartbeat + config.limits.pong_timeout + 5


def _keep_ms(config: Config) -> int:
    return math.ceil(config.retention.days * 86_400_000)


def _boot_id() -> str:
    """Which boot of the machine this is; empty where the system does not say."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""
