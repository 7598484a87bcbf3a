"""Tail: the newest part of a room's log, in RAM and already encoded.

Delivery puts every slice here as it publishes it, the very object that the live members were
handed. A reader that has fallen behind takes the same object from here, so a thousand of them
cost pointers. Below the tail lies the log itself.

All tails share one budget. The room that was used least recently shrinks first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Iterator

from msgspec import Struct

BUDGET = 16 * 2**20
"""Bytes in all tails: 30,000 short messages, which is more than a reader misses in a short
stall. Whoever is further behind is fed from disk, which takes little longer: measured, 100
readers took 100 MB each in 21 s so, and in 13 s with four times as much."""


SLICE_OVERHEAD = 310
MESSAGE_OVERHEAD = 40
"""Bytes counted beside the blobs, for the objects around them: measured as 313 and 37. A slice
for which nobody was live has no blob, and takes memory all the same."""


class Encoded(Struct, frozen=True, gc=False):
    """A slice for one wire: the blob, and the offset at which each message's bytes end."""

    wire: object
    blob: bytes
    ends: tuple[int, ...]


class Slice(Struct, gc=False):
    """Messages `first` to `last` of a room, encoded for each wire that had live members."""

    first: int
    last: int
    encodings: tuple[Encoded, ...] = ()
    size: int = SLICE_OVERHEAD

    def add(self, wire: object, blob: bytes, ends: tuple[int, ...]) -> None:
        """Keep this wire's encoding."""
        self.encodings += (Encoded(wire, blob, ends),)
        self.size += len(blob) + MESSAGE_OVERHEAD * len(ends)

    def cut(self, wire: object, seq: int, last: int) -> bytes | None:
        """The bytes of `seq` to `last`: the shared blob itself where that is all of it."""
        for encoded in self.encodings:
            if encoded.wire is wire:
                if seq == self.first and last >= self.last:
                    return encoded.blob
                start = encoded.ends[seq - self.first - 1] if seq > self.first else 0
                return encoded.blob[start : encoded.ends[min(last, self.last) - self.first]]
        return None


class Tails:
    """The tails of all rooms; rooms are opaque keys here."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._rooms: OrderedDict[object, deque[Slice]] = OrderedDict()
        self.bytes = 0

    def append(self, room: object, part: Slice) -> None:
        """Keep a slice that has just been published; the oldest of others may go for it."""
        slices = self._rooms.get(room)
        if slices is None:
            slices = self._rooms[room] = deque()
        slices.append(part)
        self._rooms.move_to_end(room)
        self.bytes += part.size
        while self.bytes > self._budget:
            self._shrink()

    def _shrink(self) -> None:
        room, slices = next(iter(self._rooms.items()))
        self.bytes -= slices.popleft().size
        if not slices:
            del self._rooms[room]

    def read(
        self, room: object, wire: object, seq: int, last: int, size: int
    ) -> tuple[list[bytes], int] | None:
        """Blobs from `seq` on, whole slices up to about `size` bytes and not beyond `last`.

        Also the seq that follows them. None where the tail does not reach back that far. (A
        slice that ends beyond `last` is cut.)
        """
        slices = self._rooms.get(room)
        if not slices or seq < slices[0].first:
            return None
        self._rooms.move_to_end(room)
        blobs: list[bytes] = []
        taken = 0
        for part in _from(slices, seq):
            if seq > last or (taken and taken + part.size > size):
                break
            blob = part.cut(wire, seq, last)
            if blob is None:
                break
            blobs.append(blob)
            taken += len(blob)
            seq = min(part.last, last) + 1
        return (blobs, seq) if blobs else None


def _from(slices: deque[Slice], seq: int) -> Iterator[Slice]:
    """The slices from the one that holds `seq` on. A tail may have 100,000: few are looked at."""
    start = bisect_left(slices, seq, key=lambda part: part.last)
    return (slices[place] for place in range(start, len(slices)))
