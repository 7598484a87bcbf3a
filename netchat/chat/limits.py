"""Limits on how fast a peer may go, as pure arithmetic on the time it is given.

A rate limit first delays, by leaving the connection unread, so that order holds and a burst
costs its sender a little waiting and nothing else. Who keeps it up longer than `patience` is
refused, with the time after which it is worth trying again.
"""

from __future__ import annotations

ROUNDING = 1e-6
"""Tokens that floats may lose. Who waits for so little would wait no time, again and again."""


class TokenBucket:
    """Holds up to `burst` tokens and gains `rate` a second. It may be overdrawn."""

    __slots__ = ("burst", "filled_at", "rate", "tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self.filled_at = now

    def wait(self, now: float) -> float:
        """Seconds until the next token may be taken; 0 where that is now."""
        gained = (now - self.filled_at) * self.rate
        self.tokens = min(self.burst, self.tokens + gained)
        self.filled_at = now
        missing = 1 - self.tokens
        return missing / self.rate if missing > ROUNDING else 0.0

    def take(self) -> None:
        """Take a token after `wait` said 0. Before that: the next one waits the longer."""
        self.tokens -= 1


class Throttle:
    """One connection's pace: how long its next request waits, and when it is refused.

    `patience` is how many seconds in a row a connection is merely delayed.
    """

    __slots__ = ("_bucket", "_patience", "_strained_since")

    def __init__(self, rate: float, burst: float, patience: float, now: float) -> None:
        self._bucket = TokenBucket(rate, burst, now)
        self._patience = patience
        self._strained_since: float | None = None

    def delay(self, now: float) -> float:
        """Seconds that the next request must wait; 0 where it may be served."""
        wait = self._bucket.wait(now)
        if wait == 0 and self._bucket.tokens >= self._bucket.burst / 2:
            self._strained_since = None
        elif wait > 0 and self._strained_since is None:
            self._strained_since = now
        return wait

    def is_out_of_patience(self, now: float) -> bool:
        """Whether the delayed request is refused instead."""
        since = self._strained_since
        return since is not None and now - since >= self._patience

    def take(self) -> None:
        """A request was served."""
        self._bucket.take()

    def retry_after(self, now: float) -> float:
        """Seconds after which the connection has calmed down, if it stays away meanwhile."""
        missing = self._bucket.burst / 2 - self._bucket.tokens
        return max(missing, 1.0) / self._bucket.rate


class Census:
    """Connections by address, to bound what one address may hold open."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self.total = 0

    def __getitem__(self, address: str) -> int:
        return self._counts.get(address, 0)

    def enter(self, address: str) -> None:
        """One connection more."""
        self.total += 1
        self._counts[address] = self[address] + 1

    def leave(self, address: str) -> None:
        """One connection less; an address without any takes no memory."""
        self.total -= 1
        count = self[address] - 1
        if count > 0:
            self._counts[address] = count
        else:
            self._counts.pop(address, None)
