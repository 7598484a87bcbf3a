"""Retention: an oracle for what may be gone, from the operator's limits and what was told.

It knows two things by other ways than the server does: what is on the disk, and how the limits
read. So a `gap` or a `first` is held against both: nothing is called gone that is still there,
and nothing is gone that was to be kept. (That a hole is never silent is the stream's to see.)
"""

from __future__ import annotations

from collections.abc import Callable

from .world import Violation, World

Span = tuple[int, int]
"""A room's oldest seq on the disk and its head; head + 1 and head where nothing is left."""


class Retention:
    """`keep` messages a room, for `keep_ms`; 0 for no limit. `span` looks at the disk now."""

    def __init__(self, world: World, keep: int, keep_ms: int, span: Callable[[str], Span]) -> None:
        self.span = span
        self._world = world
        self._keep = keep
        self._keep_ms = keep_ms

    def is_gone(self, room: str, seq: int) -> bool:
        """Whether a message that once was in the log is no longer."""
        return seq < self.span(room)[0]

    def check_gone(self, room: str, seq: int, posted: int | None) -> None:
        """Somebody was told that `seq`, `posted` at this time as far as anybody knows, is gone."""
        first, head = self.span(room)
        if seq >= first:
            raise Violation("a gap names what is gone", f"{room} {seq} is there, from {first} on")
        self.check_may_go(room, seq, posted, head)

    def check_may_go(self, room: str, seq: int, posted: int | None, head: int) -> None:
        """Only what is too old or too many may be gone."""
        surplus = self._keep and seq <= head - self._keep
        old = self._keep_ms and (posted is None or posted < self._world.latest - self._keep_ms)
        if not (surplus or old):
            raise Violation("retention takes what it may", f"{room} {seq} of {head} had to be kept")

    def is_overdue(self, room: str, oldest: int | None, slack: int) -> bool:
        """Whether a room still holds what should be gone; `slack` in ms. `oldest` is the time of
        its oldest message, as far as anybody knows."""
        first, head = self.span(room)
        too_many = self._keep and head - first + 1 > self._keep
        due = self._world.wall() - self._keep_ms - slack
        return bool(too_many or (self._keep_ms and oldest is not None and oldest < due))
