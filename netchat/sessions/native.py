"""The native door: length-prefixed JSON over TCP, as the protocol says."""

from __future__ import annotations

from typing import ClassVar

from netchat.net.transport import Transport
from netchat.sessions.common import Door
from netchat.sessions.door import DoorSession
from netchat.wire.base import Wire
from netchat.wire.native import NATIVE, NativeServer


class NativeSession(DoorSession):
    """One native client."""

    wire: ClassVar[Wire] = NATIVE
    kind = "native"

    __slots__ = ()

    def __init__(self, door: Door, transport: Transport) -> None:
        super().__init__(door, transport, NativeServer())
