"""A siege without a kernel: the real server, healthy members and attackers in one thread.

Time here is the CPU time of the server alone. It stands still while members and attackers think,
and where the server would sleep it goes on to the next thing that happens. So attackers are as
fast as can be, whatever they send lies ready at once, and no other process of the machine, nor
the scheduler, is in the figures: how long a member waits is how long the server made it wait.

Sockets take everything that is sent, at once and for nothing: a real `send` would be some
microseconds on top. There are no threads: the log is in memory, nobody's password is hashed.
"""

from __future__ import annotations

import dataclasses
import random
import re
import selectors
import socket
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast

from bench.attackers import Attackers, Peer
from bench.hostile import Attack
from bench.orders import Assault, room_name
from bench.vacuum import NullListener, NullSelector, NullSocket
from netchat.chat import requests
from netchat.config import Config, Web
from netchat.config import Server as Settings
from netchat.environment import system, tune_collector
from netchat.server import Server
from netchat.wire.framing import frame
from netchat.wire.messages import encode

READ = selectors.EVENT_READ

NATIVE, WEB = 1, 2
"""The ports of the doors."""

ROOM = 262_144
"""Bytes that the kernel would keep of what has been sent and not read: twice Linux's first."""

BEGIN = 1_000.0
EPOCH_MS = 1_700_000_000_000

DUE = re.compile(rb"@([\d.]+)@")
"""In a text: when it was due to be posted."""

PREFIX = "siege"

BEFORE, AFTER = 0.5, 1.0
"""Seconds in which all come in, and in which what is under way arrives."""


class ServerClock:
    """The server's CPU time, in seconds; see the head of this file."""

    def __init__(self) -> None:
        self._shift = BEGIN - time.thread_time()
        self.slept = 0.0

    def monotonic(self) -> float:
        """See Clock."""
        return time.thread_time() + self._shift

    def wall(self) -> int:
        """See Clock."""
        return EPOCH_MS + int(self.monotonic() * 1e3)

    def sleep_until(self, when: float) -> None:
        """Nothing happens before."""
        if (seconds := when - self.monotonic()) > 0:
            self._shift += seconds
            self.slept += seconds

    @contextmanager
    def stopped(self) -> Iterator[float]:
        """Others think; what they get is the time at which they do."""
        began = time.thread_time()
        yield began + self._shift
        self._shift -= time.thread_time() - began


class SiegeSocket(NullSocket):
    """The server's end of a connection; whoever has the other is told what is sent."""

    __slots__ = ("clock", "closed", "data", "ended", "owner", "source")

    def __init__(self, clock: ServerClock, owner: Any, source: str) -> None:
        self.clock = clock
        self.owner = owner
        self.source = source
        self.data = bytearray()
        self.ended = self.closed = False
        self.send = self._send  # type: ignore[assignment]

    @property
    def is_ready(self) -> bool:
        """Whether there is something to read, or the end."""
        return bool(self.data) or self.ended

    def recv(self, size: int) -> bytes:
        """As a socket's."""
        if not self.data:
            if self.ended:
                return b""
            raise BlockingIOError
        taken = bytes(self.data[:size])
        del self.data[:size]
        return taken

    def _send(self, data: bytes) -> int:
        with self.clock.stopped() as now:
            self.owner.told_at(bytes(data), now)
        return len(data)

    def sendmsg(self, buffers: list[bytes]) -> int:
        """As a socket's."""
        return self._send(b"".join(buffers))

    def shutdown(self, _how: int) -> None:
        """The server says nothing more."""
        self.closed = True

    def close(self) -> None:
        """The server has hung up."""
        self.closed = True
        with self.clock.stopped():
            self.owner.hung_up()


class SiegeListener(NullListener):
    """A door; lets in those who wait, in their order."""

    __slots__ = ()

    def accept(self) -> tuple[NullSocket, tuple[str, int]]:
        """As a socket's."""
        if not self.waiting:
            raise BlockingIOError
        sock = self.waiting.pop(0)
        return sock, (cast(SiegeSocket, sock).source, 1)

    @property
    def is_ready(self) -> bool:
        """Whether somebody waits."""
        return bool(self.waiting)


class Member:
    """A healthy one: posts when it is told to, and takes down how long each message has been."""

    def __init__(self, siege: Siege, number: int, rooms: int) -> None:
        self.room = room_name(PREFIX, number % rooms)
        self._siege = siege
        self.sock = SiegeSocket(siege.clock, self, f"10.0.{number // 250}.{number % 250 + 1}")
        siege.listeners[NATIVE].waiting.append(self.sock)
        self.say(requests.Hello(version=1, name=f"member{number}"))
        self.say(requests.Join(room=self.room, backlog=0))

    def say(self, request: requests.Request) -> None:
        """Send a request."""
        self.sock.data += frame(encode(request))

    def told_at(self, data: bytes, now: float) -> None:
        """The server has sent something."""
        for due in DUE.findall(data):
            self._siege.waits.append(round((now - float(due)) * 1e9))

    def hung_up(self) -> None:
        """Nobody does that to a healthy one."""
        self._siege.cut_off += 1


