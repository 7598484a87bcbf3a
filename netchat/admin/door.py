"""The door: operators' connections on the server's own loop.

Framed like the native protocol, JSON behind a length. One request at a time is served; a
handler may answer later, and nothing more is read of that connection before it has.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

from msgspec import DecodeError

from netchat.admin import handlers
from netchat.admin.handlers import Call
from netchat.admin.place import AdminSocket, is_trusted
from netchat.admin.requests import AdminReply, Refusal, decode_request, encode
from netchat.chat.hub import Hub
from netchat.chat.now import Now
from netchat.errors import BadRequest, Forbidden, Internal, RefusedError, TooManyConnections
from netchat.net.listener import Listener
from netchat.net.reactor import Reactor
from netchat.net.transport import Transport
from netchat.wire.framing import LengthPrefixed, frame

log = logging.getLogger("netchat.admin")

MAX_FRAME = 1_048_576
"""Bytes of a payload: only the server's own user can send any, and a page of rows fits."""

MAX_OPERATORS = 16
"""Connections at a time: a handful of people and scripts."""


class AdminDoor:
    """Lets operators in."""

    def __init__(
        self,
        reactor: Reactor,
        place: AdminSocket,
        hub: Hub,
        wall: Callable[[], int],
    ) -> None:
        self.hub = hub
        self._reactor = reactor
        self._place = place
        self._wall = wall
        self._listener = Listener(reactor, place.sock, self._accepted)
        self.sessions: set[AdminSession] = set()

    def close(self) -> None:
        """Let nobody in any more, and remove the file."""
        self._listener.close()
        self._place.close()

    @property
    def now(self) -> Now:
        return Now(self._reactor.now, self._wall())

    def _accepted(self, sock: socket.socket, peer: Any) -> None:
        transport = Transport(self._reactor, sock, "admin")
        refusal: RefusedError | None = None
        if not is_trusted(sock):
            refusal = Forbidden("Only the server's own user and root may ask.")
        elif len(self.sessions) >= MAX_OPERATORS:
            refusal = TooManyConnections()
        if refusal is None:
            session = AdminSession(self, transport)
            self.sessions.add(session)
            transport.start(session)
        else:
            transport.write(_reply(_refusal(refusal)))
            transport.close()


class AdminSession:
    """One operator's connection: the transport's protocol."""

    def __init__(self, door: AdminDoor, transport: Transport) -> None:
        self._door = door
        self._transport = transport
        self._framing = LengthPrefixed(MAX_FRAME)
        self._waiting = False
        self._serving = False

    def data_received(self, data: bytes, now: float) -> None:
        """See TransportProtocol."""
        self._framing.receive_data(data)
        self._serve()

    def eof_received(self, now: float) -> None:
        """See TransportProtocol."""
        self._transport.close()

    def connection_lost(self, exc: Exception | None, now: float) -> None:
        """See TransportProtocol."""
        self._door.sessions.discard(self)

    def pause_writing(self) -> None:
        """See TransportProtocol. A reply is one page, so there is nothing to hold back."""

    def resume_writing(self) -> None:
        """See TransportProtocol."""

    def answer(self, reply: AdminReply) -> None:
        """Answer the request that is being served, then go on to the next."""
        self._transport.write(_reply(reply), urgent=True)
        self._waiting = False
        if not self._serving:
            self._transport.resume_reading()
            self._serve()

    def refuse(self, exc: RefusedError) -> None:
        """Answer that it is not done, and why."""
        self.answer(_refusal(exc))

    def _serve(self) -> None:
        self._serving = True
        try:
            while not self._waiting and (payload := self._framing.next_payload()) is not None:
                self._waiting = True
                self._begin(payload)
        except RefusedError as exc:  # no frame can be told from the next any more
            self._transport.write(_reply(_refusal(exc)))
            self._transport.close()
        finally:
            self._serving = False
        if self._waiting:
            self._transport.pause_reading()

    def _begin(self, payload: bytes) -> None:
        call = Call(self._door.hub, self._door.now, self.answer, self.refuse)
        try:
            request = decode_request(payload)
            handlers.HANDLERS[type(request)](call, request)
        except (DecodeError, UnicodeDecodeError) as exc:
            call.refuse(BadRequest(f"The request cannot be understood: {exc}."))
        except RefusedError as exc:
            call.refuse(exc)
        except Exception:  # a bug in a handler ends its request, not the loop
            log.exception("Serving an operator failed.")
            call.refuse(Internal())


def _refusal(exc: RefusedError) -> Refusal:
    return Refusal(code=exc.code, message=exc.message)


def _reply(reply: AdminReply) -> bytes:
    return frame(encode(reply))
