"""Results: what a round came to, and a whole run, as they are shown and kept. Plain data."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
from msgspec import Struct, field

from bench.crowd import Tally
from bench.scenario import Round, Scenario
from bench.stats import Ladder, Spread, spread_or_none


class Joining(Struct, kw_only=True):
    """How a crowd came in. `cpu_us` and `memory` (bytes) are the server's, a connection."""

    joined: int
    failed: int
    seconds: float
    cpu_us: float | None = None
    memory: float | None = None
    why: dict[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Connections a second, each up to its last greeting."""
        return self.joined / self.seconds if self.seconds else 0.0


class RoundResult(Struct, kw_only=True):
    """One round. Rates are a second of its whole length, draining included.

    `latency` counts from when a message was due, `service` from when it was sent, `lateness`
    is what lies between. `generator_*`: the busiest generator. `invalid`: why the figures
    are the generator's rather than the server's; empty when they are not.
    """

    round: Round
    tally: Tally
    seconds: float
    latency: Ladder
    service: Ladder
    lateness: Ladder
    samples: int
    generator_cpu: float
    generator_lag_ms: float
    server_cpu: float | None = None
    server_lag: dict[str, float] = field(default_factory=dict)
    memory: int | None = None
    invalid: list[str] = field(default_factory=list)

    @property
    def accepted_rate(self) -> float:
        """Messages a second."""
        return self.tally.accepted / self.seconds

    @property
    def delivered_rate(self) -> float:
        """Deliveries a second."""
        return self.tally.delivered / self.seconds

    @property
    def cpu_us(self) -> float | None:
        """The server's CPU time for one delivery, in microseconds."""
        if self.server_cpu is None or not self.tally.delivered:
            return None
        return self.server_cpu * 1e6 / self.tally.delivered

    @property
    def cpu_share(self) -> float | None:
        """The server's share of one core, in percent."""
        return None if self.server_cpu is None else self.server_cpu * 100 / self.seconds


class RunResult(Struct, kw_only=True, tag="run"):
    """A crowd and its rounds, warm-up left out."""

    environment: dict[str, str | int]
    server: str
    durability: str
    scenario: Scenario
    joining: Joining
    rounds: list[RoundResult]

    @property
    def tally(self) -> Tally:
        """All rounds' together."""
        total = Tally()
        for each in self.rounds:
            total.add(each.tally)
        return total

    @property
    def invalid(self) -> list[str]:
        """Why the run does not count; empty when it does."""
        return list(dict.fromkeys(reason for each in self.rounds for reason in each.invalid))

    def figures(self) -> dict[str, Spread]:
        """Every figure that was measured, over the rounds."""
        rows: dict[str, list[float | None]] = {
            "accepted": [each.accepted_rate for each in self.rounds],
            "delivered": [each.delivered_rate for each in self.rounds],
            "cpu": [each.cpu_share for each in self.rounds],
            "cpu_us": [each.cpu_us for each in self.rounds],
            "memory": [self.joining.memory],
        }
        for rung in {rung: None for each in self.rounds for rung in each.latency}:
            rows[rung] = [each.latency.get(rung) for each in self.rounds]
        spreads = {name: spread_or_none(values) for name, values in rows.items()}
        return {name: spread for name, spread in spreads.items() if spread is not None}


def save(result: Struct, folder: Path, name: str) -> Path:
    """Write a result as JSON, under a name with the time in it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1))
    return path
