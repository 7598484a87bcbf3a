"""Time as an argument: read once a tick by the reactor, passed down to whoever needs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Now(NamedTuple):
    """`monotonic` in seconds for deadlines, `wall` in ms since the Unix epoch for stamps."""

    monotonic: float
    wall: int


Later = Callable[[float, Callable[[float], None]], object]
"""Arranges a call after a number of seconds; the call is given the time it is made at."""
