"""The progress bar: on stderr, where a person is watching, and nowhere else."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 28


class Progress:
    """One line that is drawn over and over. `total` is in the unit of `update`."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._title = ""
        self._seconds = 0.0
        self._began = 0.0

    def begin(self, title: str, seconds: float = 0.0) -> None:
        """Something that takes so many seconds, where that is known."""
        self._title, self._seconds, self._began = title, seconds, time.monotonic()
        self.update(0)

    def update(self, done: int) -> None:
        """So much is done."""
        if not self._live:
            return
        spent = time.monotonic() - self._began
        part = min(1.0, spent / self._seconds) if self._seconds else 0.0
        filled = round(part * WIDTH)
        bar = "#" * filled + "." * (WIDTH - filled) if self._seconds else "." * WIDTH
        self._draw(f"{self._title:<24} [{bar}] {spent:5.1f} s  {done:>12,}")

    def end(self) -> None:
        """Leave no trace."""
        if self._live:
            self._draw("")

    def _draw(self, line: str) -> None:
        self._stream.write(f"\r\x1b[K{line}")
        self._stream.flush()
