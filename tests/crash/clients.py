"""A terminal client is killed with -9 while somebody types, and started again: again and again.

python -m tests.crash.clients --cycles 300               until so many cycles count

A cycle: `netchat chat` is started under the same name, in one of two rooms, in front of a server
that is up, down, deaf (it takes all and answers nothing), or dies meanwhile. Numbered lines are
typed without a pause until the client is killed at a random instant. The cycle counts if the
client had something then that nobody had accepted.

At the end the server is up, and a last client is given time to send what is left. Then the log is
read. Of every line the client has said that it is kept, or shown it as a message, and it must be
there. No line is there twice, and in each room they stand in the order in which they were typed.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import select
import shutil
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from netchat.client.journal import Kept, decode
from netchat.client.keyboard import LOCAL_FLAGS
from tests.crash.poster import check
from tests.crash.proxy import Faults, Proxy
from tests.e2e.client import WITHIN, seqs
from tests.e2e.support import NETCHAT, UNLIMITED, ServerProcess, environment

ROOMS = ("plaza", "patio")

SERVERS = ("up", "down", "deaf", "dies")

LONGEST_LIFE = 0.5
"""Seconds that somebody types: from nothing to hundreds of lines."""

PAUSE = 0.004
"""Seconds between two lines, on average."""

CUT_STARTS = 0.1
"""The share of clients that are killed while they start."""

LONGEST_START = 0.4
"""Seconds: a start that is cut short ends somewhere between its first line and its last."""

KEPT = re.compile(rb"line (\d+)\r\n\* not connected; it is kept")
SHOWN = re.compile(rb"<ana> line (\d+)\r\n")


class Client:
    """`netchat chat` in a pseudo-terminal, and everything that it has written."""

    def __init__(self, folder: Path, place: str, room: str) -> None:
        self.output = b""
        self._master, slave = os.openpty()
        self._process = subprocess.Popen(
            [*NETCHAT, "chat", "--server", place, "--name", "ana", "--room", room],
            env={**environment(folder), "TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def read(self, seconds: float) -> None:
        """Take over what it writes within so many seconds."""
        deadline = time.monotonic() + seconds
        while select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))[0]:
            try:
                self.output += os.read(self._master, 65_536)
            except OSError:  # Linux's way to say that nobody is there any more
                return

    def until(self, done: Callable[[], bool]) -> None:
        """Read until it is so."""
        deadline = time.monotonic() + WITHIN
        while not done():
            check(time.monotonic() < deadline, f"nothing comes of it: {self.output!r}")
            self.read(0.02)

    def listens(self) -> bool:
        """Whether it has taken over the terminal."""
        return not termios.tcgetattr(self._master)[LOCAL_FLAGS] & termios.ECHO

    def type(self, line: str) -> None:
        """Type a line, and Return; while the terminal has no room, read on."""
        while not select.select([], [self._master], [], 0)[1]:
            self.read(0.01)
        os.write(self._master, f"{line}\n".encode())

    def kill(self) -> None:
        """As a crash would; what it had written until then counts."""
        self._process.kill()
        self._process.wait()
        self.read(0)
        os.close(self._master)

    def leave(self) -> int:
        """Type `exit`; the exit code."""
        self.type("exit")
        self.until(lambda: self._process.poll() is not None)
        os.close(self._master)
        return self._process.returncode


class Clients:
    """The server, the client's folder, and all lines so far."""

    def __init__(self, folder: Path) -> None:
        self.cycles = self.counted = self.typed = self.resent = 0
        self.promised: set[int] = set()
        """Lines of which the client has said that it has them."""
        self._folder = folder
        self._server = ServerProcess(folder / "server", *UNLIMITED)
        self._proxy: Proxy | None = None
        self._up = True

    def __enter__(self) -> Clients:
        self._server.__enter__()
        self._proxy = Proxy(self._server.address).__enter__()
        # A token is in the file from here on, and on the server's disk: nobody is forgotten.
        client = self._client(ROOMS[0])
        self._type(client)
        client.until(lambda: SHOWN.search(client.output) is not None)
        client.kill()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._proxy is not None
        self._proxy.__exit__()
        self._server.__exit__()

    def _client(self, room: str) -> Client:
        assert self._proxy is not None
        return Client(self._folder, self._proxy.place, room)

    def cycle(self, server: str | None = None) -> None:
        """One life of the client, from its start to its death."""
        assert self._proxy is not None
        server = server or random.choice(SERVERS)
        self._set_server(up=server != "down")
        self._proxy.faults = Faults(swallow=server == "deaf")
        client = self._client(random.choice(ROOMS))
        if random.random() < CUT_STARTS:
            client.read(random.uniform(0, LONGEST_START))
        else:
            self._live(client, server)
        client.kill()
        self._note(client)

    def _live(self, client: Client, server: str) -> None:
        """Half of them die soon after the start, which is a busy time."""
        client.until(client.listens)
        ends = time.monotonic() + random.choice([0.05, 1.0]) * random.uniform(0, LONGEST_LIFE)
        dies = random.uniform(time.monotonic(), ends) if server == "dies" else ends
        while time.monotonic() < ends:
            self._type(client)
            client.read(random.expovariate(1 / PAUSE))
            if time.monotonic() > dies:
                self._set_server(up=False)

    def _type(self, client: Client) -> None:
        self.typed += 1
        client.type(f"line {self.typed}")

    def _note(self, client: Client) -> None:
        for pattern in (KEPT, SHOWN):
            self.promised |= {int(number) for number in pattern.findall(client.output)}
        left = len(self.kept().posts)
        self.cycles += 1
        self.counted += left > 0
        self.resent += left

    @property
    def file(self) -> Path:
        """The outbox."""
        [path] = (self._folder / "netchat" / "client").glob("*.outbox")
        return path

    def kept(self) -> Kept:
        """What is in it."""
        records, lost = decode(self.file.read_bytes())
        check(not lost, f"{lost} lines of the outbox cannot be read")
        return Kept(records)

    def _set_server(self, *, up: bool) -> None:
        if up and not self._up:
            self._server.start()
        elif self._up and not up:
            self._server.kill()
        self._up = up

    def finish(self) -> None:
        """A last life in which everything is sent, and the verdict on the log."""
        assert self._proxy is not None
        self._set_server(up=True)
        self._proxy.faults = Faults()
        client = self._client(ROOMS[0])
        client.until(lambda: not self.kept().posts)
        check(client.leave() == 0, f"the last one ended badly: {client.output!r}")
        there = [number for room in ROOMS for number in self._log(room)]
        doubled = {number for number in there if there.count(number) > 1}
        check(not doubled, f"doubled: {sorted(doubled)}")
        lost = self.promised - set(there)
        check(not lost, f"lost: {sorted(lost)}")
        check(set(there) <= set(range(1, self.typed + 1)), "nobody typed that")

    def _log(self, room: str) -> list[int]:
        """The numbers of the lines in a room, which stand in order."""
        with self._server.client(f"reader-{room}") as reader:
            messages = reader.collect("message", reader.join(room, after=0)["head"], 3 * WITHIN)
        check(seqs(messages) == list(range(1, len(messages) + 1)), f"a hole in {room}")
        check(all(message["from"] == "ana" for message in messages), "somebody else wrote")
        numbers = [int(message["text"].removeprefix("line ")) for message in messages]
        check(numbers == sorted(numbers), f"reordered in {room}: {numbers}")
        return numbers


def main() -> int:
    """The exit code: 1 where something was violated; the folder is kept then."""
    parser = argparse.ArgumentParser(prog="tests.crash.clients", description="kill -9 at a client")
    parser.add_argument("--cycles", type=int, default=100, help="stop when so many count (100)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="netchat-clients-"))
    begun = told = time.monotonic()
    try:
        with Clients(folder) as clients:
            while clients.counted < options.cycles:
                clients.cycle()
                if time.monotonic() - told > 10:
                    told = time.monotonic()
                    print(_line(clients, told - begun), flush=True)
            clients.finish()
    except AssertionError as exc:
        print(f"VIOLATION: {exc}\nThe folder is {folder}")
        return 1
    shutil.rmtree(folder)
    print(_line(clients, time.monotonic() - begun))
    print("0 kept lines lost, 0 doubled, 0 reordered")
    return 0


def _line(clients: Clients, seconds: float) -> str:
    return (
        f"{clients.cycles} cycles, {clients.counted} counted; {clients.typed} lines typed, "
        f"{len(clients.promised)} of them known to be kept; "
        f"{clients.resent} left by a killed client for the next; {seconds:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
