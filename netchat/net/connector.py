"""The connector: reaching a listener without waiting for it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from netchat.net.addresses import resolve
from netchat.net.reactor import WRITE, Reactor
from netchat.net.timers import Timer

Connected = Callable[[socket.socket, Any], None]
Failed = Callable[[OSError], None]
Resolve = Callable[[str, int], list[tuple[int, Any]]]
NewSocket = Callable[[int], socket.socket]

UNDER_WAY = frozenset({0, errno.EINPROGRESS, errno.EINTR})


def new_socket(family: int) -> socket.socket:
    """A non-blocking TCP socket with Nagle's algorithm off."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def connect(
    reactor: Reactor,
    host: str,
    port: int,
    on_connected: Connected,
    on_failed: Failed,
    timeout: float,
    *,
    resolve: Resolve = resolve,
    new_socket: NewSocket = new_socket,
) -> Connector:
    """Try every address of `host` in turn, for `timeout` seconds in all.

    Exactly one of `on_connected(sock, peer)` and `on_failed(exc)` is called, later, on the
    loop, unless the returned handle's `cancel` comes first. The socket is non-blocking, with
    Nagle's algorithm off, and the callee's own; `exc` is the last address's error. `resolve`
    and `new_socket` are the network's; `resolve` runs on the loop and may block it.
    """
    return Connector(
        reactor, lambda: resolve(host, port), new_socket, on_connected, on_failed, timeout
    )


class Connector:
    """A Pollable: one attempt to connect. Made by `connect`."""

    def __init__(
        self,
        reactor: Reactor,
        resolve: Callable[[], list[tuple[int, Any]]],
        new_socket: NewSocket,
        on_connected: Connected,
        on_failed: Failed,
        timeout: float,
    ) -> None:
        self._reactor = reactor
        self._resolve = resolve
        self._new_socket = new_socket
        self._on_connected = on_connected
        self._on_failed = on_failed
        self._timeout = timeout
        self._ends_at = 0.0
        self._untried: list[tuple[int, Any]] = []
        self._sock: socket.socket | None = None
        self._peer: Any = None
        self._timer: Timer = reactor.call_later(0.0, self._begin)

    def cancel(self) -> None:
        """Give up; nothing will be called. Does nothing once something was."""
        self._timer.cancel()
        if self._sock is not None:
            self._release(self._sock).close()

    def ready(self, mask: int, now: float) -> None:
        """Phase 2: the present address has answered."""
        sock = self._sock
        if sock is None:  # cancelled earlier in this tick
            return
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._try_next(now, OSError(code, os.strerror(code)))
            return
        if not _is_connected(sock):  # the address before answered, too late in this very tick
            return
        self._timer.cancel()
        self._release(sock)
        try:
            self._on_connected(sock, self._peer)
        except BaseException:
            sock.close()
            raise

    def failed(self, exc: Exception) -> None:
        """`on_connected` raised; its socket is closed."""
        self.cancel()

    def _begin(self, now: float) -> None:
        self._ends_at = now + self._timeout
        try:
            self._untried = self._resolve()
        except OSError as exc:
            self._on_failed(exc)
            return
        self._try_next(now, OSError(errno.EADDRNOTAVAIL, "The host has no address."))

    def _try_next(self, now: float, why: OSError) -> None:
        """Turn to the next address that can be tried at all; `why` the last one failed."""
        self.cancel()
        while self._untried:
            # An equal share of the time left, so one dead address does not eat it all.
            share = (self._ends_at - now) / len(self._untried)
            family, self._peer = self._untried.pop(0)
            try:
                self._start(family)
            except OSError as exc:
                why = exc
                continue
            self._timer = self._reactor.call_later(share, self._late)
            return
        self._on_failed(why)

    def _start(self, family: int) -> None:
        sock = self._new_socket(family)
        code = sock.connect_ex(self._peer)
        if code not in UNDER_WAY:
            sock.close()
            raise OSError(code, os.strerror(code))
        self._reactor.register(sock, WRITE, self)
        self._sock = sock

    def _late(self, now: float) -> None:
        self._try_next(now, TimeoutError(errno.ETIMEDOUT, "No answer in time."))

    def _release(self, sock: socket.socket) -> socket.socket:
        self._reactor.unregister(sock)
        self._sock = None
        return sock


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
