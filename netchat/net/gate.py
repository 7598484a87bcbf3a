"""The gate: what stands between a listening socket and those who serve whom it lets in.

    Listener --> the proxy's header, from a proxy --> turned_away()? --> TLS --> accepted()

Each stage takes exactly its own bytes from the socket and leaves the rest to the next. The
first looks (MSG_PEEK) before it takes, as a line's end is known only when it has come.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netchat.net.listener import Listener
from netchat.net.proxy import MAX_V2, Proxies, ProxyError, Source, header_length, source
from netchat.net.reactor import READ, Reactor
from netchat.net.timers import Timer

if TYPE_CHECKING:
    import ssl

    from netchat.net.handshake import Handshakes

log = logging.getLogger("netchat.net")

PROXY_TIMEOUT = 2.0
"""Seconds: a proxy has its header ready, and stands near."""

Accepted = Callable[[Any, Any], None]
TurnedAway = Callable[[Any, Any], bool]


class Gate:
    """One for all listeners. Where there are no proxies and no TLS it is not in the way."""

    def __init__(
        self,
        reactor: Reactor,
        proxies: Proxies | None,
        context: ssl.SSLContext | None,
        is_committing: Callable[[], bool] = lambda: False,
    ) -> None:
        self.handshakes: Handshakes | None = None
        self._reactor = reactor
        self._proxies = proxies
        self._arriving: dict[Arrival, None] = {}
        if context is not None:
            from netchat.net.handshake import Handshakes

            self.handshakes = Handshakes(reactor, context, is_committing)
            reactor.collect.append(self.handshakes.advance)

    def listen(
        self,
        sock: socket.socket,
        accepted: Accepted,
        not_tls: bytes | None,
        turned_away: TurnedAway = lambda sock, peer: False,
    ) -> Listener:
        """Begin to accept. `not_tls`: TLS is spoken here, and who does not is told this.
        `turned_away` may take a newcomer over before anything is done for it."""
        welcome = accepted
        if not_tls is not None:
            welcome = self._shake_hands(accepted, not_tls, lambda: listener)

        def admit(sock: Any, peer: Any) -> None:
            if not turned_away(sock, peer):
                welcome(sock, peer)

        arrived = admit if self._proxies is None else self._ask_proxies(self._proxies, admit)
        listener = Listener(self._reactor, sock, arrived)
        return listener

    def close(self) -> None:
        """Give up whatever is under way."""
        for arrival in list(self._arriving):
            arrival.cancel()
        if self.handshakes is not None:
            self.handshakes.cancel()

    def figures(self) -> dict[str, float]:
        """Counters for the operator, of what there is here."""
        if self.handshakes is None:
            return {}
        return {"handshakes": self.handshakes.done, "failed_handshakes": self.handshakes.failed}

    def _shake_hands(
        self, accepted: Accepted, not_tls: bytes, listener: Callable[[], Listener]
    ) -> Accepted:
        handshakes = self.handshakes
        assert handshakes is not None, "TLS without a certificate"

        def admit(sock: Any, peer: Any) -> None:
            handshakes.begin(sock, peer, accepted=accepted, not_tls=not_tls, listener=listener())

        return admit

    def _ask_proxies(self, proxies: Proxies, admit: Accepted) -> Accepted:
        def arrived(sock: Any, peer: Any) -> None:
            if peer[0] in proxies:
                arrival = Arrival(self._reactor, sock, peer, admit, self._left)
                self._arriving[arrival] = None
            else:
                admit(sock, peer)

        return arrived

    def _left(self, arrival: Arrival) -> None:
        del self._arriving[arrival]


class Arrival:
    """A Pollable: a connection from a proxy, of which the header is awaited. `over` is called
    when it has come, or will not."""

    __slots__ = (
        "_accepted", "_data", "_deadline", "_over", "_peer", "_reactor", "_sock", "_waiting",
    )  # fmt: skip

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        peer: Any,
        accepted: Accepted,
        over: Callable[[Arrival], None],
    ) -> None:
        self._reactor = reactor
        self._sock = sock
        self._peer = peer
        self._accepted = accepted
        self._over = over
        self._data = b""
        self._waiting = True
        self._deadline: Timer = reactor.call_later(PROXY_TIMEOUT, self._late)
        reactor.register(sock, READ, self)

    def ready(self, mask: int, now: float) -> None:
        """Phase 2. It may be over since select has told of it."""
        if not self._waiting:
            return
        try:
            if not self._read():
                return
            named = source(self._data)
        except BlockingIOError:
            return
        except (OSError, ProxyError) as exc:
            self._refuse(exc)
            return
        self._admit(named or self._peer[:2])

    def failed(self, exc: Exception) -> None:
        """See Pollable. Whoever was to serve it failed; its socket is closed."""

    def cancel(self) -> None:
        """Give up."""
        self._release()
        self._sock.close()

    def _read(self) -> bool:
        """Take what belongs to the header; whether it is whole."""
        seen = self._sock.recv(MAX_V2, socket.MSG_PEEK)
        if not seen:
            raise ConnectionResetError("it left")
        held = len(self._data)
        length = header_length(self._data + seen)
        wanted = len(seen) if length is None else min(len(seen), length - held)
        self._data += self._sock.recv(wanted)
        return len(self._data) == length

    def _admit(self, peer: Source) -> None:
        self._release()
        try:
            self._accepted(self._sock, peer)
        except BaseException:
            self._sock.close()
            raise

    def _late(self, now: float) -> None:
        self._refuse(TimeoutError("None came in time."))

    def _refuse(self, exc: Exception) -> None:
        self.cancel()
        log.warning("No PROXY header from %s: %s", self._peer[0], exc)

    def _release(self) -> None:
        self._waiting = False
        self._deadline.cancel()
        self._reactor.unregister(self._sock)
        self._over(self)
