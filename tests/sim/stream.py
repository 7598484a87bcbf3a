"""A stream: what one connection is owed of one room's log, seq by seq."""

from __future__ import annotations

from netchat.chat.events import Gap, Joined, Message
from netchat.chat.requests import Join

from .world import Violation

BACKLOG = 50


class Stream:
    """`next` is the seq that has to come next; 0 where nothing has been asked for yet."""

    def __init__(self, room: str, next: int = 0) -> None:
        self.room = room
        self.next = next
        self.head = 0
        """What `joined` told last."""
        self.joined = False
        self.own = 0
        """The newest seq of the connection's own messages."""
        self._gap: tuple[int, int, str] | None = None
        """A gap that has to be told before anything else."""

    def __repr__(self) -> str:
        return f"<{self.room}: next {self.next}, joined at {self.head}, gap {self._gap}>"

    def on_joined(self, request: Join, event: Joined, epoch: str) -> None:
        """Work out from the request what has to come."""
        self._check("one store has one epoch", event.epoch == epoch, event)
        self._check("head never goes back", event.head >= self.next - 1, event)
        after = request.after
        if after is None:
            backlog = BACKLOG if request.backlog is None else request.backlog
            start = max(event.first, event.head - backlog + 1)
            self.next = min(start, self.next) if self.next else start
        elif after > event.head or (request.epoch is not None and request.epoch != epoch):
            self._gap = (1, after, "epoch_changed") if after else None
            self.next = event.first
        else:
            if after + 1 < event.first:
                self._gap = (after + 1, event.first - 1, "retention")
            self.next = max(after + 1, event.first)
        self.joined = True
        self.head = event.head

    def on_gap(self, event: Gap, epoch: str) -> None:
        self._check("one store has one epoch", event.epoch == epoch, event)
        if self._gap is not None:
            told = (event.start, event.to, event.reason)
            self._check("a gap names what is gone", told == self._gap, event)
            self._gap = None
        else:
            sound = event.reason == "retention" and event.start == self.next <= event.to
            self._check("a gap names what is gone", sound, event)
            self.next = event.to + 1

    def on_message(self, event: Message) -> None:
        self._check("no silent hole", self._gap is None, event)
        self._check("neither hole nor repeat", event.seq == self.next, event)
        self.next += 1

    def _check(self, rule: str, holds: bool, event: object) -> None:
        if not holds:
            raise Violation(rule, f"{self} was told {event}")
