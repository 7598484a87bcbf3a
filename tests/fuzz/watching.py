"""A target whose time and memory are watched. What was seen stands in a file, as the process that
fuzzes ends without a last word.

An input that takes longer than any before is taken again, a few times, as the machine may have
stalled, or a collection come; its time is the best. That of HANG or more breaks the target. So
does memory that grows: looked at ten times or more, after a collection.
"""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

HANG = 0.1
"""Seconds that one input may take."""

AGAIN = 3
"""Times that a slow input is taken again; then its seconds of CPU count."""

EVERY = 10_000
"""Runs between two looks at the memory, or a tenth of all, if that is less."""

GROWTH = 64 * 2**20
"""Bytes by which the process may grow after its first look; libFuzzer's corpus is in it."""


class Figures(NamedTuple):
    """Seconds of the longest input; bytes more than at the first look."""

    longest: float
    grown: int

    @classmethod
    def read(cls, path: Path) -> Self:
        """What stands in the file; nothing, if the process did not come so far."""
        if not path.exists():
            return cls(0.0, 0)
        longest, grown = path.read_text().split()
        return cls(float(longest), int(grown))


class Watched:
    """Takes inputs for a target. `runs` is how many there will be."""

    def __init__(self, one: Callable[[bytes], None], path: Path, runs: int) -> None:
        self._one = one
        self._path = path
        self._every = max(1, min(EVERY, runs // 10))
        self._runs = 0
        self._first = 0
        self._grown = 0
        self._longest = 0.0

    def __call__(self, data: bytes) -> None:
        started = time.perf_counter()
        self._one(data)
        taken = time.perf_counter() - started
        if taken > self._longest:
            self._look_at_time(data, taken)
        self._runs += 1
        if self._runs % self._every == 0:
            self._look_at_memory()

    def _look_at_time(self, data: bytes, taken: float) -> None:
        taken = min(taken, *(self._time(data) for _ in range(AGAIN)))
        if taken > self._longest:
            self._longest = taken
            self._write()
        assert taken < HANG, f"an input takes {taken:.3f} s"

    def _time(self, data: bytes) -> float:
        started = time.process_time()
        self._one(data)
        return time.process_time() - started

    def _look_at_memory(self) -> None:
        gc.collect()
        resident = _resident()
        self._first = self._first or resident
        self._grown = resident - self._first
        self._write()
        assert self._grown < GROWTH, f"{self._grown} bytes more are held"

    def _write(self) -> None:
        self._path.write_text(f"{self._longest} {self._grown}")


def _resident() -> int:
    """Bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
