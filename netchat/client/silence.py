"""Silence: whether the server still lives. Pure.

The server is the one that asks (the protocol, promise 8). A client that has heard nothing at
all for the heartbeat and its grace asks once itself, and then waits for as long again. A
goodbye has a time of its own.
"""

from __future__ import annotations

HEARTBEAT = 25.0
"""Seconds of silence after which a server asks, until its `welcome` says otherwise."""

GRACE = 20.0
"""Seconds for an answer: as long as the server waits for ours."""

BYE_PATIENCE = 10.0
"""Seconds that a goodbye may take: what was sent before it is answered first."""


class Silence:
    """Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self.heartbeat = HEARTBEAT
        self._heard_at = now
        self._asked_at: float | None = None

    @property
    def until(self) -> float:
        """When the silence has lasted too long."""
        if self._asked_at is not None:
            return self._asked_at + GRACE
        return self._heard_at + self.heartbeat + GRACE

    @property
    def asked(self) -> bool:
        """Whether a question is out."""
        return self._asked_at is not None

    def ask(self, now: float) -> None:
        """A ping is being sent."""
        self._asked_at = now

    def heard(self, now: float) -> None:
        """Any byte will do."""
        self._heard_at = now
        self._asked_at = None


class Goodbye:
    """`until`: when it is to have been answered, in monotonic seconds."""

    def __init__(self) -> None:
        self.until = 0.0

    def is_late(self, now: float) -> bool:
        """Patience begins with the first call: whoever says goodbye need not know the time."""
        if not self.until:
            self.until = now + BYE_PATIENCE
        return now >= self.until
