"""The native door: length-prefixed JSON over TCP, as the protocol says."""

from __future__ import annotations

from netchat.net.transport import Transport
from netchat.sessions.door import Door, DoorSession
from netchat.wire.base import Wire
from netchat.wire.native import NATIVE, NativeServer


class NativeSession(DoorSession):
    """One native client."""

    __slots__ = ()

    def __init__(self, id: str, door: Door, transport: Transport) -> None:
        super().__init__(id, door, transport, NativeServer())

    @property
    def wire(self) -> Wire:
        return NATIVE
