"""The readers as a child process: started, told to go on, ended."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

from bench.crew import GeneratorFailed
from bench.machine import pin
from bench.orders import Attend, CaughtUp, GoOn, decode_attended, decode_caught_up, encode
from bench.serverprocess import python_environment

LOOK_EVERY = 0.25
"""Seconds between two looks at something else while waiting."""


class ReadersProcess:
    """The process of `readers`. Use as a context: entering brings them in."""

    def __init__(self, attend: Attend, folder: Path, cores: list[int]) -> None:
        self._attend = attend
        self._folder = folder
        self._cores = cores
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.readers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=python_environment(self._folder),
            start_new_session=True,
        )
        if self._cores:
            pin(self._process.pid, self._cores)
        joined = decode_attended(self._ask(encode(self._attend))).joined
        if joined < self._attend.count:
            self.__exit__()
            raise GeneratorFailed(f"Only {joined:,} readers of {self._attend.count:,} came in.")
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def go_on(self, messages: int, meanwhile: Callable[[], None]) -> CaughtUp:
        """Let them read on; so many messages is what each should have had."""
        return decode_caught_up(self._ask(encode(GoOn(messages=messages)), meanwhile))

    def _ask(self, order: bytes, meanwhile: Callable[[], None] = lambda: None) -> bytes:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.write(order + b"\n")
        process.stdin.flush()
        while not select.select([process.stdout], [], [], LOOK_EVERY)[0]:
            meanwhile()
        line = process.stdout.readline()
        if not line:
            raise GeneratorFailed("The readers have ended.")
        return line
