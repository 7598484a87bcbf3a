"""The world: one clock, one queue of what happens next, one seed.

Time is an integer count of milliseconds. It moves only when something happens, and all that
happens at one instant happens before the server looks again: so ticks are busy, which is
where servers go wrong. Randomness is one stream for each purpose, all from the seed, so that
a draw more in one of them does not shift the others.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable
from hashlib import blake2b
from random import Random

START = 1_700_000_000_000
"""The wall clock's first instant, in ms since the Unix epoch."""

DAY = 86_400_000

RECENT = 400
"""Trace lines kept for a failure's report."""

Call = Callable[[], None]


class Violation(BaseException):
    """A promise was broken. Not an Exception, so that nothing on the way can swallow it."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


class Crash(BaseException):
    """The server's process ends here and now."""


class World:
    """Time, what is to happen, and the trace of what has."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now = 0
        self.jump = 0
        """What the wall clock is off by, in ms."""
        self.latest = 0
        """The latest time that the wall clock has shown anybody."""
        self.woken = False
        """Another thread than the loop's has something for it."""
        self.sometimes: Counter[str] = Counter()
        """How often each rare path was walked."""
        self.traced = 0
        """Lines traced so far."""
        self.recent: deque[str] = deque(maxlen=RECENT)
        self._heap: list[tuple[int, int, Call]] = []
        self._serial = 0
        self._digest = blake2b(digest_size=16)

    def random(self, purpose: str) -> Random:
        """The stream of randomness for one purpose."""
        return Random(f"{self.seed}/{purpose}")

    # -- the clock that the server is given ----------------------------------------------------

    def monotonic(self) -> float:
        return self.now / 1000

    def wall(self) -> int:
        wall = START + self.now + self.jump
        self.latest = max(self.latest, wall)
        return wall

    # -- what happens next -----------------------------------------------------------------------

    def at(self, when: int, call: Call) -> None:
        """Have `call` happen at an instant, behind what is to happen then already."""
        self._serial += 1
        heapq.heappush(self._heap, (max(when, self.now), self._serial, call))

    def after(self, delay: int, call: Call) -> None:
        self.at(self.now + delay, call)

    def next_instant(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def run_to(self, when: int) -> None:
        """Let everything happen up to and including this instant."""
        while self._heap and self._heap[0][0] <= when:
            self.now, _, call = heapq.heappop(self._heap)
            call()
        self.now = max(self.now, when)

    # -- the trace -------------------------------------------------------------------------------

    def trace(self, line: str, data: bytes = b"") -> None:
        """Note what happens; two runs of one seed must note the same."""
        line = f"{self.now} {line}"
        self._digest.update(line.encode())
        self._digest.update(data)
        self.traced += 1
        self.recent.append(f"{line} {data[:300]!r}" if data else line)

    def fingerprint(self) -> str:
        """The hash of the whole trace so far."""
        return self._digest.copy().hexdigest()
