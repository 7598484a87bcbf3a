"""The native door: length-prefixed JSON over TCP, as the protocol says."""

from __future__ import annotations

from typing import ClassVar, Self

from netchat.net.transport import Transport
from netchat.sessions.common import Door
from netchat.sessions.door import DoorSession
from netchat.wire.base import Wire
from netchat.wire.native import NATIVE, NativeServer


class NativeSession(DoorSession, eq=False, gc=False):
    """One native client."""

    wire: ClassVar[Wire] = NATIVE
    kind = "native"

    @classmethod
    def of(cls, door: Door, transport: Transport) -> Self:
        """The session of a client that has come."""
        return cls(next(door.numbers), door=door, transport=transport, machine=NativeServer())
