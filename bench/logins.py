"""The `logins` command: passwords by the second beside somebody who chats.

First nobody logs in, then there is a storm: RATE logins a second, by a clock that does not wait
for answers, every other one with a wrong password, while one client that is logged in asks for a
pong all the time. Told are the loop's own lag, that client's round trips, and how long the logins
took. What others make the machine do counts as well, so look at the first table, too.

Then timing: a wrong password of an account and of nobody's, in turns on one connection each, and
whether the times tell which was which (Mann-Whitney, two-sided; p above 0.01: they do not).
"""

from __future__ import annotations

import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import erfc, sqrt
from pathlib import Path

from bench.options import Options
from bench.report import table
from bench.serverprocess import NetchatServer, python_environment
from netchat.chat.events import Error, Event, Welcome
from netchat.chat.requests import Hello, Ping, Request
from netchat.wire.native import NativeClient

SECRET, WRONG = "correct horse", "battery staple"
ACCOUNTS = 5
TRIES = 1_000
LIMIT_MS = 20.0
"""What a tick must stay under; or under twice the longest of when nobody logs in."""


class Caller:
    """One connection: what is said, and when it was answered."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock = socket.create_connection(address, 10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.said_at = 0.0
        self._machine = NativeClient()

    def say(self, request: Request) -> None:
        self.said_at = time.perf_counter()
        self.sock.sendall(self._machine.send(request))

    def hear(self) -> Event | None:
        """The next event of what has come, None where it is not whole."""
        if (event := self._machine.next_event()) is None:
            self._machine.receive_data(self.sock.recv(65_536))
            event = self._machine.next_event()
        return event

    def ask(self, request: Request) -> Event:
        self.say(request)
        while (event := self.hear()) is None:
            pass
        return event


def logins(options: Options) -> int:
    """The process's exit code: 1 when the loop had to wait, or the times told something."""
    with _server() as server:
        calm = _storm(server, 0.0, options.seconds)
        worst = _storm(server, options.rate, options.seconds)
        p, difference = _timing(server.address)
    print(f"\nwrong password against unknown name, {TRIES:,} each: medians differ by "
          f"{difference * 1e3:.3f} ms, p = {p:.3f}")  # fmt: skip
    return 1 if worst > max(LIMIT_MS, 2 * calm) or p <= 0.01 else 0


def _storm(server: NetchatServer, rate: float, seconds: float) -> float:
    """Play one, print it; the longest tick in ms."""
    server.figures()
    storm = Storm(server.address, rate, seconds)
    storm.run()
    lag = server.figures()
    print(f"{storm.table(lag)}\n")
    return lag["lag_max_ms"]


@contextmanager
def _server() -> Iterator[NetchatServer]:
    """With accounts that its operator has made: there a name that nobody has is not registered."""
    settings = ("accounts.policy=closed", "accounts.devices=100000")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with NetchatServer(folder, settings=settings) as server:
            for number in range(ACCOUNTS):
                _add_account(folder, f"user{number}")
            yield server


def _add_account(folder: Path, name: str) -> None:
    command = [sys.executable, "-m", "netchat", "user", "add", name, "--password-stdin"]
    subprocess.run(  # noqa: S603
        [*command, "--data", str(folder / "data")],
        input=SECRET, text=True, check=True, env=python_environment(folder),
    )  # fmt: skip


def _hello(caller: Caller, name: str, password: str) -> Event:
    return caller.ask(Hello(version=1, name=name, password=password))


class Storm:
    """Logins by the clock, and pings beside them."""

    def __init__(self, address: tuple[str, int], rate: float, seconds: float) -> None:
        self._address = address
        self._due = [number / rate for number in range(int(rate * seconds))]
        self._seconds = seconds
        self._selector = selectors.DefaultSelector()
        self._under_way = 0
        self.took: list[float] = []
        self.pings: list[float] = []
        self.answers = {"welcome": 0, "bad_credentials": 0, "auth_busy": 0}

    def run(self) -> None:
        """Until everything has been answered."""
        calm = Caller(self._address)
        _hello(calm, "user0", SECRET)
        calm.said_at = 0.0
        self._selector.register(calm.sock, selectors.EVENT_READ, calm)
        begun = time.perf_counter()
        while self._due or self._under_way or time.perf_counter() < begun + self._seconds:
            now = time.perf_counter()
            while self._due and begun + self._due[0] <= now:
                self._begin(begun + self._due.pop(0))
            if calm.said_at == 0.0:
                calm.say(Ping())
            for key, _ in self._selector.select(0.001):
                if key.data is calm:
                    self._pong(calm)
                else:
                    self._answered(key.data)

    def _begin(self, due: float) -> None:
        number = len(self._due)
        caller = Caller(self._address)
        password = SECRET if number % 2 else WRONG
        caller.say(Hello(version=1, name=f"user{number % ACCOUNTS}", password=password))
        caller.said_at = due  # an open loop: what was late in leaving counts as waiting
        self._selector.register(caller.sock, selectors.EVENT_READ, caller)
        self._under_way += 1

    def _pong(self, calm: Caller) -> None:
        if calm.hear() is not None:
            self.pings.append(time.perf_counter() - calm.said_at)
            calm.said_at = 0.0

    def _answered(self, caller: Caller) -> None:
        event = caller.hear()
        if isinstance(event, Welcome | Error):
            self.answers["welcome" if isinstance(event, Welcome) else event.code] += 1
            self.took.append(time.perf_counter() - caller.said_at)
            self._selector.unregister(caller.sock)
            caller.sock.close()
            self._under_way -= 1

    def table(self, lag: dict[str, float]) -> str:
        """What came of it."""
        answers = ", ".join(f"{count} {code}" for code, count in self.answers.items() if count)
        rows = [["ms", "median", "p99", "max"]]
        rows.append(["a tick of the loop", *(f"{lag[f'lag_{k}_ms']:.2f}" for k in KEYS)])
        for name, times in (("a pong meanwhile", self.pings), ("a login", self.took)):
            if not times:
                continue
            ordered = sorted(times)
            picked = (ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1])
            rows.append([name, *(f"{seconds * 1e3:.2f}" for seconds in picked)])
        return f"{len(self.took)} logins in {self._seconds:g} s: {answers}\n\n{table(rows, '<>')}"


KEYS = ("p50", "p99", "max")


def _timing(address: tuple[str, int]) -> tuple[float, float]:
    """p, and the difference of the medians in seconds."""
    mine: tuple[list[float], list[float]] = ([], [])
    for _ in range(TRIES):
        for times, name in zip(mine, ("user1", "nobody-here"), strict=True):
            caller = Caller(address)
            _hello(caller, name, WRONG)
            times.append(time.perf_counter() - caller.said_at)
            caller.sock.close()
    one, other = mine
    return mann_whitney(one, other), statistics.median(one) - statistics.median(other)


def mann_whitney(one: list[float], other: list[float]) -> float:
    """The two-sided p by the normal approximation, for large samples without ties."""
    ranked = sorted([*((value, 0) for value in one), *((value, 1) for value in other)])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, start=1) if which == 0)
    n, m = len(one), len(other)
    u = ranks - n * (n + 1) / 2
    return erfc(abs(u - n * m / 2) / sqrt(n * m * (n + m + 1) / 12) / sqrt(2))
