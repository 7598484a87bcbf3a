"""The two processes of an attack: a server with every door open, and the attackers."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from bench.crew import GeneratorFailed
from bench.machine import pin
from bench.orders import Assault, Assaulted, decode_assaulted, encode
from bench.serverprocess import CannotStart, ServerProcess, python_environment, self_signed

FEW = 320
"""The file limit of the server that has to run out: 256 connections, as it spares 64, and half
of them for each address."""


class AttackedServer(ServerProcess):
    """Ours, with its limits on. `doors`: where each is. With `few_files` the native one alone."""

    def __init__(
        self, folder: Path, durability: str, *, cores: Sequence[int], few_files: bool = False
    ) -> None:
        self.doors: Mapping[str, tuple[str, int]] = {}
        command = [
            sys.executable, "-m", "netchat", "serve", "--listen", "127.0.0.1:0",
            "--durability", durability, "--data", str(folder / "data"),
            # Else the thirty that may register in ten minutes are soon there, and nobody else
            # has his password hashed.
            "--set", "accounts.registrations=1000000",
        ]  # fmt: skip
        if few_files:
            command = ["prlimit", f"--nofile={FEW}:{FEW}", *command, "--web", "off"]
        else:
            certificate, key = self_signed(folder)
            command += ["--web", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"]
            command += ["--tls-cert", str(certificate), "--tls-key", str(key)]
        super().__init__(command, folder, cores=cores, env=python_environment(folder), reports=True)

    def await_address(self) -> tuple[str, int]:
        """See ServerProcess; of all doors."""
        line = self.ready_line()
        doors: dict[str, tuple[str, int]] = {}
        for found in re.finditer(rb"(native|tls|web)=(?:http://)?([\d.]+):(\d+)", line):
            doors[found[1].decode()] = (found[2].decode(), int(found[3]))
        if not doors:
            raise CannotStart(f"The server did not start: {self.logs().strip() or 'no word'}")
        native = doors["native"]
        self.doors = doors | {"few files": native}
        return native


class AttackersProcess:
    """The process of `attackers`. Use as a context: entering makes it ready."""

    def __init__(self, order: Assault, folder: Path, cores: Sequence[int]) -> None:
        self._order = order
        self._folder = folder
        self._cores = list(cores)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "bench.attackers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=python_environment(self._folder),
            start_new_session=True,
        )
        if self._cores:
            pin(process.pid, self._cores)
        self._tell(encode(self._order))
        self._hear()
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def go(self) -> None:
        """Let them attack."""
        self._tell(b"go")

    def report(self) -> Assaulted:
        """Wait until they are through; then their process is gone."""
        line = self._hear()
        self.__exit__()
        return decode_assaulted(line)

    def _tell(self, line: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    def _hear(self) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise GeneratorFailed("The attackers have ended.")
        return line
