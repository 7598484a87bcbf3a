"""A server as a child process, ours or a peer's: started, watched, ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from bench.machine import cpu_seconds, pin, resident_bytes
from bench.scenario import DoorName

ROOT = Path(__file__).parents[1]

START_WITHIN = 20.0
STOP_WITHIN = 10.0
REPORT_WITHIN = 2.0


class CannotStart(Exception):
    """The server is not there; the sentence says why."""


class ServerProcess:
    """A server that says where it listens on its first line: `... native=HOST:PORT`."""

    listens = rb"native=(\S+):(\d+)"
    """Where on that line."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        cores: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
        reports: bool = False,
    ) -> None:
        self.command = list(command)
        self.address = ("", 0)
        self._folder = folder
        self._cores = list(cores)
        self._env = dict(env or os.environ)
        self._reports = reports
        self._stderr = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(  # noqa: S603
                self.command,
                stdout=subprocess.PIPE,
                stderr=stderr,
                stdin=subprocess.DEVNULL,
                env=self._env,
                cwd=self._folder,
                start_new_session=True,  # a Ctrl+C is ours to pass on
            )
        try:
            if self._cores:
                pin(self.pid, self._cores)
            self.address = self.await_address()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop in good order, or not, but stop."""
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN)
        self._kill()

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process is not None
        return self._process.pid

    def await_address(self) -> tuple[str, int]:
        """Where it says that it listens."""
        found = re.search(self.listens, self.ready_line())
        if found is None:
            raise CannotStart(f"The server did not start: {self.logs().strip() or 'no word'}")
        return found[1].decode().strip("[]"), int(found[2])

    def ready_line(self) -> bytes:
        """What it says when it listens; empty where it does not."""
        process = self._process
        assert process is not None and process.stdout is not None
        if select.select([process.stdout], [], [], START_WITHIN)[0]:
            return process.stdout.readline()
        return b""

    def logs(self) -> str:
        """What it wrote to its standard error."""
        return self._stderr.read_text("utf-8", "replace")

    def cpu(self) -> float:
        """CPU seconds used so far."""
        return cpu_seconds(self.pid)

    def memory(self) -> int:
        """Resident bytes."""
        return resident_bytes(self.pid)

    def figures(self) -> dict[str, float]:
        """What the server counts itself, and logs at a SIGUSR1; its lag since the last call.
        {} for a server that does not."""
        if not self._reports:
            return {}
        before = self.logs().count("figures {")
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + REPORT_WITHIN
        while time.monotonic() < deadline:
            told = re.findall(r"figures (\{.*?\})\s", self.logs())
            if len(told) > before:
                figures: dict[str, float] = json.loads(told[-1])
                return figures
            time.sleep(0.01)
        return {}


class NetchatServer(ServerProcess):
    """Our own, from this working copy, with its limits for single peers off."""

    def __init__(
        self,
        folder: Path,
        durability: str = "memory",
        *,
        cores: Sequence[int] = (),
        settings: Sequence[str] = (),
        door: DoorName = "native",
    ) -> None:
        command = [
            sys.executable, "-m", "netchat", "serve", "--listen", "127.0.0.1:0",
            "--durability", durability, "--data", str(folder / "data"),
            "--set", "limits.enabled=false", "--web", "127.0.0.1:0" if door == "web" else "off",
        ]  # fmt: skip
        if door == "web":
            self.listens = rb"web=http://(\S+):(\d+)/"
        elif door == "tls":
            self.listens = rb"tls=(\S+):(\d+)"
            certificate, key = self_signed(folder)
            command += ["--tls-listen", "127.0.0.1:0"]
            command += ["--tls-cert", str(certificate), "--tls-key", str(key)]
        for setting in settings:
            command += ["--set", setting]
        super().__init__(command, folder, cores=cores, env=python_environment(folder), reports=True)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate and its key (P-256), made with the openssl command."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-subj", "/CN=localhost", "-days", "2", "-out", str(certificate),
        "-keyout", str(key),
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as exc:
        raise CannotStart(f"TLS needs a certificate, and the openssl command: {exc}") from None
    return certificate, key


def python_environment(folder: Path) -> dict[str, str]:
    """Ours without the user's settings of netchat, which would be measured with it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("NETCHAT_")}
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path, "XDG_CONFIG_HOME": str(folder)}
