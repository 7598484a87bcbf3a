"""The catalog: which servers there are, how each is started, what is missing here."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.scenario import DoorName
from bench.serverprocess import (
    START_WITHIN,
    CannotStart,
    NetchatServer,
    ServerProcess,
    python_environment,
)

HERE = Path(__file__).parent

COMPILE = ("-O2", "-std=gnu11")

MOST_CLIENTS = 20_000

Start = Callable[[Path, Sequence[int]], ServerProcess]
"""Takes the folder for its files and its cores."""


@dataclass(frozen=True)
class Peer:
    """A server to be measured. `missing` says what is not here; empty where all is."""

    name: str
    dialect: str
    start: Start
    missing: str = ""
    door: DoorName = "native"


class _OnPort(ServerProcess):
    """A server that is told its port and says nothing: it is there once it accepts."""

    def __init__(
        self, command: Sequence[str], folder: Path, cores: Sequence[int], port: int
    ) -> None:
        super().__init__(command, folder, cores=cores)
        self._port = port

    def await_address(self) -> tuple[str, int]:
        """See ServerProcess."""
        deadline = time.monotonic() + START_WITHIN
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return "127.0.0.1", self._port
            time.sleep(0.02)
        raise CannotStart(f"{self.command[0]} did not start: {self.logs().strip()}")


def catalog(durability: str = "memory") -> list[Peer]:
    """Everybody: ours, by each of its doors, then the limit, then the others."""

    settings = ["limits.heartbeat=3600"]  # the others ask nobody whether they still live

    def by(door: DoorName) -> Start:
        return lambda folder, cores: NetchatServer(
            folder, durability, cores=cores, settings=settings, door=door
        )

    return [
        Peer("netchat", "netchat", by("native")),
        Peer("web", "netchat", by("web"), door="web"),
        Peer("tls", "netchat", by("tls"), _lacks("openssl"), door="tls"),
        Peer("limit", "netchat", _limit, _lacks("cc")),
        Peer("redis", "redis", _redis, _lacks("redis-server")),
        Peer("nats", "nats", _nats, _lacks("nats-server")),
        Peer("mosquitto", "mqtt", _mosquitto, _lacks("mosquitto")),
        Peer("ngircd", "irc", _ngircd, _lacks("ngircd")),
        Peer("uvloop", "netchat", _python("asyncio_server.py", "uvloop"), _lacks_module("uvloop")),
        Peer("asyncio", "netchat", _python("asyncio_server.py", "asyncio")),
        Peer(
            "websockets",
            "websocket",
            _python("websockets_server.py"),
            _lacks_module("websockets"),
        ),
    ]


def _limit(folder: Path, cores: Sequence[int]) -> ServerProcess:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "limit"
    compiler = _program("cc")
    subprocess.run(  # noqa: S603
        [compiler, *COMPILE, "-o", str(program), str(HERE / "limit.c")], check=True
    )
    return ServerProcess([str(program), "0"], folder, cores=cores)


def _redis(folder: Path, cores: Sequence[int]) -> ServerProcess:
    port = _free_port()
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "save": "",
        "appendonly": "no",
        "maxclients": str(MOST_CLIENTS),
        "tcp-backlog": "4096",
        "client-output-buffer-limit": "pubsub 0 0 0",
        "dir": str(folder),
    }
    words = [word for key, value in options.items() for word in (f"--{key}", value)]
    return _OnPort([_program("redis-server"), *words], folder, cores, port)


def _nats(folder: Path, cores: Sequence[int]) -> ServerProcess:
    port = _free_port()
    command = [_program("nats-server"), "-a", "127.0.0.1", "-p", str(port)]
    return _OnPort(command, folder, cores, port)


def _mosquitto(folder: Path, cores: Sequence[int]) -> ServerProcess:
    port = _free_port()
    config = _write(
        folder / "mosquitto.conf",
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        "set_tcp_nodelay true",
        "max_queued_messages 0",
        "persistence false",
        "log_type error",
    )
    return _OnPort([_program("mosquitto"), "-c", config], folder, cores, port)


def _ngircd(folder: Path, cores: Sequence[int]) -> ServerProcess:
    port = _free_port()
    config = _write(
        folder / "ngircd.conf",
        "[Global]",
        "Name = irc.local.test",
        f"Ports = {port}",
        "Listen = 127.0.0.1",
        "[Limits]",
        "MaxConnections = 0",
        "MaxConnectionsIP = 0",
        "MaxJoins = 0",
        "MaxNickLength = 31",
        "MaxPenaltyTime = 0",
        "[Options]",
        "DNS = no",
        "Ident = no",
        "PAM = no",
    )
    return _OnPort([_program("ngircd"), "-n", "-f", config], folder, cores, port)


def _python(script: str, *words: str) -> Start:
    def start(folder: Path, cores: Sequence[int]) -> ServerProcess:
        command = [sys.executable, str(HERE / script), *words]
        return ServerProcess(command, folder, cores=cores, env=python_environment(folder))

    return start


def _write(path: Path, *lines: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _program(name: str) -> str:
    """Debian keeps servers where a user's PATH does not look."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin") or name


def _lacks(program: str) -> str:
    return "" if Path(_program(program)).is_file() else f"{program} is not installed"


def _lacks_module(module: str) -> str:
    found = importlib.util.find_spec(module)
    return "" if found else f"the Python package {module} is not installed"
