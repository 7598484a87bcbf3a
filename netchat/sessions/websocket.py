"""The WebSocket door: the native vocabulary in text messages, as browsers speak it."""

from __future__ import annotations

from typing import ClassVar

from netchat.chat.events import Event
from netchat.chat.now import Now
from netchat.net.transport import Transport
from netchat.sessions.common import Door
from netchat.sessions.door import DoorSession, Received
from netchat.wire.base import Wire
from netchat.wire.websocket import (
    COMPRESSED_WEBSOCKET,
    PING_FRAME,
    WEBSOCKET,
    Control,
    WebSocketServer,
    close_frame,
)


class WebSocketSession(DoorSession, kw_only=True, eq=False, gc=False):
    """One peer behind an accepted upgrade."""

    wire: ClassVar[Wire] = WEBSOCKET
    kind = "websocket"

    machine: WebSocketServer

    def _hand_over(self, request: Received, now: Now) -> None:
        if not isinstance(request, Control):
            super()._hand_over(request, now)
            return
        if request.answer:
            self.transport.write(request.answer, True)
        if request.closes:
            self.closing = True
            self.transport.close()

    def hang_up(self, last: Event | None) -> None:
        self.transport.write(close_frame(last, self.machine.close_code), True)
        self.transport.close()

    def ask(self) -> None:
        self.transport.write(PING_FRAME, True)


class CompressedSession(WebSocketSession, eq=False, gc=False):
    """One that has agreed on compression."""

    wire: ClassVar[Wire] = COMPRESSED_WEBSOCKET


def new_session(door: Door, transport: Transport, machine: WebSocketServer) -> WebSocketSession:
    """A session for a peer that has been upgraded."""
    kind = CompressedSession if machine.compresses else WebSocketSession
    return kind(next(door.numbers), door=door, transport=transport, machine=machine)
