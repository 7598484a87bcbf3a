"""The doors on a fake loop: real transports over sockets in memory, whose reading the test paces.

`House` is the server, without listeners; `Client` speaks the native protocol. A client takes as
many bytes as its `window` has room for, and then no more.
"""

from __future__ import annotations

from random import Random
from typing import Any

from netchat.chat.events import Event, Message, Presence
from netchat.chat.log import Worker
from netchat.chat.passwords import Pool
from netchat.chat.requests import Hello, Join, Request
from netchat.config import Config, Limits, Metrics
from netchat.environment import Environment, LogParts
from netchat.net.reactor import READ, WRITE
from netchat.server import Server
from netchat.sessions.entrance import Entrance
from netchat.sessions.tail import BUDGET, Tails
from netchat.storage.memory import KEEP
from netchat.storage.worker import InlineWorker
from netchat.wire.native import NativeClient
from tests.chat.fakes import FakeHasher, KeptLog
from tests.net.support import FakeClock, FakeSelector, close_in_the_end

PLENTY = 2**60


class Socket:
    """The server's end of a stream. `window` is what the other end still takes."""

    def __init__(self) -> None:
        self.window = PLENTY
        self.inbox = b""
        self.eof = False
        self.outbox = bytearray()
        self.blobs: list[bytes] = []
        self.closed = False

    def fileno(self) -> int:
        return id(self)

    def send(self, data: bytes) -> int:
        if isinstance(data, bytes):
            self.blobs.append(data)
        return self.sendmsg([data])

    def sendmsg(self, buffers: list[bytes]) -> int:
        data = b"".join(buffers)[: self.window]
        if not data:
            raise BlockingIOError
        self.window -= len(data)
        self.outbox += data
        return len(data)

    def recv(self, size: int) -> bytes:
        if not self.inbox and not self.eof:
            raise BlockingIOError
        data, self.inbox = self.inbox[:size], self.inbox[size:]
        return data

    def shutdown(self, how: int) -> None:
        """The linger goes on until the other end has closed too."""

    def close(self) -> None:
        self.closed = True


class Middle(Random):
    """Draws the middle of everything."""

    def random(self) -> float:
        return 0.5


