"""The link: one connection to the server, from the first attempt to its end."""

from __future__ import annotations

import socket
from typing import Any, Protocol

from netchat.net import connector
from netchat.net.reactor import Reactor
from netchat.net.transport import Transport

CONNECT_TIMEOUT = 10.0
"""Seconds for all addresses of a host: a lost SYN is sent again after 1, 3 and 7 seconds."""


class Owner(Protocol):
    """Who is told what happens to a link; `lost` comes once or never, and last."""

    def connected(self, link: Link, now: float) -> None:
        """The connection stands."""

    def received(self, link: Link, data: bytes, now: float) -> None:
        """Some bytes came."""

    def lost(self, link: Link, why: str, now: float) -> None:
        """The connection is over, or never was."""


class Link:
    """A TransportProtocol. `paused`: nothing is read at the moment."""

    def __init__(self, owner: Owner, reactor: Reactor, host: str, port: int) -> None:
        self.paused = False
        self._owner = owner
        self._reactor = reactor
        self._transport: Transport | None = None
        self._connector = connector.connect(
            reactor, host, port, self._connected, self._failed, CONNECT_TIMEOUT
        )

    def write(self, data: bytes) -> None:
        """Queue bytes; without a connection they go nowhere."""
        if self._transport is not None:
            self._transport.write(data, urgent=True)

    def pause(self) -> None:
        """Read nothing more until `resume`."""
        if self._transport is not None and not self.paused:
            self.paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and self.paused:
            self.paused = False
            self._transport.resume_reading()

    def drop(self) -> None:
        """Let go, whatever there is of a connection. The next tick closes it."""
        self._connector.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _connected(self, sock: socket.socket, peer: Any) -> None:
        self._transport = Transport(self._reactor, sock, peer)
        self._transport.start(self)
        self._owner.connected(self, self._reactor.now)

    def _failed(self, exc: OSError) -> None:
        self._owner.lost(self, _sentence(exc), self._reactor.now)

    def data_received(self, data: bytes, now: float) -> None:
        """See TransportProtocol."""
        self._owner.received(self, data, now)

    def eof_received(self, now: float) -> None:
        """See TransportProtocol."""
        self._owner.lost(self, "the server closed the connection", now)

    def connection_lost(self, exc: Exception | None, now: float) -> None:
        """See TransportProtocol."""
        self._owner.lost(self, _sentence(exc), now)

    def pause_writing(self) -> None:
        """The outbox's window bounds what is queued; there is nothing to hold back."""

    def resume_writing(self) -> None:
        """See pause_writing."""


def _sentence(exc: Exception | None) -> str:
    """What the system says, without its number."""
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return str(exc or "the connection was closed")
