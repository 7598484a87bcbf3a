"""Back-off: how long to wait before the next try to connect.

Full jitter: a crowd that lost its server at one instant comes back spread out, not in waves
(AWS Architecture Blog, "Exponential Backoff And Jitter").
"""

from __future__ import annotations

from typing import Protocol

FIRST = 0.5
"""Seconds: at most this before the first retry. A restarting server is back by then."""

LONGEST = 30.0
"""Seconds: half of the time for which a dropped connection's name is held."""


class Random(Protocol):
    """The part of `random.Random` that the client uses."""

    def uniform(self, a: float, b: float) -> float:
        """A number between the two."""

    def getrandbits(self, k: int) -> int:
        """A number of so many random bits."""


class Backoff:
    """The pauses of one client."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ceiling = FIRST

    def next(self, floor: float = 0.0) -> float:
        """Seconds to wait now: the server's `floor`, and a random time on top."""
        ceiling, self._ceiling = self._ceiling, min(LONGEST, self._ceiling * 2)
        return max(0.0, floor) + self._random.uniform(0.0, ceiling)

    def reset(self) -> None:
        """It worked: begin from the shortest again."""
        self._ceiling = FIRST
