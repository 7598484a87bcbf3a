"""The listener: a listening socket that hands out accepted ones.

accept() fails in three ways, told apart by errno:

    nobody there      the backlog is empty: done for this tick
    that one died     the connection broke while it waited, or the network is at fault
                      (accept(2) lists the codes); the next one may be well: go on
    anything else     no descriptors or memory left, as a rule. The socket stays readable all
                      the while, so staying registered would spin: leave the selector, come
                      back 100 ms later

With no descriptors left, clients would hang in the backlog. One descriptor is held in reserve:
it is closed, one client is accepted on its number and closed at once (it sees an end and can
try elsewhere), and the reserve is taken again. Once a wake-up, or that would spin instead.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable
from typing import Any, cast

from netchat.net.addresses import format_address, resolve
from netchat.net.reactor import READ, Reactor
from netchat.net.timers import Timer

log = logging.getLogger("netchat.net")

BACKLOG = 4_096
"""Connections that may wait to be accepted: Linux's own ceiling (net.core.somaxconn)."""

ACCEPT_BUDGET, ACCEPTING = 128, 0.002
"""Accepts a tick, as Tornado, and seconds for it (see `Reactor.until`): a crowd at the door does
not stop the chat inside."""

SEND_BUFFER = 65_536
"""SO_SNDBUF asked for; Linux doubles it. Left alone, a stuck reader pins megabytes."""

UNSENT = 16_384
"""TCP_NOTSENT_LOWAT: the kernel takes no more once it holds this much that the peer's window
has no room for. A reader that is quick may still have all of SEND_BUFFER under way; one that is
stuck pins a quarter of it."""

PAUSE = 0.1
"""Seconds away from the selector when accept() cannot work."""

LOG_EVERY = 1.0
"""Seconds between two lines about it."""

BROKEN_ONE = frozenset({
    errno.ECONNABORTED, errno.ECONNRESET, errno.EINTR, errno.EPERM, errno.EPROTO,
    errno.ENETDOWN, errno.ENOPROTOOPT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH,
    errno.EOPNOTSUPP, errno.ETIMEDOUT,
})  # fmt: skip
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
NO_SUCH_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


def open_listener(
    host: str, port: int, backlog: int = BACKLOG, *, patience: float = 0.0
) -> list[socket.socket]:
    """Listening sockets, one for each address that `host` stands for ("": everywhere).

    `patience`: seconds after which the kernel gives up on bytes that a peer does not take
    (RFC 5482; 0: its own quarter of an hour).

    Port 0 is the system's choice, the same for all. An address family that this machine
    lacks is passed over, unless there is no other. Raises OSError; nothing is left open then.
    """
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    with contextlib.ExitStack() as undo:
        for family, address in resolve(host, port, passive=True):
            try:
                sock = _listen(family, (address[0], port, *address[2:]), backlog, patience)
            except OSError as exc:
                if exc.errno not in NO_SUCH_FAMILY:
                    raise
                missing = exc
                continue
            undo.callback(sock.close)
            sockets.append(sock)
            port = sock.getsockname()[1]
        if not sockets and missing is not None:
            raise missing
        undo.pop_all()
    return sockets


class Listening(socket.socket):
    """Accepts bare sockets: the C type, which has all that a transport uses, without the layer of
    Python around it (`with`, `makefile`). That layer is most of what an accept costs."""

    __slots__ = ("_is_of",)

    def __init__(self, family: int) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._is_of = family, socket.SOCK_STREAM, self.proto

    def accept(self) -> tuple[socket.socket, Any]:
        """See `socket.accept`."""
        fd, address = self._accept()  # type: ignore[attr-defined]  # what `socket.accept` calls
        return cast(socket.socket, socket.SocketType(*self._is_of, fd)), address


def _listen(family: int, address: Any, backlog: int, patience: float) -> socket.socket:
    sock = Listening(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _prepare_accepted(sock, patience)
        sock.setblocking(False)
        sock.bind(address)
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    return sock


def _prepare_accepted(sock: socket.socket, patience: float) -> None:
    """Nagle's algorithm off, a bounded send buffer: what a listening socket is set to, it hands
    on to those that it accepts, so this takes no call a connection."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(patience * 1e3))


class Listener:
    """A Pollable around one listening socket; begins to accept at once.

    `accepted(sock, peer)` gets non-blocking sockets; they are its own from then on.
    """

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        accepted: Callable[[socket.socket, Any], None],
        *,
        budget: int = ACCEPT_BUDGET,
    ) -> None:
        self._reactor = reactor
        self._sock = sock
        self._accepted = accepted
        self._budget = budget
        self._paused: Timer | None = None
        self._held = False
        self._closed = False
        self._log_at = reactor.now
        self._reserve: int | None = _take_reserve()
        reactor.register(sock, READ, self)

    @property
    def address(self) -> str:
        """Where it listens: "host:port" or "[v6]:port"."""
        return format_address(self._sock.getsockname())

    def close(self) -> None:
        """Accept no more. Again: does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._paused is not None:
            self._paused.cancel()
        elif not self._held:
            self._reactor.unregister(self._sock)
        self._sock.close()
        self._free_reserve()

    def hold(self) -> None:
        """Leave newcomers to the kernel's backlog until `release`."""
        if not (self._held or self._closed):
            self._held = True
            if self._paused is None:
                self._reactor.unregister(self._sock)

    def release(self) -> None:
        """Accept again."""
        if self._held and not self._closed:
            self._held = False
            if self._paused is None:
                self._reactor.register(self._sock, READ, self)

    def ready(self, mask: int, now: float) -> None:
        """Phase 2: accept what waits, up to the budget."""
        until = self._reactor.until(ACCEPTING)
        for _ in range(self._budget):
            if self._closed or self._held or self._reactor.elapsed() >= until:
                return
            try:
                sock, peer = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as exc:
                if exc.errno in BROKEN_ONE:
                    continue
                self._pause(exc, now)
                return
            self._hand_out(sock, peer)

    def failed(self, exc: Exception) -> None:
        """`accepted` raised. That one is closed; the next ones are welcome all the same."""

    def _hand_out(self, sock: socket.socket, peer: Any) -> None:
        try:
            sock.setblocking(False)
        except OSError:  # gone already
            sock.close()
            return
        try:
            self._accepted(sock, peer)
        except BaseException:
            sock.close()
            raise

    def _pause(self, exc: OSError, now: float) -> None:
        if now >= self._log_at:
            self._log_at = now + LOG_EVERY
            log.error("Cannot accept connections: %s", exc)
        if exc.errno in NO_DESCRIPTORS:
            self._shed_one()
        self._reactor.unregister(self._sock)
        self._paused = self._reactor.call_later(PAUSE, self._resume)

    def _shed_one(self) -> None:
        self._free_reserve()
        with contextlib.suppress(OSError):
            self._sock.accept()[0].close()
        self._reserve = _take_reserve()

    def _resume(self, now: float) -> None:
        self._paused = None
        if self._reserve is None:
            self._reserve = _take_reserve()
        if not self._held:
            self._reactor.register(self._sock, READ, self)

    def _free_reserve(self) -> None:
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None


def _take_reserve() -> int | None:
    with contextlib.suppress(OSError):
        return os.open(os.devnull, os.O_RDONLY)
    return None