class Client:
    """A native client, and the session that serves it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.sock = Socket()
        self.machine = NativeClient()
        self.token = ""
        house.let_in(house.entrance, self.sock)
        self.session = next(reversed(house.door.sessions))
        self.transport = self.session.transport

    def asks(self, *requests: Request) -> None:
        """Send requests; nothing happens before the next tick."""
        self.sock.inbox += b"".join(map(self.machine.send, requests))

    def says(self, *requests: Request) -> None:
        self.asks(*requests)
        self.house.settle()

    def ends(self) -> None:
        """Finish sending: a half-close."""
        self.sock.eof = True
        self.house.settle()

    def drops(self) -> None:
        self.transport.abort()
        self.house.settle()

    def stalls(self, after: int = 0) -> None:
        """Read no more than so many bytes from here on."""
        self.sock.window = after

    def reads(self, count: int = PLENTY) -> None:
        self.sock.window += count
        self.house.settle()

    def heard(self) -> list[Any]:
        """Every event that has come since the last time."""
        self.machine.receive_data(bytes(self.sock.outbox))
        self.sock.outbox.clear()
        return list(iter(self.machine.next_event, None))

    def got(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.heard() if isinstance(event, kind)]

    def gets(self, *expected: type[Event]) -> Any:
        """Exactly these have come, presence left out; the events (one: itself)."""
        events = [event for event in self.heard() if not isinstance(event, Presence)]
        assert [type(event) for event in events] == list(expected), events
        return events[0] if len(events) == 1 else events

    def seqs(self) -> list[int]:
        """The seqs of the messages that have come."""
        return [message.seq for message in self.got(Message)]


class House:
    """A server without listeners, on a loop that never sleeps.

    `waiting` is added to the transports that wait to be flushed; `budget` is that of the tails.
    """

    def __init__(
        self,
        *,
        budget: int = BUDGET,
        keep: int = KEEP,
        writing: Worker | None = None,
        reading: Worker | None = None,
        limits: Limits | None = None,
        hashing: Worker | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.selector = FakeSelector(self.clock)
        self.clients: list[Client] = []
        self.log = log = KeptLog(self.clock.wall, keep)
        parts = LogParts(log, writing or InlineWorker(), log, reading or InlineWorker())
        self.server = Server(
            Config(limits=limits or Limits(enabled=False), metrics=metrics or Metrics()),
            Environment(
                selector=self.selector,
                clock=self.clock,
                random=Middle(0),
                listen=lambda host, port: [],
                open_log=lambda call_soon: parts,
                max_connections=PLENTY,
                open_hashing=lambda call_soon: Pool(FakeHasher(), [hashing or InlineWorker()]),
            ),
            strict=True,
        )
        self.reactor = reactor = self.server.reactor
        close_in_the_end(reactor)
        self.server.start()
        self.hub, self.door = self.server.hub, self.server.door
        self.entrance = self.server._entrances()[0]
        self.delivery = self.server.delivery
        self.delivery.tails = Tails(budget)
        self.waiting = 0
        self.delivery._backlog = lambda: reactor.backlog + self.waiting

    def dissolve(self) -> None:
        """Let the collector have it, which sees no cycle that goes through what is untracked:
        everybody leaves, and has neither devices nor talks. No client can be used any more."""
        for client in self.clients:
            client.transport.abort()
        self.advance(self.hub.settings.hold + 1.0)
        self.clients.clear()
        self.log.batches.clear()  # a post knows whose it is
        for identity in self.hub.people.identities.values():
            identity._talks = None
            if identity.account is not None:
                identity.account.devices.clear()

    # -- people ----------------------------------------------------------------------------

    def let_in(self, entrance: Entrance, sock: Any, address: str = "10.0.0.1") -> bool:
        """What the gate does with a newcomer; whether it may come in."""
        turned_away = self.server.admission.turned_away
        if not entrance.private and turned_away(entrance, sock, (address, 7000)):
            return False
        self.server.accepted(entrance, sock, (address, 7000))
        return True

    def connect(self) -> Client:
        client = Client(self)
        self.clients.append(client)
        return client

    def enter(self, name: str, *rooms: str, token: str | None = None) -> Client:
        """Somebody who has been welcomed and has joined rooms; what that brought is let go."""
        client = self.connect()
        client.says(Hello(version=1, name=name, token=token), *(Join(room=r) for r in rooms))
        client.token = client.heard()[0].token
        return client

    # -- time ------------------------------------------------------------------------------

    def tick(self) -> None:
        """One tick; a socket is ready for as long as it has something, as the kernel has it."""
        for client in self.clients:
            self._make_ready(client.sock)
        self.reactor.run_once(0.0)

    def _make_ready(self, sock: Socket) -> bool:
        mask = (READ if sock.inbox or sock.eof else 0) | (WRITE if sock.window else 0)
        key = self.selector.keys.get(sock)
        ready = mask & key.events if key is not None else 0
        if ready:
            self.selector.make_ready(sock, ready)
        return bool(ready)

    def settle(self) -> None:
        """Ticks until the loop would sleep."""
        self.tick()
        for _ in range(10_000):
            busy = sum(self._make_ready(client.sock) for client in self.clients)
            if not busy and self.reactor.next_timeout() != 0:
                return
            self.reactor.run_once(0.0)
        raise AssertionError("the loop spins")

    def advance(self, seconds: float) -> None:
        """Let time pass, from timer to timer."""
        until = self.clock.seconds + seconds
        while (wait := self.reactor.next_timeout()) is not None:
            if self.clock.seconds + wait > until:
                break
            self.clock.advance(wait)
            self.settle()
        self.clock.seconds = until
        self.settle()


def web_entrance(house: House, setting: str = "web.listen") -> Entrance:
    """Where browsers come in, or others that speak HTTP."""
    [web] = [each for each in house.server._entrances() if each.setting == setting]
    return web
