"""One target under atheris, in a process of its own: `python -m tests.fuzz.guided TARGET ...`.

The further arguments are libFuzzer's. Beside a crash, two things end the run: an input that
takes longer than HANG, and memory that grows.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import atheris

HANG = 0.1
"""Seconds of CPU that one input may take, in the best of three: the rest is the machine's."""

EVERY = 10_000
"""Runs between two looks at the memory."""

GROWTH = 256 * 2**20
"""Bytes by which the process may grow after its first look; libFuzzer's corpus is in it."""


class Watched:
    """A target whose time and memory are watched."""

    def __init__(self, name: str) -> None:
        from tests.fuzz.targets import TARGETS

        self._one = TARGETS[name]()
        self._runs = 0
        self._first = 0

    def __call__(self, data: bytes) -> None:
        started = time.perf_counter()
        self._one(data)
        if time.perf_counter() - started > HANG:
            taken = min(self._time(data) for _ in range(3))
            assert taken < HANG, f"an input takes {taken:.3f} s"
        self._runs += 1
        if self._runs % EVERY == 0:
            self._look_at_memory()

    def _time(self, data: bytes) -> float:
        started = time.process_time()
        self._one(data)
        return time.process_time() - started

    def _look_at_memory(self) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        resident = pages * resource.getpagesize()
        self._first = self._first or resident
        assert resident - self._first < GROWTH, f"{resident - self._first} bytes more are held"


def main() -> None:
    name, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=["netchat"]):
        watched = Watched(name)
    # A merge starts further processes, by the first argument and through a shell.
    atheris.Setup([f"{sys.executable} -m tests.fuzz.guided {name}", *arguments], watched)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
