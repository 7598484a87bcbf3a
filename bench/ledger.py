"""The ledger of a room: what every member must get, byte for byte. Pure.

Theory of operation. All members of a room are sent the same frames in the same order. So the
first member to receive a message decodes it, checks its seq and its id, and adds the frame to
the ledger's stream; for every other member the check is one comparison of whatever piece of
the stream it got against the ledger's, however many messages that is. Loss, repetition and
disorder cannot pass it, and it costs a memcmp.

A member whose bytes differ is audited from then on (see `audit`): each of its messages is
decoded, and judged by seq.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

from bench.text import times
from netchat.chat.events import Message


class Ledger:
    """One room's log of this round. Offsets count from the start of the connection's life."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.members = 0
        self.stream = bytearray()
        self.base = 0
        """The offset at which `stream` begins; what lies before it has been forgotten."""
        self.next_seq = 0
        self.alien = 0
        """Messages in the log that nobody here posted, or that stand in it twice."""
        self._outstanding: dict[str, None] = {}
        self._first_seq = 0
        self._ends: array[int] = array("Q")
        self._due: array[int] = array("Q")
        self._sent: array[int] = array("Q")

    @property
    def end(self) -> int:
        """The offset behind the last frame."""
        return self.base + len(self.stream)

    def begin(self, head: int) -> bool:
        """A member has joined and says which seq is the newest; whether all agree on it."""
        if not self.next_seq:
            self._first_seq = self.next_seq = head + 1
        return head + 1 == self.next_seq

    def post(self, id: str) -> None:
        """A message of this id is on its way to the server."""
        self._outstanding[id] = None

    def refuse(self, id: str) -> None:
        """It will not come."""
        self._outstanding.pop(id, None)

    def extend(self, message: Message, frame: bytes) -> bool:
        """Add the next message of the log. False where it is not the next."""
        if message.seq != self.next_seq:
            return False
        try:
            due, sent = times(message.text)
        except ValueError:
            due = sent = 0
        if message.id in self._outstanding:
            del self._outstanding[message.id]
        else:
            self.alien += 1
        self.next_seq += 1
        self.stream += frame
        self._ends.append(self.end)
        self._due.append(due)
        self._sent.append(sent)
        return True

    def count(self, at: int) -> int:
        """How many messages of this round end at or before an offset."""
        return bisect_right(self._ends, at)

    def seq_at(self, at: int) -> int:
        """The seq of the message that comes next at an offset."""
        return self._first_seq + self.count(at)

    def frame_start(self, at: int) -> int:
        """The offset at which the frame around `at` begins."""
        whole = self.count(at)
        return self._ends[whole - 1] if whole else self.base

    def frame(self, seq: int) -> bytes | None:
        """The frame of a message of this round."""
        index = seq - self._first_seq
        if not 0 <= index < len(self._ends):
            return None
        start = self._ends[index - 1] if index else self.base
        return bytes(self.stream[start - self.base : self._ends[index] - self.base])

    def times_between(self, start: int, end: int) -> tuple[array[int], array[int]]:
        """(due, sent) of the messages that end behind `start`, and at or before `end`."""
        first, last = self.count(start), self.count(end)
        return self._due[first:last], self._sent[first:last]

    def new_round(self) -> None:
        """Forget the messages so far. Every member's place has been moved to `end` before."""
        self.base = self.end
        self.alien = 0
        self.stream.clear()
        self._outstanding.clear()
        self._first_seq = self.next_seq
        for column in (self._ends, self._due, self._sent):
            del column[:]
