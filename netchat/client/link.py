"""The link: one connection to the server, from the first attempt to its end."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from netchat.net import connector
from netchat.net.addresses import is_this_machine
from netchat.net.reactor import Reactor
from netchat.net.transport import Transport

if TYPE_CHECKING:
    import ssl

    from netchat.net.handshake import Handshake

CONNECT_TIMEOUT = 10.0
"""Seconds for all addresses of a host: a lost SYN is sent again after 1, 3 and 7 seconds."""


class Owner(Protocol):
    """Who is told what happens to a link; `lost` comes once or never, and last."""

    def connected(self, link: Link, now: float) -> None:
        """The connection stands."""

    def received(self, link: Link, data: bytes, now: float) -> None:
        """Some bytes came."""

    def lost(self, link: Link, why: str, now: float, code: str | None = None) -> None:
        """The connection is over, or never was; `certificate`: we do not trust who is there."""


class Place(NamedTuple):
    """Where a server is; with a `context`, TLS is spoken there."""

    host: str
    port: int
    context: ssl.SSLContext | None

    def __str__(self) -> str:
        """What an outbox belongs to: a token that came over TLS never leaves without it."""
        return f"{'netchats://' if self.context else ''}{self.host}:{self.port}"

    @property
    def is_overheard(self) -> bool:
        """Whether a network on the way can read along."""
        return self.context is None and not is_this_machine(self.host)


class Link:
    """A TransportProtocol. `paused`: nothing is read at the moment."""

    def __init__(self, owner: Owner, reactor: Reactor, place: Place) -> None:
        self.paused = False
        self._owner = owner
        self._reactor = reactor
        self._place = place
        self._transport: Transport | None = None
        self._handshake: Handshake | None = None
        self._connector = connector.connect(
            reactor, place.host, place.port, self._connected, self._failed, CONNECT_TIMEOUT
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
        if self._handshake is not None:
            self._handshake.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _connected(self, sock: socket.socket, peer: Any) -> None:
        place = self._place
        if place.context is None:
            self._start(sock)
            return
        from netchat.net.handshake import Handshake

        host = place.host or "localhost"
        self._handshake = Handshake(
            self._reactor, sock, place.context, self._start, self._failed, host=host
        )

    def _start(self, sock: Any) -> None:
        self._handshake = None
        self._transport = Transport(self._reactor, sock, self._place.host)
        self._transport.start(self)
        self._owner.connected(self, self._reactor.now)

    def _failed(self, exc: OSError) -> None:
        # What only an ssl.SSLCertVerificationError has; the module is not loaded for a question.
        verdict = getattr(exc, "verify_message", None)
        code = "certificate" if verdict else None
        self._owner.lost(self, _sentence(exc), self._reactor.now, code)

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
    if verdict := getattr(exc, "verify_message", None):
        return f"The server's certificate is not to be trusted: {str(verdict).rstrip('.')}."
    if reason := getattr(exc, "reason", None):  # an ssl.SSLError's, in capitals
        return f"TLS failed: {str(reason).replace('_', ' ').lower()}"
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return str(exc or "the connection was closed")
