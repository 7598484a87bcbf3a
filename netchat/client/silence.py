"""Silence: whether the server still lives. Pure.

The server is the one that asks (the protocol, promise 8). A client that has heard nothing at
all for the heartbeat and its grace asks once itself, and then waits for as long again.
"""

from __future__ import annotations

HEARTBEAT = 25.0
"""Seconds of silence after which a server asks, until its `welcome` says otherwise."""

GRACE = 20.0
"""Seconds for an answer: as long as the server waits for ours."""


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
