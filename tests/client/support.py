"""A machine in conversation with a script, and a small scripted server on loopback."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any, BinaryIO

from netchat.chat import events, requests
from netchat.chat.events import Event
from netchat.chat.requests import Request
from netchat.client.client import Client
from netchat.client.journal import Kept, Record
from netchat.client.machine import Machine
from netchat.client.notices import News
from netchat.net.reactor import Reactor
from netchat.wire.native import NATIVE, NativeServer

START = 1_000.0
EPOCH = "e1"
TIME = 1_795_323_600_000


class NoRandom:
    """Every wait is as short as can be."""

    def uniform(self, a: float, b: float) -> float:
        return a

    def getrandbits(self, k: int) -> int:
        return 0xDEF


class SteadyRandom:
    """Always the largest number, so that a wait is known."""

    def uniform(self, a: float, b: float) -> float:
        return b

    def getrandbits(self, k: int) -> int:
        return 0xABC


def welcome(name: str = "ana", **fields: Any) -> events.Welcome:
    made: dict[str, Any] = {
        "version": 1,
        "server": "test/1",
        "session": "s",
        "token": "t1",
        "epoch": EPOCH,
        "heartbeat": 25,
        "limits": {"frame": 65_536},
        "talks": [],
    } | fields
    return events.Welcome(name=name, **made)


def joined(ref: str | None, room: str = "lobby", head: int = 0, **fields: Any) -> events.Joined:
    made: dict[str, Any] = {
        "epoch": EPOCH,
        "first": 1,
        "count": 1,
        "members": ["ana"],
        "topic": "",
    } | fields
    return events.Joined(ref=ref, room=room, head=head, **made)


def message(seq: int, text: str = "hola", room: str = "lobby", **fields: Any) -> events.Message:
    made: dict[str, Any] = {"sender": "bea", "id": f"b-{seq}", "time": TIME} | fields
    return events.Message(room=room, seq=seq, text=text, **made)


def refused(code: str, **fields: Any) -> events.Error:
    return events.Error(code=code, message=f"({code})", **fields)


def accepted(id: str, seq: int, room: str = "lobby", **fields: Any) -> events.Accepted:
    return events.Accepted(id=id, room=room, seq=seq, time=TIME, **fields)


class MemoryJournal:
    """A Journal that survives the machines that it is given to."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.records: list[Record] = []

    def write(self, *records: Record) -> None:
        self.records += records
        for record in records:
            self.kept.take(record)


class Conversation:
    """Drives a machine by hand: what it sends is decoded, what it is told is encoded."""

    def __init__(self, name: str | None = "ana", journal: MemoryJournal | None = None) -> None:
        self.now = START
        self.machine = Machine(SteadyRandom() if journal is None else Random(), START)
        self._server = NativeServer()
        if journal is not None:
            self.machine.keep(journal)
        if name is not None:
            self.machine.login(name)

    def connect(self) -> list[Request]:
        """The time for it has come, and it works; what the client says first."""
        self.now = max(self.now, self.machine.deadline or 0.0)
        self.machine.tick(self.now)
        self._server = NativeServer()
        self._server.welcome()
        self.machine.connected(self.now)
        return self.sent()

    def online(self, *rooms: str) -> None:
        """Logged in, in these rooms, with everything said and taken."""
        self.connect()
        self.tell(welcome())
        for room in rooms:
            ref = self.machine.ask(requests.Join(room=room, backlog=50))
            self.tell(joined(ref, room))
        self.sent()

    def tell(self, *told: Event) -> list[News]:
        """The server says this; what the client hands out."""
        self.machine.receive(b"".join(map(NATIVE.encode, told)), self.now)
        return self.machine.take_events()

    def sent(self) -> list[Request]:
        """What the client has sent since the last look."""
        self._server.receive_data(self.machine.take_data())
        found = []
        while (request := self._server.next_request()) is not None:
            found.append(request)
        return found

    def wait(self, seconds: float) -> list[Request]:
        """Let time pass; what the client says to that."""
        self.now += seconds
        self.machine.tick(self.now)
        return self.sent()

    def lose(self) -> list[News]:
        self.machine.lost("gone", self.now)
        return self.machine.take_events()


