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

import errno
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from .world import Crash, World

QUANTUM = 10
"""Milliseconds between two instants at which packets arrive. Coarse, so that many do at once."""

ADDRESS = ("10.0.0.1", 7337)

Buffer = bytes | bytearray | memoryview


@dataclass
class Line:
    """What the packets of one connection meet on their way."""

    latency: int
    """A segment takes 1 to so many quanta."""
    segments: tuple[int, ...]
    """Lengths that segments are cut to."""
    partial: float
    """How often a send takes only a part, or nothing."""
    send_buffer: int
    receive_buffer: int
    stalled_until: int = 0
    dead: bool = False
    """Nothing gets through any more, and nobody is told."""
    spared: bool = False
    """Faults pass it by."""


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


class Pipe:
    """One direction of a connection."""

    def __init__(self, net: Net, line: Line, sender: int, arrived: Callable[[], None]) -> None:
        self._net = net
        self._line = line
        self._capacity = sender
        self._notify = arrived
        self._due = False
        self.buffer = bytearray()
        self.arrived = bytearray()
        self.ending = self.ended = self.cut = False

    @property
    def room(self) -> int:
        return max(0, self._capacity - len(self.buffer))

    def push(self, data: Buffer) -> None:
        self.buffer += data
        self.stir()

    def finish(self) -> None:
        self.ending = True
        self.stir()

    def take(self, size: int) -> bytes:
        """Read at most `size` bytes of what has arrived."""
        data = bytes(self.arrived[:size])
        del self.arrived[:size]
        self.stir()
        return data

    def stir(self) -> None:
        """See to it that what can move will."""
        window = self._line.receive_buffer - len(self.arrived)
        if self._due or self.cut or not (self.buffer and window > 0 or self._ends_now()):
            return
        self._due = True
        self._net.world.at(max(self._net.soon(self._line), self._line.stalled_until), self._pump)

    def _ends_now(self) -> bool:
        return self.ending and not self.buffer and not self.ended

    def _pump(self) -> None:
        self._due = False
        if self._line.dead or self.cut:
            return
        if self._net.world.now >= self._line.stalled_until:
            window = self._line.receive_buffer - len(self.arrived)
            size = max(0, min(window, self._net.random.choice(self._line.segments)))
            self.arrived += self.buffer[:size]
            del self.buffer[:size]
            if self._ends_now() and self._net.random.random() < 0.5:
                self.ended = True
            self._notify()
        self.stir()


class Connection:
    """Both ends and both directions."""

    def __init__(
        self, net: Net, number: int, line: Line, handler: Handler, address: str
    ) -> None:
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
        if self.server_gone and self.up.arrived and not (self.silent and self.net.is_down):
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


