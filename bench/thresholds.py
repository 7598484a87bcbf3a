"""Thresholds: what a run must keep to, as in `p99<50ms`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from bench.stats import RUNGS

_FORM = re.compile(r"\s*([a-z_0-9.]+)\s*(<=|>=|<|>)\s*([0-9.]+)\s*(us|ms|s|%|)\s*")
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}

TIMES = {*(f"p{rung:g}" for rung in RUNGS), "max"}
"""Latencies from when a message was due; they take a unit of time."""

FIGURES = {"delivered", "accepted", "cpu", "cpu_us", "memory"}
"""Deliveries and posts a second, the server's share of a core in percent, its microseconds a
delivery, its resident bytes a connection."""


class Threshold(Struct, frozen=True):
    """`figure` must stand in `relation` to `bound` (times in milliseconds)."""

    text: str
    figure: str
    relation: str
    bound: float

    def holds(self, figures: Mapping[str, float]) -> bool:
        """Whether it is kept. A figure that could not be measured keeps nothing."""
        value = figures.get(self.figure)
        if value is None:
            return False
        return {
            "<": value < self.bound,
            "<=": value <= self.bound,
            ">": value > self.bound,
            ">=": value >= self.bound,
        }[self.relation]


def parse(text: str) -> Threshold:
    """Raises ValueError with a sentence."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a threshold such as p99<50ms or delivered>10000.")
    figure, relation, number, unit = found.groups()
    if figure not in TIMES | FIGURES:
        known = ", ".join(sorted(TIMES | FIGURES))
        raise ValueError(f"{figure!r} is not measured; there are {known}.")
    if (figure in TIMES) != (unit in _MILLISECONDS):
        raise ValueError(f"{text!r}: " + ("give a unit: us, ms or s." if figure in TIMES else
                                          f"{figure} is not a time."))  # fmt: skip
    try:
        bound = float(number)
    except ValueError:
        raise ValueError(f"{number!r} is not a number.") from None
    return Threshold(text.strip(), figure, relation, bound * _MILLISECONDS.get(unit, 1.0))