class Connection:
    """One client of a Peer, as its script sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self.requests: list[Request] = []
        self.sock = sock

    def send(self, *told: Event) -> None:
        self.sock.sendall(b"".join(map(NATIVE.encode, told)))

    def cut(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)


Script = Callable[["Peer", Connection, Request], None]


class Peer:
    """A server with one thread, for one client at a time. It is nice to everybody: one log a
    room, each id stored once. A `script` sees each request first, and may say `serve` or not."""

    def __init__(self, script: Script | None = None) -> None:
        self._script = script or Peer.serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections: list[Connection] = []
        self.logs: dict[str, list[events.Message]] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Peer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self.connections:
            with suppress(OSError):
                connection.cut()
        self._thread.join(5)
        assert not self._thread.is_alive()

    def of(self, kind: type[Request]) -> list[Request]:
        """All requests of a kind so far."""
        return [r for c in self.connections for r in c.requests if type(r) is kind]

    def add(self, room: str, text: str, sender: str = "bea", id: str = "x") -> events.Message:
        log = self.logs.setdefault(room, [])
        log.append(message(len(log) + 1, text, room, sender=sender, id=id))
        return log[-1]

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            self.connections.append(Connection(sock))
            with sock:
                self._talk(self.connections[-1])

    def _talk(self, connection: Connection) -> None:
        machine = NativeServer()
        machine.welcome()
        while True:
            try:
                data = connection.sock.recv(65_536)
                machine.receive_data(data)
                while (request := machine.next_request()) is not None:
                    connection.requests.append(request)
                    self._script(self, connection, request)
            except OSError:
                return
            if not data:
                return

    def serve(self, connection: Connection, request: Request) -> None:
        """What a server would do."""
        match request:
            case requests.Hello(name=name, ref=ref):
                connection.send(welcome(name, ref=ref))
            case requests.Join(room=room, ref=ref):
                log = self.logs.get(room, [])
                after = request.after
                if after is None:
                    after = max(0, len(log) - (request.backlog or 0))
                connection.send(joined(ref, room, len(log)), *log[after:])
            case requests.Leave(room=room, ref=ref):
                connection.send(events.Left(ref=ref, room=room))
            case requests.Post(room=room, to=to, text=text, id=id):
                self._append(connection, room or "@1", to, text, id)
            case requests.Who(room=room, ref=ref):
                rows = [events.MemberInfo(name=name, since=TIME) for name in ("ana", "bea")]
                connection.send(events.Members(ref=ref, room=room, members=rows, complete=True))
            case requests.Rooms(ref=ref):
                row = events.RoomInfo(room="lobby", head=0, topic="", count=1)
                connection.send(events.RoomList(ref=ref, rooms=[row], complete=True))
            case requests.History(room=room, ref=ref):
                log = self.logs.get(room, [])
                connection.send(events.HistoryPage(ref=ref, room=room, messages=log, complete=True))
            case requests.Ping(ref=ref):
                connection.send(events.Pong(ref=ref))
            case requests.Bye(ref=ref):
                connection.send(events.Bye(ref=ref, reason="bye"))

    def _append(
        self, connection: Connection, room: str, to: str | None, text: str, id: str
    ) -> None:
        for old in self.logs.get(room, []):
            if old.id == id:
                connection.send(accepted(id, old.seq, room, duplicate=True))
                return
        new = self.add(room, text, "ana", id)
        new.to = to
        connection.send(accepted(id, new.seq, room), new)


def cut_first_post(peer: Peer, connection: Connection, request: Request) -> None:
    """A script: the first post is stored, but its acknowledgement never arrives."""
    if isinstance(request, requests.Post) and len(peer.connections) == 1:
        peer.add("lobby", request.text, "ana", request.id)
        connection.cut()
    else:
        peer.serve(connection, request)


@contextmanager
def pipe() -> Iterator[tuple[int, BinaryIO]]:
    """The reading end, and a writing one that the test may close."""
    reader, writer = os.pipe()
    with open(writer, "wb", buffering=0) as file:
        yield reader, file
    os.close(reader)


def run_until(reactor: Reactor, done: Callable[[], object], seconds: float = 5.0) -> None:
    """Tick until it is done; an AssertionError when that takes too long."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "not done in time"
        reactor.run_once(0.05)


def taken(client: Client, news: list[News]) -> list[News]:
    """All news so far: what was there, and what has come since."""
    news += client.take_events()
    return news