class SimSocket:
    """The server's end, with the part of `socket.socket` that a transport uses."""

    def __init__(self, connection: Connection) -> None:
        self._c = connection

    def fileno(self) -> int:
        return -1 if self._c.server_gone else 1000 + self._c.number

    def setblocking(self, flag: bool) -> None:
        assert not flag

    def setsockopt(self, *args: Any) -> None:
        """Taken as read."""

    @property
    def readable(self) -> bool:
        return bool(self._c.error or self._c.up.arrived or self._c.up.ended)

    @property
    def writable(self) -> bool:
        return bool(self._c.error or self._c.down.room)

    def recv(self, size: int) -> bytes:
        self._check()
        up = self._c.up
        if not up.arrived:
            if up.ended:
                self._c.net.world.trace(f"c{self._c.number} end of input read")
                if self._c.watcher is not None:
                    self._c.watcher.half_closed()
                return b""
            raise BlockingIOError(errno.EAGAIN, "nothing has arrived")
        data = up.take(size)
        self._c.net.world.trace(f"c{self._c.number} <", data)
        if self._c.watcher is not None:
            self._c.watcher.heard(data)
        return data

    def send(self, data: Buffer) -> int:
        self._check()
        connection, draw = self._c, self._c.net.random
        size = min(len(data), connection.down.room)
        if size and draw.random() < connection.line.partial:
            size = draw.randint(0, size)
        if not size:
            raise BlockingIOError(errno.EAGAIN, "the buffer is full")
        if size < len(data):
            connection.net.world.sometimes["partial send"] += 1
        taken = bytes(data[:size])
        connection.net.world.trace(f"c{connection.number} >", taken)
        if connection.watcher is not None:
            connection.watcher.said(taken)
        if connection.client_gone:
            connection.net.world.at(connection.net.soon(connection.line), connection.reset_server)
        else:
            connection.down.push(taken)
        return size

    def sendmsg(self, buffers: Iterable[Buffer]) -> int:
        return self.send(b"".join(buffers))

    def shutdown(self, how: int) -> None:
        self._check()
        self._c.net.world.trace(f"c{self._c.number} shutdown")
        if self._c.watcher is not None:
            self._c.watcher.finished()
        self._c.down.finish()

    def close(self) -> None:
        if self._c.server_gone:
            return
        self._c.net.world.trace(f"c{self._c.number} closed")
        self._c.server_gone = True
        self._tell_watcher()
        if self._c.up.arrived:
            self._c.down.cut = True
            soon = self._c.net.soon(self._c.line)
            self._c.net.world.at(soon, lambda: self._c.reset_client("reset by the server"))
        else:
            self._c.down.finish()

    def _tell_watcher(self) -> None:
        """After the peer's end, a close is an end in good order; unless the peer has gone as a
        whole, or does not read, and the server has given it up."""
        c = self._c
        given_up = c.error or c.client_gone or not c.down.room
        if c.watcher is not None and c.up.ended and not c.up.arrived and not given_up:
            c.watcher.finished()

    def _check(self) -> None:
        self._c.net.count_down()
        if self._c.server_gone:
            raise OSError(errno.EBADF, "the socket is closed")
        if self._c.error:
            raise OSError(self._c.error, os.strerror(self._c.error))


class SimListener:
    """The server's listening socket."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self.waiting: deque[Connection] = deque()

    def fileno(self) -> int:
        return 999

    def getsockname(self) -> tuple[str, int]:
        return ADDRESS

    @property
    def readable(self) -> bool:
        return bool(self.waiting)

    writable = False

    def accept(self) -> tuple[SimSocket, tuple[str, int]]:
        net = self._net
        if net.random.random() < net.accept_failures:
            code = net.random.choice([errno.EMFILE, errno.ECONNABORTED, errno.EINTR, errno.ENOMEM])
            net.world.trace(f"accept fails with {errno.errorcode[code]}")
            net.world.sometimes["accept failed"] += 1
            raise OSError(code, os.strerror(code))
        if not self.waiting:
            raise BlockingIOError(errno.EAGAIN, "nobody is waiting")
        connection = self.waiting.popleft()
        net.world.trace(f"c{connection.number} accepted")
        connection.watcher = net.watch(connection)
        return connection.server, (connection.address, connection.number)

    def close(self) -> None:
        self._net.listener = None
        for connection in self.waiting:
            connection.abandon(silently=False)


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


class Net:
    """All connections, and the listener that they come to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random: Random = world.random("net")
        self.listener: SimListener | None = None
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

    @property
    def is_down(self) -> bool:
        """Nobody listens; after a power cut, nobody even says so."""
        return self.listener is None

    def listen(self, _host: str, _port: int) -> list[Any]:
        self.listener = SimListener(self)
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
        """The server's process is gone."""
        if self.listener is not None:
            self.listener.close()
        for connection in self.connections:
            if not connection.server_gone:
                connection.abandon(silently)

    def count_down(self) -> None:
        """Called at every call on a socket; may be the process's last."""
        if self.crash_in >= 0:
            self.crash_in -= 1
            if self.crash_in < 0:
                raise Crash

    def forget_finished(self) -> None:
        """Let go of connections that nobody holds any more."""
        self.connections = [c for c in self.connections if not (c.server_gone and c.client_gone)]
