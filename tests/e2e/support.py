"""Real processes and real sockets. The wire is read and written with struct and json alone,
so that it is checked independently of netchat's own codec."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

Object = dict[str, Any]
Address = tuple[str, int]

WITHIN = 10.0
"""Seconds that anything may take on a busy machine; nothing is ever waited for in full."""

START_WITHIN = 20.0
MAX_FRAME = 65_536
UNLIMITED = ("--set", "limits.enabled=false")


class Ended(Exception):
    """The server has closed the connection."""


def until_true(check: Callable[[], Any], within: float = WITHIN) -> Any:
    """What `check` gives once it is true; fails when that takes longer than `within`."""
    deadline = time.monotonic() + within
    while not (value := check()):
        assert time.monotonic() < deadline, f"still not true after {within} s"
        time.sleep(0.01)
    return value


# -- the server ----------------------------------------------------------------------------


class ServerProcess:
    """`netchat serve` as a child process, on a free port. `folder` holds its log and data."""

    def __init__(self, folder: Path, *args: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.env = environment(folder) | (env or {})
        self.args = args
        self.address: Address = ("127.0.0.1", 0)
        self.ready = ""
        self._errors = folder / "stderr.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._reap()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server has not been started"
        return self._process

    def start(self) -> Self:
        """Start it, again in the same place, and wait for its ready line."""
        listen = () if "--listen" in self.args else ("--listen", self.place)
        command = [*NETCHAT, "serve", *listen, "--data", str(self.data), *self.args]
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, env=self.env, cwd=self.folder
            )
        self.ready = self._first_line()
        host, port = re.findall(r"native=(\S+):(\d+)", self.ready)[0]
        self.address = (host.strip("[]"), int(port))
        return self

    @property
    def place(self) -> str:
        """Its address, as it is written on a command line."""
        return "{}:{}".format(*self.address)

    def _first_line(self) -> str:
        stdout = self.process.stdout
        assert stdout is not None
        if not select.select([stdout], [], [], START_WITHIN)[0]:
            raise AssertionError(f"the server is not ready: {self.logs()}")
        line = stdout.readline().decode()
        assert line.startswith("netchat ready "), f"{line!r}; {self.logs()}"
        return line.strip()

    def logs(self) -> str:
        """What it wrote to its standard error, since the first start."""
        return self._errors.read_text("utf-8", "replace")

    def send_signal(self, signum: int) -> None:
        self.process.send_signal(signum)

    def stop(self, signum: int = signal.SIGTERM, within: float = WITHIN) -> int:
        """Send a signal; the exit code."""
        self.send_signal(signum)
        return self.wait(within)

    def wait(self, within: float = WITHIN) -> int:
        self.process.wait(within)
        return self._reap()

    def kill(self) -> None:
        """As a crash would."""
        self.process.kill()
        self._reap()

    def restart(self) -> None:
        """A clean stop and a start, in the same place and on the same log."""
        assert self.stop() == 0, self.logs()
        self.start()

    def _reap(self) -> int:
        code = self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def figures(self) -> dict[str, float]:
        """What SIGUSR1 makes it print, which also starts the lag figures anew."""
        before = self.logs().count("figures {")
        self.send_signal(signal.SIGUSR1)
        until_true(lambda: self.logs().count("figures {") > before)
        found = re.findall(r"figures (\{.*?\})\s", self.logs())
        figures: dict[str, float] = json.loads(found[before])
        return figures

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024

    def client(self, name: str | None = None, **options: Any) -> RawClient:
        """A connected client; with a name, one that has been welcomed."""
        client = RawClient(self.address, **options)
        if name is not None:
            client.hello(name)
        return client


NETCHAT = (sys.executable, "-m", "netchat")

ROOT = Path(__file__).parents[2]


def environment(folder: Path) -> dict[str, str]:
    """An environment in which nothing of the user's is found, and nothing is written home."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("NETCHAT_")}
    homes = {key: str(folder) for key in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    return kept | homes | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def run_netchat(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        [*NETCHAT, *args],
        env=environment(folder) | env,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=START_WITHIN,
        check=False,
    )


# -- the client ----------------------------------------------------------------------------


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
    ) -> None:
        self.noise = noise
        self.name = self.token = self.epoch = ""
        self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(WITHIN)
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
            readers = [self.sock] if reading and not self._ended else []
            left = deadline - time.monotonic()
            readable, writable, _ = select.select(readers, [self.sock], [], max(0, left))
            assert readable or writable, f"{len(view)} bytes could not be sent in time"
            if readable:
                self._receive()
            if writable:
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
                if not select.select([self.sock], [], [], max(0, left))[0]:
                    raise AssertionError(f"nothing came within {within} s")
                self._receive()
            if event["type"] not in self.noise:
                return event

    def feed(self, data: bytes) -> None:
        """Take bytes that were read off the socket elsewhere."""
        self._buffer += data

    def peek(self) -> bool:
        """Whether something has come."""
        if select.select([self.sock], [], [], 0)[0]:
            self._receive()
        return self._ended or len(self._buffer) > self._start

    def _receive(self) -> None:
        try:
            data = self.sock.recv(262_144)
        except BlockingIOError:
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


@contextmanager
def crowd(server: ServerProcess, names: list[str], room: str) -> Iterator[list[RawClient]]:
    """Clients that are all in one room, and have read everything that came of that."""
    clients = [server.client() for _ in names]
    try:
        for client, name in zip(clients, names, strict=True):
            client.send(
                {"type": "hello", "version": 1, "name": name},
                {"type": "join", "room": room, "backlog": 0},
            )
        for client in clients:
            client.until("joined")
        yield clients
    finally:
        for client in clients:
            client.close()
