"""A relay that is not to be trusted: `python -m bench.relay HOST PORT KIND EVERY`.

It stands between the harness and a server that keeps its word, and plants a fault in every
so-manieth message (see `faults`).
"""

from __future__ import annotations

import json
import selectors
import signal
import socket
import sys
from typing import Any, cast

from bench.faults import FaultyStream, Kind, Planter
from netchat.net.clock import SystemClock
from netchat.net.connector import connect
from netchat.net.listener import Listener, open_listener
from netchat.net.reactor import Reactor
from netchat.net.rlimit import raise_file_limit
from netchat.net.transport import Transport

CONNECT_TIMEOUT = 5.0


class _End:
    """One side of a relayed connection: passes on to the other what it gets."""

    def __init__(self, own: Transport, stream: FaultyStream | None) -> None:
        self.own = own
        self.other: _End | None = None
        self._stream = stream
        self._early: list[bytes] = []

    def join(self, other: _End) -> None:
        """The other side is there."""
        self.other = other
        for data in self._early:
            other.own.write(data)
        self._early.clear()

    def data_received(self, data: bytes, now: float) -> None:
        if self._stream is not None:
            data = self._stream.pass_on(data)
        if self.other is None:
            self._early.append(data)
        elif data:
            self.other.own.write(data)

    def eof_received(self, now: float) -> None:
        self.own.abort()

    def connection_lost(self, exc: Exception | None, now: float) -> None:
        if self.other is not None:
            self.other.own.abort()

    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Relay:
    """All relayed connections."""

    def __init__(self, reactor: Reactor, server: tuple[str, int], planter: Planter) -> None:
        self._reactor = reactor
        self._server = server
        self._planter = planter

    def accept(self, sock: socket.socket, peer: Any) -> None:
        """A client has come: connect to the server on its behalf."""
        client = _End(Transport(self._reactor, sock, peer), None)
        client.own.start(client)

        def connected(sock: socket.socket, peer: Any) -> None:
            server = _End(Transport(self._reactor, sock, peer), FaultyStream(self._planter))
            client.join(server)
            server.join(client)
            server.own.start(server)

        def failed(_exc: OSError) -> None:
            client.own.abort()

        connect(self._reactor, *self._server, connected, failed, CONNECT_TIMEOUT)

    def report(self) -> None:
        """Say how many faults have been planted."""
        figures = {"seen": self._planter.seen, "planted": self._planter.planted}
        print("figures", json.dumps(figures), file=sys.stderr, flush=True)


def main() -> int:
    """Relay until it is told to stop."""
    host, port, kind, every = sys.argv[1:]
    raise_file_limit()
    reactor = Reactor(selectors.DefaultSelector(), SystemClock())
    relay = Relay(reactor, (host, int(port)), Planter(cast(Kind, kind), int(every)))
    listeners = [Listener(reactor, sock, relay.accept) for sock in open_listener("127.0.0.1", 0)]
    reactor.add_signal(signal.SIGUSR1, relay.report)
    reactor.add_signal(signal.SIGTERM, reactor.stop)
    print("relay ready", *(f"native={each.address}" for each in listeners), flush=True)
    reactor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
