"""Tail: the newest part of a room's log, in RAM and already encoded.

Delivery puts every slice here as it publishes it, the very object that the live members were
handed. A reader that has fallen behind takes the same object from here, so a thousand of them
cost pointers. Below the tail lies the log itself.

All tails share one budget. The room that was used least recently shrinks first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence

from msgspec import Struct

BUDGET = 16 * 2**20
"""Bytes in all tails: 30,000 short messages, which is more than a reader misses in a short
stall. Whoever is further behind is fed from disk, which takes little longer: measured, 100
readers took 100 MB each in 21 s so, and in 13 s with four times as much."""


SLICE_OVERHEAD = 300
"""Bytes counted for a slice beside its blob, for the objects around it: measured as 121 for one of
one message, and 249 with the ends of two and more, each of which takes 4."""


class Slice(Struct, frozen=True, gc=False):
    """Messages `first` to `last` of a room, encoded for one wire. `ends` are the offsets behind
    each of them but the last."""

    first: int
    last: int
    blob: bytes
    ends: Sequence[int] = ()

    @property
    def size(self) -> int:
        """Bytes that it takes, objects and all."""
        return SLICE_OVERHEAD + len(self.blob)

    def cut(self, seq: int, last: int) -> bytes:
        """The bytes of `seq` to `last`: the shared blob itself where that is all of it."""
        if seq == self.first and last >= self.last:
            return self.blob
        start = self.ends[seq - self.first - 1] if seq > self.first else 0
        end = self.ends[last - self.first] if last < self.last else None
        return self.blob[start:end]


class Tails:
    """The tails of all rooms, a wire at a time; rooms and wires are opaque here."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._tails: OrderedDict[tuple[object, object], deque[Slice]] = OrderedDict()
        self.bytes = 0

    def append(self, room: object, wire: object, part: Slice) -> None:
        """Keep a slice that has just been published; the oldest of others may go for it."""
        key = room, wire
        slices = self._tails.get(key)
        if slices is None:
            slices = self._tails[key] = deque()
        slices.append(part)
        self._tails.move_to_end(key)
        self.bytes += SLICE_OVERHEAD + len(part.blob)  # its size, without the call: the hot path
        while self.bytes > self._budget:
            oldest = next(iter(self._tails))
            slices = self._tails[oldest]
            self.bytes -= SLICE_OVERHEAD + len(slices.popleft().blob)
            if not slices:
                del self._tails[oldest]

    def read(
        self, room: object, wire: object, seq: int, last: int, size: int
    ) -> tuple[list[bytes], int] | None:
        """Blobs from `seq` on, whole slices up to about `size` bytes and not beyond `last`.

        Also the seq that follows them. None where the tail does not reach back that far, or has
        a hole there, as nobody was live. (A slice that ends beyond `last` is cut.)
        """
        slices = self._tails.get((room, wire))
        if not slices or seq < slices[0].first:
            return None
        self._tails.move_to_end((room, wire))
        blobs: list[bytes] = []
        taken = 0
        for part in _from(slices, seq):
            if part.first > seq or seq > last or (taken and taken + part.size > size):
                break
            blob = part.cut(seq, last)
            blobs.append(blob)
            taken += len(blob)
            seq = min(part.last, last) + 1
        return (blobs, seq) if blobs else None


def _from(slices: deque[Slice], seq: int) -> Iterator[Slice]:
    """The slices from the one that holds `seq` on. A tail may have 100,000: few are looked at."""
    start = bisect_left(slices, seq, key=lambda part: part.last)
    return (slices[place] for place in range(start, len(slices)))
