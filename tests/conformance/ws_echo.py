"""A WebSocket server that sends back what it gets, on the listener and sessions of the chat.

    python -m tests.conformance.ws_echo --listen 127.0.0.1:0 [--compression]

It prints its address when it can be reached. For this package's tests, and for any outside suite
that drives a server which echoes.
"""

from __future__ import annotations

import argparse
import signal
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

from websockets.frames import CloseCode, Opcode

from netchat.chat.events import Error
from netchat.chat.now import Now
from netchat.chat.requests import Request
from netchat.config import Config, Limits, Server, Web
from netchat.environment import system
from netchat.errors import BadJson, FatalError
from netchat.net.transport import Transport
from netchat.server import Server as ChatServer
from netchat.sessions.common import Door
from netchat.sessions.door import Received
from netchat.sessions.websocket import WebSocketSession
from netchat.wire.websocket import COMPRESSED_WEBSOCKET, WEBSOCKET, WebSocketServer

MAX_MESSAGE = 64 * 2**20
"""Bytes; the usual suites send up to 16 MiB, in up to 65,536 fragments."""

PATIENT = 86_400.0
"""Seconds: who says nothing is left alone."""


class Echo(Request, tag="echo"):
    """A message that goes back."""

    opcode: Opcode
    payload: bytes


class EchoMachine(WebSocketServer):
    """The chat's machine, but for what it makes of a message."""

    max_fragments: ClassVar[int] = MAX_MESSAGE

    __slots__ = ()

    def read(self, opcode: Opcode, payload: bytes) -> Request:
        if opcode is Opcode.TEXT:
            try:
                payload.decode()
            except UnicodeDecodeError:
                raise self._fail(BadJson, CloseCode.INVALID_DATA) from None
        return Echo(opcode=opcode, payload=payload)


class EchoSession(WebSocketSession, eq=False, gc=False):
    """The chat's session, but for what it does with a message."""

    @classmethod
    def of(cls, door: Door, transport: Transport, machine: WebSocketServer) -> Self:
        echo = EchoMachine(machine.extensions, MAX_MESSAGE)
        return cls(next(door.numbers), door=door, transport=transport, machine=echo)

    def _hand_over(self, request: Received, now: Now) -> None:
        if isinstance(request, Echo):
            wire = COMPRESSED_WEBSOCKET if self.machine.compresses else WEBSOCKET
            self.transport.write(wire.frame(request.payload, request.opcode), True)
        elif isinstance(request, FatalError):  # an echo says nothing of its own
            self.closing = True
            self.hang_up(Error.of(request))
        else:
            super()._hand_over(request, now)


def echo_server(listen: str, *, compression: bool) -> ChatServer:
    """A server that has not been started."""
    config = Config(
        server=Server(listen=["127.0.0.1:0"], durability="memory"),
        web=Web(listen=[listen], compression=compression),
        limits=Limits(enabled=False, login_timeout=PATIENT, heartbeat=PATIENT),
    )
    return ChatServer(config, replace(system(config, Path()), open_admin=lambda: None))


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")
    parser.add_argument("--compression", action="store_true", help="agree on permessage-deflate")
    args = parser.parse_args()
    server = echo_server(args.listen, compression=args.compression)
    server.start()
    server.web.new_session = EchoSession.of
    for signum in (signal.SIGINT, signal.SIGTERM):
        server.reactor.add_signal(signum, server.reactor.stop)
    addresses = [entry for entry in server.addresses if entry.startswith("web=")]
    print(*(entry.removeprefix("web=http://").rstrip("/") for entry in addresses), flush=True)
    server.reactor.run()
    server.close()


if __name__ == "__main__":
    main()
