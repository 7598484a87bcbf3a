"""What every wire can do, whichever format it speaks."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

from netchat.chat.events import Event, Message


class Wire(Protocol):
    """A stateless encoder of events for one format; one object a format, equal to itself only.

    Being stateless is what lets the same bytes object go to every member of a room.
    """

    def encode(self, event: Event) -> bytes:
        """One event, ready for the transport."""

    def encode_slice(self, messages: Sequence[Message]) -> tuple[bytes, Sequence[int]]:
        """A stretch of a room's log as one blob, and the offset behind each message but the last:
        a stretch of one, and most are, has none. Kept for long, so four bytes each."""


def join(frames: Sequence[bytes]) -> tuple[bytes, Sequence[int]]:
    """What `encode_slice` gives, of the messages' own bytes."""
    if len(frames) == 1:
        return frames[0], ()
    return b"".join(frames), array("I", accumulate(map(len, frames[:-1])))
