"""A crowd of clients in one process, in one room: `python -m tests.e2e.crowd HOST PORT COUNT ROOM`.

It says what it has seen in JSON, one object a line on its standard output: `joined` once all
are in the room. Told a number N on its standard input, it says `complete` once everybody has
N messages. It ends with `parted` once the server has said bye to all and closed, or with
`failed` and a reason.

The first client decodes what it gets and checks that the seqs are 1, 2, 3 ...; its messages,
byte by byte, are what every other one must have got: each exactly once and in the same order.
So a frame costs the others a comparison and no decoding.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import socket
import struct
import sys
import time

MESSAGE = b'{"type":"message"'
JOINED = b'{"type":"joined"'
BYE = b'{"type":"bye"'
EXPECTED = (b'{"type":"welcome"', b'{"type":"presence"', JOINED, BYE)

AT_THE_DOOR = 500
"""Clients that are connecting at once: an arrival in seconds, without a queue at the door."""

RESERVED_FILES = 50
RECEIVE = 65_536


class Failed(Exception):
    """Something came that should not have, or did not come."""


class Reference:
    """The messages as the first client got them: their frames one after the other."""

    def __init__(self) -> None:
        self.stream = bytearray()
        self.ends = [0]

    def add(self, payload: bytes) -> None:
        seq = json.loads(payload)["seq"]
        if seq != len(self.ends):
            raise Failed(f"the first client got seq {seq} instead of {len(self.ends)}")
        self.stream += struct.pack("!I", len(payload)) + payload
        self.ends.append(len(self.stream))


class Client:
    """One member: `at` is how far its messages agree with the reference."""

    __slots__ = ("at", "buffer", "joined", "number", "parted", "sock")

    def __init__(self, number: int, sock: socket.socket) -> None:
        self.number = number
        self.sock = sock
        self.buffer = b""
        self.joined = False
        self.parted = False
        self.at = 0

    def advance(self, reference: Reference) -> None:
        """Take as much of the buffer as can be judged by now."""
        while self.buffer:
            if self.number and reference.stream.startswith(self.buffer, self.at):
                whole = self.buffer
                if self.at + len(whole) in reference.ends:
                    self.at, self.buffer = self.at + len(whole), b""
                    return
            if not self._take_frame(reference):
                return

    def _take_frame(self, reference: Reference) -> bool:
        buffer = self.buffer
        if len(buffer) < 4:
            return False
        end = 4 + int(struct.unpack_from("!I", buffer)[0])
        if len(buffer) < end:
            return False
        if not buffer.startswith(MESSAGE, 4):
            self._take_other(buffer[4:end])
        elif not self.number:
            reference.add(buffer[4:end])
            self.at = len(reference.stream)
        elif len(reference.stream) < self.at + end:
            return False  # the first client has not got this one yet
        elif reference.stream.startswith(buffer[:end], self.at):
            self.at += end
        else:
            raise Failed(f"client {self.number} got {buffer[4:end]!r} out of place")
        self.buffer = buffer[end:]
        return True

    def _take_other(self, payload: bytes) -> None:
        if not payload.startswith(EXPECTED):
            raise Failed(f"client {self.number} got {payload!r}")
        if payload.startswith(JOINED):
            self.joined = True
        elif payload.startswith(BYE):
            self.parted = True


class Crowd:
    """All of them, on one selector."""

    def __init__(self, address: tuple[str, int], count: int, room: str) -> None:
        self.address = address
        self.count = count
        self.room = room
        self.clients: dict[Client, None] = {}
        self.joined = 0
        self.reference = Reference()
        self.wanted: int | None = None
        self.selector = selectors.DefaultSelector()
        self.orders = b""

    def run(self) -> None:
        """Join, then count until the server says bye."""
        started = time.monotonic()
        while self.joined < self.count:
            while len(self.clients) < min(self.count, self.joined + AT_THE_DOOR):
                self._connect()
            self._turn()
        tell(event="joined", count=self.joined, seconds=round(time.monotonic() - started, 3))
        os.set_blocking(0, False)
        self.selector.register(0, selectors.EVENT_READ, None)
        while self.clients:
            self._turn()
            self._check()
        tell(event="parted", at=time.monotonic())

    def _connect(self) -> None:
        number = len(self.clients)
        sock = socket.create_connection(self.address)
        hello = {"type": "hello", "version": 1, "name": f"crowd-{number}"}
        for request in (hello, {"type": "join", "room": self.room, "backlog": 0}):
            payload = json.dumps(request).encode()
            sock.sendall(struct.pack("!I", len(payload)) + payload)
        sock.setblocking(False)
        client = Client(number, sock)
        self.clients[client] = None
        self.selector.register(sock, selectors.EVENT_READ, client)

    def _turn(self) -> None:
        """Read whoever has something."""
        for key, _ in self.selector.select():
            if key.data is None:
                self._take_orders()
            else:
                self._read(key.data)

    def _read(self, client: Client) -> None:
        data = client.sock.recv(RECEIVE)
        if not data:
            self._part(client)
            return
        client.buffer += data
        before = client.joined
        client.advance(self.reference)
        self.joined += client.joined - before

    def _part(self, client: Client) -> None:
        """The connection has ended, which it may after a bye, with nothing missing or left."""
        client.advance(self.reference)
        if not client.parted or client.buffer or client.at != len(self.reference.stream):
            raise Failed(f"client {client.number} was cut off")
        self.selector.unregister(client.sock)
        client.sock.close()
        del self.clients[client]

    def _take_orders(self) -> None:
        data = os.read(0, 4_096)
        if not data:
            raise Failed("nobody wants to know any more")
        self.orders += data
        *orders, self.orders = self.orders.split(b"\n")
        for order in orders:
            self.wanted = int(order)

    def _check(self) -> None:
        """Say so once everybody has what is wanted."""
        if self.wanted is None or len(self.reference.ends) <= self.wanted:
            return
        target = self.reference.ends[self.wanted]
        for client in self.clients:
            if client.at < target:
                client.advance(self.reference)
                if client.at < target:
                    return
        tell(event="complete", messages=self.wanted, at=time.monotonic())
        self.wanted = None


def tell(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


def main() -> int:
    host, port, count, room = sys.argv[1:]
    needed = int(count) + RESERVED_FILES
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    try:
        Crowd((host, int(port)), int(count), room).run()
    except (Failed, OSError) as exc:
        tell(event="failed", reason=str(exc))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
