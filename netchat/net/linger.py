"""Lingering: after our last byte, read and discard until the peer has finished too.

Closing a socket with unread input makes the kernel send a reset (RFC 1122, 4.2.2.13), and a
reset destroys what the peer has not yet read, such as the error that told it why. nginx's
lingering_close is the precedent, with longer times: it has browsers to please.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

LINGER = 2.0
"""Seconds: several round trips to anywhere."""

LINGER_BYTES = 65_536
"""Input that is discarded at most: one frame of the largest size. Beyond it is a flood."""


class Abortable(Protocol):
    """The transport that is ending."""

    def abort(self, exc: Exception | None = None) -> None:
        """End at once."""


class Linger:
    """The Pollable of a transport's last moments; takes its place in the selector."""

    __slots__ = ("_left", "_recv", "_transport")

    def __init__(self, transport: Abortable, recv: Callable[[int], bytes]) -> None:
        self._transport = transport
        self._recv = recv
        self._left = LINGER_BYTES

    def ready(self, mask: int, now: float) -> None:
        """Discard what came; at the end of input, or of patience, the transport ends."""
        try:
            data = self._recv(LINGER_BYTES)
        except BlockingIOError:
            return
        except OSError as exc:
            self._transport.abort(exc)
            return
        self._left -= len(data)
        if not data or self._left <= 0:
            self._transport.abort()

    def failed(self, exc: Exception) -> None:
        """See Pollable."""
        self._transport.abort(exc)
