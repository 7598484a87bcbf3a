"""The cases of a comparison, and what one measurement of one comes to. Plain data."""

from __future__ import annotations

from msgspec import Struct

from bench.results import Joining
from bench.scenario import Round, Scenario


class Case(Struct, frozen=True, kw_only=True):
    """A crowd and its load; without a load, the coming in of the crowd is what is measured."""

    name: str
    title: str
    scenario: Scenario
    window: int = 0

    def round(self, seconds: float) -> Round:
        """The load for so long."""
        return Round(seconds=seconds, window=self.window)


def _one_room(clients: int, publishers: int) -> Scenario:
    return Scenario(clients=clients, rooms=1, publishers=publishers)


CASES = (
    Case(
        name="one-100",
        title="room of 100, one message outstanding",
        scenario=_one_room(100, 1),
        window=1,
    ),
    Case(
        name="one-1000",
        title="room of 1,000, one message outstanding",
        scenario=_one_room(1_000, 1),
        window=1,
    ),
    Case(
        name="one-10000",
        title="room of 10,000, one message outstanding",
        scenario=_one_room(10_000, 1),
        window=1,
    ),
    Case(
        name="many-100",
        title="room of 100, 16 publishers, 64 outstanding",
        scenario=_one_room(100, 16),
        window=64,
    ),
    Case(
        name="many-1000",
        title="room of 1,000, 16 publishers, 64 outstanding",
        scenario=_one_room(1_000, 16),
        window=64,
    ),
    Case(
        name="many-10000",
        title="room of 10,000, 16 publishers, 64 outstanding",
        scenario=_one_room(10_000, 16),
        window=64,
    ),
    Case(
        name="window-1000",
        title="room of 1,000, one publisher, 256 outstanding",
        scenario=_one_room(1_000, 1),
        window=256,
    ),
    Case(
        name="rooms-of-4",
        title="250 rooms of 4, 64 outstanding in all",
        scenario=Scenario(clients=1_000, rooms=250),
        window=64,
    ),
    Case(
        name="joining",
        title="10,000 clients come in and join one room",
        scenario=_one_room(10_000, 1),
    ),
)


class Measurement(Struct, kw_only=True):
    """One peer in one case, once. `undelivered`: what did not arrive, of what was owed."""

    peer: str
    case: str
    joining: Joining
    cpu_us: float | None = None
    delivered_rate: float | None = None
    p99: float | None = None
    undelivered: int = 0
    failure: str = ""
