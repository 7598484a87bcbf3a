"""The network: TCP as a server meets it, without a kernel.

What TCP promises holds: bytes of one direction keep their order, none is lost inside of a
connection. What it does not promise is drawn: how bytes are cut and joined on their way, how
long each piece takes, how much a send accepts, when a peer stalls, vanishes or resets. What
the sender's kernel holds counts against its buffer until it has arrived, and it arrives only
where the receiver's buffer has room: so a reader that stops fills its writer up.

    server                                                   client
    SimSocket --down: buffer --pump--> arrived --------------> Link
    SimSocket <-------------- arrived <--pump-- buffer :up --- Link
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from .connection import Connection, Handler, Link, Watcher
from .pipe import Line
from .sockets import SimListener, SimSocket
from .world import Crash, World

QUANTUM = 10
"""Milliseconds between two instants at which packets arrive. Coarse, so that many do at once."""


class Net:
    """All connections, and the listener that they come to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random: Random = world.random("net")
        self.listener: SimListener | None = None
        self.is_dark = False
        """The power is cut: the machine does not even say that nobody listens."""
        self.connections: list[Connection] = []
        self._made = 0
        self.accept_failures = 0.0
        self.crash_in = -1
        """The server's process ends after so many more calls on sockets; -1: it does not."""
        self.watch: Callable[[Connection], Watcher | None] = lambda _: None

    def soon(self, line: Line) -> int:
        """When a packet that leaves now arrives."""
        quanta = self.random.randint(1, line.latency)
        return (self.world.now // QUANTUM + quanta) * QUANTUM

    def listen(self, _host: str, _port: int) -> list[Any]:
        self.listener, self.is_dark = SimListener(self), False
        for connection in self.connections:
            self.world.at(self.soon(connection.line), connection.at_server)
        return [self.listener]

    def connect(self, line: Line, handler: Handler, address: str) -> Link:
        """Begin to connect; the handler is told how it went."""
        self._made += 1
        connection = Connection(self, self._made, line, handler, address)
        self.connections.append(connection)
        self.world.at(self.soon(line), lambda: self._arrive(connection))
        return connection.link

    def _arrive(self, connection: Connection) -> None:
        if connection.client_gone:
            return
        if self.listener is None:
            connection.server_gone = True
            connection.reset_client("refused")
            return
        self.listener.waiting.append(connection)
        self.world.trace(f"c{connection.number} arrives")
        connection.link.handler.connected()

    def kill_server(self, silently: bool) -> None:
        """The server's process is gone, or the whole machine."""
        self.is_dark = silently
        if self.listener is not None:
            self.listener.close()
        for connection in self.connections:
            if not connection.server_gone:
                connection.abandon(silently)

    def server_ends(self) -> dict[int, SimSocket]:
        """The server's sockets, by descriptor."""
        ends = (connection.server for connection in self.connections)
        return {sock.fileno(): sock for sock in ends}

    def count_down(self) -> None:
        """Called at every call on a socket; may be the process's last."""
        if self.crash_in >= 0:
            self.crash_in -= 1
            if self.crash_in < 0:
                raise Crash

    def forget_finished(self) -> None:
        """Let go of connections that nobody holds any more."""
        self.connections = [c for c in self.connections if not (c.server_gone and c.client_gone)]
