"""The server as a real process, and other commands of netchat."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tests.certificates import Files, client_side
from tests.e2e.client import WITHIN, Address, RawClient, polled, until_true

START_WITHIN = 20.0
UNLIMITED = ("--set", "limits.enabled=false")


class ServerProcess:
    """`netchat serve` as a child process, on a free port. `folder` holds its log and data.

    `inside`: words of a command that runs the server in its place, in surroundings of its own.
    With `tls`, all clients come that way; `plain` is where the others would come.
    """

    def __init__(
        self,
        folder: Path,
        *args: str,
        env: dict[str, str] | None = None,
        inside: tuple[str, ...] = (),
        tls: Files | None = None,
    ) -> None:
        self.folder = folder
        self.inside = inside
        self.data = folder / "data"
        self.env = environment(folder) | (env or {})
        self.args = args if tls is None else (*args, *tls.flags)
        self.context = None if tls is None else client_side(tls)
        self.plain: Address = ("127.0.0.1", 0)
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
        self.launch()
        self.ready = self._first_line()
        self.plain = split(re.findall(r"native=(\S+)", self.ready)[0])
        self.address = self.plain
        if self.context is not None:
            self.address = split(re.findall(r"tls=(\S+)", self.ready)[0])
        return self

    def launch(self) -> None:
        """Start it and wait for nothing."""
        listen = () if "--listen" in self.args else ("--listen", self.place)
        web = () if "--web" in self.args else ("--web", "off")
        serve = [*NETCHAT, "serve", *listen, *web, "--data", str(self.data), *self.args]
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [*self.inside, *serve],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self.env,
                cwd=self.folder,
            )

    @property
    def place(self) -> str:
        """Its address, as it is written on a command line."""
        return "{}:{}".format(*self.plain)

    def _first_line(self) -> str:
        stdout = self.process.stdout
        assert stdout is not None
        if not polled(stdout, select.POLLIN, START_WITHIN):
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
        before = len(self._figures())
        self.send_signal(signal.SIGUSR1)
        until_true(lambda: len(self._figures()) > before)
        return self.last_figures()

    def last_figures(self) -> dict[str, float]:
        """The newest figures in its log: it also prints them when it stops."""
        figures: dict[str, float] = json.loads(self._figures()[-1])
        return figures

    def _figures(self) -> list[str]:
        return re.findall(r"figures (\{.*?\})\n", self.logs())

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024

    def client(self, name: str | None = None, **options: Any) -> RawClient:
        """A connected client; with a name, one that has been welcomed."""
        client = RawClient(self.address, **{"tls": self.context} | options)
        if name is not None:
            client.hello(name)
        return client


def split(place: str) -> Address:
    """An address as the server writes it, taken apart."""
    host, _, port = place.rpartition(":")
    return host.strip("[]"), int(port)


NETCHAT = (sys.executable, "-m", "netchat")

ROOT = Path(__file__).parents[2]


def environment(folder: Path) -> dict[str, str]:
    """An environment in which nothing of the user's is found, and nothing is written home."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("NETCHAT_")}
    homes = {key: str(folder) for key in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    return kept | homes | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def run_netchat(
    folder: Path, *args: str, typed: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself; `typed` is its input."""
    return subprocess.run(
        [*NETCHAT, *args],
        env=environment(folder) | env,
        cwd=folder,
        input=typed,
        capture_output=True,
        text=True,
        timeout=START_WITHIN,
        check=False,
    )


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
