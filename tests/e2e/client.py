"""A client made of a socket, four bytes of length, and json: it knows nothing of netchat's own
codec, so that the wire is checked independently of it."""

from __future__ import annotations

import json
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any, Self

Object = dict[str, Any]
Address = tuple[str, int]

WITHIN = 10.0
"""Seconds that anything may take on a busy machine; nothing is ever waited for in full."""

MAX_FRAME = 65_536


class Ended(Exception):
    """The server has closed the connection."""


def until_true(check: Callable[[], Any], within: float = WITHIN) -> Any:
    """What `check` gives once it is true; fails when that takes longer than `within`."""
    deadline = time.monotonic() + within
    while not (value := check()):
        assert time.monotonic() < deadline, f"still not true after {within} s"
        time.sleep(0.01)
    return value


def polled(file: Any, events: int, within: float) -> int:
    """Which of these events (of `select.poll`) a file has, or an end or error, in so many seconds.

    A process that runs many tests may have more than the 1,024 descriptors that select() takes.
    """
    poll = select.poll()
    poll.register(file, events)
    return sum(happened for _, happened in poll.poll(max(0.0, within) * 1_000))


def frame(payload: bytes) -> bytes:
    return struct.pack("!I", len(payload)) + payload


def framed(*objects: Object) -> bytes:
    return b"".join(frame(json.dumps(each).encode()) for each in objects)


