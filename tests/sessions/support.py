"""The doors on a fake loop: real transports over sockets in memory, whose reading the test paces.

`House` is what the server assembles, without listeners and config; `Client` speaks the native
protocol. A client whose `window` is a number takes that many bytes and then no more.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from netchat.chat.events import Event, Message, Presence
from netchat.chat.hub import Hub
from netchat.chat.limits import Census, Throttle
from netchat.chat.log import Worker
from netchat.chat.requests import Hello, Join, Request
from netchat.chat.settings import ChatSettings
from netchat.net.reactor import READ, WRITE
from netchat.net.transport import Transport
from netchat.sessions.delivery import Delivery
from netchat.sessions.door import Door
from netchat.sessions.heartbeat import SLOT, Heartbeat
from netchat.sessions.native import NativeSession
from netchat.sessions.tail import BUDGET, Tails
from netchat.sessions.turns import Turns
from netchat.storage.memory import KEEP
from netchat.storage.worker import InlineWorker
from netchat.wire.native import NativeClient
from tests.chat.fakes import KeptLog
from tests.net.support import FakeLoop

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


class Client:
    """A native client, and the session that serves it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.sock = Socket()
        self.machine = NativeClient()
        self.transport = Transport(house.reactor, self.sock, "10.0.0.1")  # type: ignore[arg-type]
        self.session = NativeSession(f"s{next(house.numbers)}", house.door, self.transport)
        self.token = ""
        self.session.start(house.reactor.now)

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
    """A hub and its door on one loop that never sleeps."""

    def __init__(
        self,
        *,
        settings: ChatSettings | None = None,
        budget: int = BUDGET,
        keep: int = KEEP,
        writing: Worker | None = None,
        reading: Worker | None = None,
        new_throttle: Callable[[float], Throttle | None] = lambda now: None,
        random: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self.loop = FakeLoop()
        self.reactor = reactor = self.loop.reactor
        self.numbers = count(1)
        self.secrets = count(1)
        self.clients: list[Client] = []
        self.log = KeptLog(lambda: reactor.wall, keep)
        self.hub = Hub(
            settings=settings or ChatSettings(),
            state=self.log.load(),
            store=self.log,
            writing=writing or InlineWorker(),
            reader=self.log,
            reading=reading or InlineWorker(),
            later=reactor.call_later,
            new_secret=lambda: f"secret-{next(self.secrets)}",
        )
        self.turns = Turns(lambda: reactor.wall)
        self.tails = Tails(budget)
        self.waiting = 0
        self.delivery = Delivery(
            self.hub, lambda: reactor.backlog + self.waiting, reactor.call_later, self.tails
        )
        self.heartbeat = Heartbeat(25.0, 20.0, random, reactor.now)
        self.door = Door(
            hub=self.hub,
            turns=self.turns,
            heartbeat=self.heartbeat,
            later=reactor.call_later,
            wall=lambda: reactor.wall,
            hurry=reactor.hurry,
            census=Census(),
            new_throttle=new_throttle,
            login_timeout=10.0,
        )
        reactor.collect.append(self.turns.run)
        reactor.append.append(self._append)
        reactor.deliver += [
            self.delivery.deliver,
            self.door.close_finished,
            self.turns.is_waiting,
        ]
        reactor.call_later(SLOT, self._beat)

    def _append(self, _now: float) -> bool:
        self.hub.posting.append()
        return False

    def _beat(self, now: float) -> None:
        self.heartbeat.tick(now)
        self.reactor.call_later(SLOT, self._beat)

    # -- people ----------------------------------------------------------------------------

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
        key = self.loop.selector.keys.get(sock)
        ready = mask & key.events if key is not None else 0
        if ready:
            self.loop.selector.make_ready(sock, ready)
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
        until = self.loop.clock.seconds + seconds
        while (wait := self.reactor.next_timeout()) is not None:
            if self.loop.clock.seconds + wait > until:
                break
            self.loop.clock.advance(wait)
            self.settle()
        self.loop.clock.seconds = until
        self.settle()
