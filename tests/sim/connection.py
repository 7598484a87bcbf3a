"""A connection: two pipes, and what becomes of both ends when one of them fails."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Protocol

from .pipe import Line, Pipe
from .sockets import SimSocket

if TYPE_CHECKING:
    from .net import Net


class Watcher(Protocol):
    """Sees the bytes of one connection as the server's calls move them."""

    def heard(self, data: bytes) -> None:
        """The server has read these."""

    def half_closed(self) -> None:
        """The server has read the end of its peer's input."""

    def said(self, data: bytes) -> None:
        """The kernel has taken these from the server."""

    def finished(self) -> None:
        """The server has ended its output in good order."""


class Handler(Protocol):
    """The client's program at its end of a connection."""

    def connected(self) -> None: ...
    def received(self, data: bytes) -> None: ...
    def ended(self) -> None: ...
    def broken(self, why: str) -> None: ...


class Connection:
    """Both ends and both directions."""

    def __init__(self, net: Net, number: int, line: Line, handler: Handler, address: str) -> None:
        self.net = net
        self.number = number
        self.address = address
        self.line = line
        self.link = Link(self, handler)
        self.server = SimSocket(self)
        self.up = Pipe(net, line, 1 << 30, self.at_server)
        self.down = Pipe(net, line, line.send_buffer, self.link.arrived)
        self.watcher: Watcher | None = None
        self.server_gone = self.client_gone = self.silent = False
        self.error = 0
        """What the server's next call on the socket fails with."""

    def at_server(self) -> None:
        """Something has arrived; a machine that knows nothing of the connection says so."""
        if self.server_gone and self.up.arrived and not (self.silent and self.net.is_dark):
            self.reset_client("reset: nobody is there any more")

    def reset_client(self, why: str) -> None:
        """The client is told that it is over; what it has not read yet is gone."""
        if not self.client_gone:
            self.client_gone = self.down.cut = self.up.cut = True
            self.down.arrived.clear()
            self.net.world.trace(f"c{self.number} {why}")
            self.link.handler.broken(why)

    def reset_server(self, code: int = errno.ECONNRESET) -> None:
        """The server is told so at its next call."""
        if not self.server_gone:
            self.error = code
            self.down.cut = self.up.cut = True
            if self.net.random.random() < 0.5:
                self.up.arrived.clear()

    def reset(self) -> None:
        """Something on the way resets the connection."""
        self.net.world.trace(f"c{self.number} reset on the way")
        self.reset_server()
        self.reset_client("reset on the way")

    def abandon(self, silently: bool) -> None:
        """The server's process is gone; its kernel says so, unless it went as well."""
        self.server_gone = True
        self.silent = silently
        if silently:
            self.down.cut = True
            self.down.buffer.clear()
        elif self.up.arrived or self.net.random.random() < 0.5:
            self.down.cut = True
            self.net.world.at(self.net.soon(self.line), lambda: self.reset_client("reset"))
        else:
            self.down.finish()


class Link:
    """The client's end."""

    def __init__(self, connection: Connection, handler: Handler) -> None:
        self.connection = connection
        self.handler = handler
        self.pace: tuple[int, int] | None = None
        """Reads so many bytes every so many ms; None: whatever comes. (0, 0): nothing."""
        self._reading = False

    @property
    def alive(self) -> bool:
        return not self.connection.client_gone

    def write(self, data: bytes) -> None:
        if self.alive:
            self.connection.up.push(data)

    def finish(self) -> None:
        """Half-close."""
        if self.alive:
            self.connection.up.finish()

    def close(self) -> None:
        """Close; a reset where there is something unread."""
        c = self.connection
        if c.client_gone:
            return
        c.client_gone = True
        if c.down.arrived:
            c.net.world.at(c.net.soon(c.line), c.reset_server)
        else:
            c.up.finish()

    def arrived(self) -> None:
        """Something has come, or the end has."""
        c = self.connection
        if c.client_gone:
            if c.down.arrived:
                c.net.world.at(c.net.soon(c.line), c.reset_server)
        elif self.pace is None:
            self._read(1 << 30)
        elif self.pace[0] and not self._reading:
            self._reading = True
            c.net.world.after(self.pace[1], self._paced)

    def _paced(self) -> None:
        self._reading = False
        if self.alive:
            self._read(self.pace[0] if self.pace else 1 << 30)
            if self.alive and self.connection.down.arrived:
                self.arrived()

    def read_again(self) -> None:
        """The pace has changed."""
        if self.alive:
            self.arrived()

    def _read(self, size: int) -> None:
        down = self.connection.down
        data = down.take(size)
        if data:
            self.handler.received(data)
        if self.alive and down.ended and not down.arrived:
            self.handler.ended()