class SiegePeer(Peer):
    """An attacker's connection."""

    _attackers: Besiegers

    def make_socket(self) -> socket.socket:
        return cast(socket.socket, SiegeSocket(self._attackers.siege.clock, self, ""))

    @property
    def end(self) -> SiegeSocket:
        """The server's end."""
        return cast(SiegeSocket, cast(Any, self.sock))

    def connect(self, source: str, address: tuple[str, int]) -> None:
        self.end.source = source
        self._attackers.siege.listeners[address[1]].waiting.append(self.end)
        self._attackers.peers[self] = None

    def watch(self) -> None:
        """It is looked at whenever the server waits."""

    def push(self) -> None:
        """Send on what there was no room for."""
        if self._outbox and not self.over:
            self.ready(selectors.EVENT_WRITE)

    def _try(self, data: bytes | bytearray) -> int:
        if self.end.closed:
            self._attackers.ended(self)
            return 0
        taken = min(len(data), ROOM - len(self.end.data))
        self.end.data += data[:taken]
        self._attackers.sent += taken
        return taken

    def told_at(self, data: bytes, _now: float) -> None:
        """The server has sent something."""
        if not self.over:
            self.hear(data)

    def hung_up(self) -> None:
        """The server has closed."""
        if not self.over:
            self.hear(b"")

    def close(self) -> None:
        self.over = self.end.ended = True
        self._attackers.peers.pop(self, None)


class Besiegers(Attackers):
    """All peers of an attack."""

    kind = SiegePeer

    def __init__(self, siege: Siege, order: Assault, attack: Attack) -> None:
        super().__init__(order, attack.script, siege.clock.monotonic)
        self.siege = siege
        self.peers: dict[SiegePeer, None] = {}


class Siege(NullSelector):
    """The selector of a server under attack, and everybody around it. Use as a context."""

    def __init__(self, folder: Path, members: int, rooms: int, rate: float) -> None:
        super().__init__()
        self.clock = ServerClock()
        self.listeners = {NATIVE: SiegeListener(), WEB: SiegeListener()}
        self.waits: array[int] = array("q")
        self.posted = self.cut_off = 0
        self._random = random.Random(1)  # noqa: S311 - the same at each run
        self._rate = rate
        self._next = float("inf")
        self._attackers: Besiegers | None = None
        config = Config(
            server=Settings(durability="memory", listen=[f"127.0.0.1:{NATIVE}"], io_uring=False),
            web=Web(listen=[f"127.0.0.1:{WEB}"]),
        )
        environment = dataclasses.replace(
            system(config, folder),
            selector=self,
            clock=self.clock,
            listen=lambda _host, port: [cast(socket.socket, self.listeners[port])],
            open_admin=lambda: None,
        )
        self.server = Server(config, environment, strict=True)
        self.server.start()
        self.members = [Member(self, number, rooms) for number in range(members)]
        self._run(BEFORE)
        tune_collector()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()

    def play(self, seconds: float, assault: tuple[Assault, Attack] | None) -> Besiegers | None:
        """So long, with an attack; how it fared."""
        with self.clock.stopped() as now:
            self.server.reactor.lag.begin_report()
            self._next = now
            attackers = self._attackers = Besiegers(self, *assault) if assault else None
            if attackers is not None:
                attackers.begin()
        self._run(seconds)
        with self.clock.stopped():
            self._attackers, self._next = None, float("inf")
            for peer in list(attackers.peers) if attackers else ():
                peer.close()
        self._run(AFTER)
        return attackers

    def _run(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        while (now := self.clock.monotonic()) < end:
            self.server.reactor.run_once(end - now)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See BaseSelector: who has something by now, in no order."""
        with self.clock.stopped() as now:
            coming = self._happen(now)
            found = self._ready()
        if not found and timeout != 0:
            until = coming if timeout is None else min(coming, now + timeout)
            self.clock.sleep_until(until)
            with self.clock.stopped() as now:
                self._happen(now)
                found = self._ready()
        return found

    def _ready(self) -> list[tuple[selectors.SelectorKey, int]]:
        found = [
            (key, READ)
            for key in self.keys.values()
            if key.events & READ and getattr(key.fileobj, "is_ready", False)
        ]
        self._random.shuffle(found)
        return found

    def _happen(self, now: float) -> float:
        """What is due; when the next thing is."""
        while self._next <= now:
            member = self._random.choice(self.members)
            text = f"@{self._next:.7f}@"
            member.say(requests.Post(room=member.room, text=text, id=f"p{self.posted}"))
            self.posted += 1
            self._next += self._random.expovariate(self._rate)
        if self._attackers is None:
            return self._next
        for peer in list(self._attackers.peers):
            peer.push()
        return min(self._next, self._attackers.play_on(now))