class RawClient:
    """A client made of a socket, four bytes of length, and json.

    Events of the types in `noise` are dropped unseen: presence comes whenever it likes.
    `receive_buffer` bounds what the kernel takes on our behalf while we do not read.
    """

    def __init__(
        self,
        address: Address,
        *,
        noise: tuple[str, ...] = ("presence",),
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.noise = noise
        self.name = self.token = self.epoch = ""
        self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(WITHIN)
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.sock = tls.wrap_socket(self.sock, server_hostname=address[0])
        self.sock.setblocking(False)
        self._buffer = bytearray()
        self._start = 0
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection without a word."""
        self.sock.close()

    def end_input(self) -> None:
        """Half-close: nothing more is sent, everything can still be read."""
        self.sock.shutdown(socket.SHUT_WR)

    # Sending

    def send(self, *objects: Object) -> None:
        """Send requests, all in one piece."""
        self.send_bytes(framed(*objects))

    def send_bytes(self, data: bytes, *, reading: bool = True) -> None:
        """Send bytes; what comes meanwhile is read, or two full buffers would wait forever."""
        deadline = time.monotonic() + 3 * WITHIN
        view = memoryview(data)
        while view:
            reads = select.POLLIN if reading and not self._ended else 0
            left = deadline - time.monotonic()
            events = polled(self.sock, reads | select.POLLOUT, left)
            assert events, f"{len(view)} bytes could not be sent in time"
            if events & reads:
                self._receive()
            if events & ~select.POLLIN:  # also an error: sending says which
                view = view[self.sock.send(view) :]

    # Receiving

    def recv(self, within: float = WITHIN) -> Object:
        """The next event that is no noise. Raises Ended, or fails when nothing comes."""
        deadline = time.monotonic() + within
        while True:
            while (event := self._take()) is None:
                if self._ended:
                    raise Ended
                left = deadline - time.monotonic()
                if not polled(self.sock, select.POLLIN, left):
                    raise AssertionError(f"nothing came within {within} s")
                self._receive()
            if event["type"] not in self.noise:
                return event

    def feed(self, data: bytes) -> None:
        """Take bytes that were read off the socket elsewhere."""
        self._buffer += data

    def peek(self) -> bool:
        """Whether something has come."""
        if polled(self.sock, select.POLLIN, 0):
            self._receive()
        return self._ended or len(self._buffer) > self._start

    def _receive(self) -> None:
        try:
            data = self.sock.recv(262_144)
            while isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
                data += self.sock.recv(262_144)  # the selector does not know of it
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except ConnectionResetError:
            data = b""
        self._ended = not data
        self._buffer += data

    def _take(self) -> Object | None:
        start, buffer = self._start, self._buffer
        if len(buffer) - start < 4:
            return None
        (size,) = struct.unpack_from("!I", buffer, start)
        assert 1 <= size <= MAX_FRAME, f"the server sent a frame of {size} bytes"
        if len(buffer) - start < 4 + size:
            return None
        payload = bytes(buffer[start + 4 : start + 4 + size])
        self._start += 4 + size
        if self._start > 1_000_000 or self._start == len(buffer):
            del buffer[: self._start]
            self._start = 0
        event = json.loads(payload)
        assert isinstance(event, dict) and isinstance(event["type"], str)
        return event

    def until(self, type: str, within: float = WITHIN, **fields: Any) -> Object:
        """The next event of this type with these fields; what comes before is dropped."""
        return self.upto(type, within, **fields)[-1]

    def upto(self, type: str, within: float = WITHIN, **fields: Any) -> list[Object]:
        """Everything up to and with the next event of this type with these fields."""
        wanted = {"type": type, **fields}
        events: list[Object] = []
        while not (events and wanted.items() <= events[-1].items()):
            events.append(self.recv(within))
        return events

    def collect(self, type: str, count: int, within: float = WITHIN) -> list[Object]:
        """The next `count` events of this type."""
        return [self.until(type, within) for _ in range(count)]

    def is_ended(self, within: float = WITHIN) -> bool:
        """Whether nothing but the end of the connection comes next."""
        try:
            event = self.recv(within)
        except Ended:
            return True
        raise AssertionError(f"the connection goes on with {event}")

    def is_silent(self) -> bool:
        """Whether everything asked so far has been answered, and nothing is left to read."""
        return self.barrier() == []

    def barrier(self) -> list[Object]:
        """Everything that comes before the answer to a ping sent now."""
        self.send({"type": "ping", "ref": "barrier"})
        return self.upto("pong", ref="barrier")[:-1]

    # Asking

    def ask(self, request: Object) -> Object:
        """Send a request; the next event, which must be its reply."""
        self.send(request)
        return self.recv()

    def hello(self, name: str, **fields: Any) -> Object:
        self.send({"type": "hello", "version": 1, "name": name, **fields})
        welcome = self.recv()
        assert welcome["type"] == "welcome", welcome
        self.name, self.token = welcome["name"], welcome["token"]
        self.epoch = welcome["epoch"]
        return welcome

    def join(self, room: str, **fields: Any) -> Object:
        """Join; the `joined`. What the backlog brings is still to be read."""
        joined = self.ask({"type": "join", "room": room, **fields})
        assert joined["type"] == "joined", joined
        return joined

    def post(self, room: str, text: str, id: str) -> Object:
        """Post, and read on up to the `accepted`."""
        self.send({"type": "post", "room": room, "text": text, "id": id})
        return self.until("accepted", id=id)

    def bye(self) -> None:
        """Leave in good order, which frees the name."""
        self.send({"type": "bye"})
        self.until("bye")
        self.close()


def fill(client: RawClient, room: str, count: int, text: Callable[[int], str] = str) -> None:
    """Post texts 1 to `count` to a room, and read everything that comes of it."""
    client.send(
        {"type": "join", "room": room, "backlog": 0},
        *(
            {"type": "post", "room": room, "text": text(n), "id": f"{room}-{n}"}
            for n in range(1, count + 1)
        ),
        {"type": "ping"},
    )
    client.until("pong", within=3 * WITHIN)


def errors(events: list[Object]) -> list[str]:
    return [event["code"] for event in events if event["type"] == "error"]


def types(events: list[Object]) -> list[str]:
    return [event["type"] for event in events]


def texts(events: list[Object]) -> list[str]:
    return [event["text"] for event in events if event["type"] == "message"]


def seqs(events: list[Object]) -> list[int]:
    return [event["seq"] for event in events if event["type"] == "message"]
