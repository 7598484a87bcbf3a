"""The server's sockets: the part of `socket.socket` that a transport and a listener use."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .pipe import Buffer

if TYPE_CHECKING:
    from .connection import Connection
    from .net import Net

ADDRESS = ("10.0.0.1", 7337)


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
