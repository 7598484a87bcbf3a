"""A command in a pseudo-terminal, and the screen that a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

PATIENCE = 20.0
"""Seconds that anything on a screen may take: far longer than it does."""


class Terminal:
    """Runs `command`; `screen` shows what it has written. Leave with `close`."""

    def __init__(
        self, command: Sequence[str], folder: Path, env: Mapping[str, str], columns: int, rows: int
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**env, "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def shows(self, text: str) -> bool:
        """Whether this stands on the screen."""
        return text in self.text

    def type(self, line: str) -> None:
        """Type a line, and Return."""
        os.write(self._master, line.encode() + b"\n")

    def read(self, seconds: float) -> None:
        """Take over what is written next, if that is within so many seconds."""
        if select.select([self._master], [], [], seconds)[0]:
            try:
                self._stream.feed(os.read(self._master, 65_536))
            except OSError:  # Linux's way to say that nobody is there any more
                time.sleep(seconds)

    def read_for(self, seconds: float) -> None:
        """Take over everything that is written within so many seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.read(left)

    def send_signal(self, signum: signal.Signals) -> None:
        """Send the command a signal."""
        os.killpg(self._process.pid, signum)

    def close(self) -> None:
        """End the command, whatever it is doing."""
        if self._process.poll() is None:
            self.send_signal(signal.SIGKILL)
        self._process.wait()
        os.close(self._master)


def wait_until(condition: Callable[[], bool], terminals: Sequence[Terminal]) -> None:
    """Watch all screens until it is so. Raises TimeoutError with what they show."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("\n----\n".join(terminal.text for terminal in terminals))
        for terminal in terminals:
            terminal.read(0.02)
