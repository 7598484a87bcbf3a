"""The audit: what exactly is wrong with a member's messages, judged one by one. Pure.

An altered message is none: the true one counts as lost unless it comes, too.
"""

from __future__ import annotations

from bench.doors import Door
from bench.ledger import Ledger
from netchat.chat.events import Message
from netchat.wire.messages import decode_event

FURTHEST = 1_000_000
"""A seq further ahead than this is nonsense, not a loss to be remembered seq by seq."""


class Audit:
    """One member's, from the first message on that was not what the ledger says.

    `distinct` counts different messages. A hole is `missing` until it is filled: late, which
    is out of order, or never, which is a loss.
    """

    def __init__(self, ledger: Ledger, at: int, door: Door) -> None:
        self.distinct = ledger.count(at)
        self.doubled = 0
        self.reordered = 0
        self.altered = 0
        self._ledger = ledger
        self._door = door
        self._expected = ledger.seq_at(at)
        self._missing: set[int] = set()

    def take(self, message: Message) -> None:
        """Judge the next message."""
        seq = message.seq
        if seq > self._expected + FURTHEST or self._is_altered(message):
            self.altered += 1
            return
        if seq >= self._expected:
            self._missing.update(range(self._expected, seq))
            self._expected = seq + 1
            self.distinct += 1
        elif seq in self._missing:
            self._missing.remove(seq)
            self.reordered += 1
            self.distinct += 1
        else:
            self.doubled += 1

    def new_round(self) -> None:
        """What has not come by now is lost and counted; begin anew behind it."""
        self.distinct = self.doubled = self.reordered = self.altered = 0
        self._missing.clear()
        self._expected = max(self._expected, self._ledger.next_seq)

    def _is_altered(self, message: Message) -> bool:
        frame = self._ledger.frame(message.seq)
        if frame is None or (place := self._door.cut(frame, 0)) is None:
            return False
        return decode_event(frame[place[0] :]) != message
