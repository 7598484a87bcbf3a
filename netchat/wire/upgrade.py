"""The handshake by which an HTTP request becomes a WebSocket (RFC 6455, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from netchat.wire.http import HttpError, HttpRequest
from netchat.wire.websocket import LOG, WINDOW_BITS, ZLIB, WebSocketServer

_NETCHAT = Subprotocol("netchat.v1")
_OFFER = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    client_max_window_bits=WINDOW_BITS,
    compress_settings=ZLIB,
)


class Handshake(NamedTuple):
    """An accepted upgrade: the bytes that say so, and the machine for what follows."""

    answer: bytes
    machine: WebSocketServer


def shake_hands(request: HttpRequest, *, compression: bool = False) -> Handshake:
    """Accept an upgrade to WebSocket. Raises HttpError for one that breaks RFC 6455, section 4.

    Whether its origin may come in is not looked at here.
    """
    protocol = _Accepting(extensions=[_OFFER] if compression else None, logger=LOG)
    protocol.parser.close()  # it knows its protocol: a cycle, and of no use here
    response = protocol.accept(
        Request(request.target, Headers(request.headers), request.method, f"HTTP/{request.version}")
    )
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        extra = [(name, value) for name, value in response.headers.raw_items() if name == "Allow"]
        if response.status_code == HTTPStatus.UPGRADE_REQUIRED:
            extra += [("Upgrade", "websocket"), ("Connection", "Upgrade")]
        raise HttpError(response.status_code, "This is not a WebSocket upgrade.", extra)
    return Handshake(response.serialize(), WebSocketServer(protocol.extensions))


class _Accepting(ServerProtocol):
    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """Ours, where it is offered."""
        return _NETCHAT if _NETCHAT in subprotocols else None
