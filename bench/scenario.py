"""What is played: a scenario is who is there, a round is what they do. Plain data.

Both travel to the generators as JSON, and stand in the results.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Stage = Literal["connect", "hello", "join"]
DoorName = Literal["native", "tls", "web"]


class Scenario(Struct, frozen=True, kw_only=True):
    """A crowd. `publishers`: how many of the clients post, 0 for all of them."""

    clients: int = 500
    rooms: int = 5
    publishers: int = 0
    size: int = 64
    stage: Stage = "join"
    connecting: int = 256
    """Connections under way at once: enough to keep a server busy, far below its backlog."""
    dialect: str = "netchat"
    door: DoorName = "native"

    @property
    def posting(self) -> int:
        """How many clients post, and at least one a room."""
        return min(self.clients, max(self.publishers or self.clients, self.rooms))

    def share(self, generator: int, generators: int) -> list[int]:
        """The rooms of one generator. A room lives in one, so that its checks are exact."""
        return list(range(generator, self.rooms, generators))

    def members(self, room: int) -> int:
        """How many clients a room has; they differ by one at most."""
        return _part(self.clients, room, self.rooms)

    def publishers_of(self, room: int) -> int:
        """How many of a room's members post."""
        return min(self.members(room), _part(self.posting, room, self.rooms))

    def fan_out(self, rate: float) -> float:
        """Deliveries a second that so many messages a second make."""
        return rate * self.clients / self.rooms


class Round(Struct, frozen=True, kw_only=True):
    """A stretch of load.

    With `rate` (messages a second) it is open: messages leave on a schedule, whatever the
    server does. With `window` it is closed: so many messages are outstanding at any time, one
    that has reached all members making way for the next.
    """

    seconds: float
    rate: float = 0.0
    window: int = 0
    samples: int = 20_000
    """Latencies kept a second, about, of each generator: a tenth of what its loop can do."""


def _part(total: int, index: int, parts: int) -> int:
    """The size of one of nearly equal parts of a total."""
    return total // parts + (index < total % parts)
