"""The source: lines of text from a descriptor, whatever stands behind it. Never blocks long.

A terminal, a pipe or a socket is watched by the reactor. A regular file or /dev/null is not for
watching (epoll refuses it with EPERM), but a read of it never waits: a timer reads it, a slice a
tick. Nothing more is read before all lines of the last slice have been taken, so a long file
costs no memory.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from typing import Protocol

from netchat.client.lines import Lines
from netchat.net.reactor import READ, Reactor
from netchat.net.timers import Timer

SLICE = 65_536
"""Bytes a read: what a pipe holds."""


class Cutter(Protocol):
    """Makes lines of bytes. `ended`: nothing that follows counts."""

    ended: bool

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete with these bytes."""

    def rest(self) -> list[str]:
        """At the end: what else counts as a line."""


class Source:
    """Lines without their ends, as `cutter` makes them."""

    def __init__(self, reactor: Reactor, fd: int, cutter: Cutter | None = None) -> None:
        self._reactor = reactor
        self._fd = fd
        self._cutter = cutter or Lines()
        self._lines: deque[str] = deque()
        self._eof = False
        self._reading = False
        self._timer: Timer | None = None
        self._resume()

    @property
    def ended(self) -> bool:
        """Whether all lines have been taken, and there will be no more."""
        return self._eof and not self._lines

    @property
    def waiting(self) -> bool:
        """Whether there are lines to be taken at once."""
        return bool(self._lines)

    def take(self, limit: int) -> list[str]:
        """The next lines, as many as there are up to a limit."""
        lines = [self._lines.popleft() for _ in range(min(limit, len(self._lines)))]
        if not self._lines:
            self._resume()
        return lines

    def close(self) -> None:
        """Read nothing more."""
        self._pause()

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            if self._timer is None:
                self._reactor.unregister(self._fd)
            else:
                self._timer.cancel()

    def _resume(self) -> None:
        if self._reading or self._eof:
            return
        self._reading = True
        try:
            self._reactor.register(self._fd, READ, self)
        except PermissionError:
            self._timer = self._reactor.call_later(0.0, self._next_slice)

    def ready(self, mask: int, now: float) -> None:
        """See Pollable."""
        self._read()

    def failed(self, exc: Exception) -> None:
        """See Pollable."""
        self._end()

    def _next_slice(self, now: float) -> None:
        self._timer = self._reactor.call_later(0.0, self._next_slice)
        self._read()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, SLICE)
        except BlockingIOError:
            return
        except OSError:  # a terminal that has gone away
            data = b""
        self._lines += self._cutter.feed(data)
        if not data or self._cutter.ended:
            self._end()
        elif self._lines:
            self._pause()

    def _end(self) -> None:
        self._pause()
        self._eof = True
        self._lines += self._cutter.rest()


def standard_input() -> int:
    """The process's own input; where it was closed, one that is at its end."""
    return os.open(os.devnull, os.O_RDONLY) if sys.stdin is None else sys.stdin.fileno()
