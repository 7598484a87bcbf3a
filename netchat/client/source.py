"""The source: lines of text from a descriptor, whatever stands behind it. Never blocks long.

A terminal, a pipe or a socket is watched by the reactor. A regular file or /dev/null is not for
watching (epoll refuses it with EPERM), but a read of it never waits: it is read in slices, one a
tick. Nothing is read while the reader has enough, so a long file costs no memory.
"""

from __future__ import annotations

import os

from netchat.net.reactor import READ, Reactor

SLICE = 65_536
"""Bytes a read: what a pipe holds."""

MAX_LINE = 65_536
"""Bytes of a line that are kept: more than any frame, so a longer one is refused, not lost
silently; what follows up to its end is thrown away."""


class Source:
    """Lines without their ends. `ended`: all of them have been taken."""

    def __init__(self, reactor: Reactor, fd: int) -> None:
        self._reactor = reactor
        self._fd = fd
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._cutting = False
        self._eof = False
        self._reading = False
        self._watched = True
        self.resume()

    @property
    def ended(self) -> bool:
        """Whether there will be no more lines."""
        return self._eof and not self._lines

    def take(self) -> list[str]:
        """The lines that have come since the last call."""
        lines, self._lines = self._lines, []
        return lines

    def pause(self) -> None:
        """Read nothing more until `resume`."""
        if self._reading:
            self._reading = False
            if self._watched:
                self._reactor.unregister(self._fd)
            else:
                self._reactor.collect.remove(self._slice)

    def resume(self) -> None:
        """Read on."""
        if self._reading or self._eof:
            return
        self._reading = True
        try:
            self._reactor.register(self._fd, READ, self)
        except PermissionError:
            self._watched = False
            self._reactor.collect.append(self._slice)

    def ready(self, mask: int, now: float) -> None:
        """See Pollable."""
        self._slice(now)

    def failed(self, exc: Exception) -> None:
        """See Pollable."""
        self._end()

    def _slice(self, now: float) -> bool:
        """One read. True: there is more to be had at once."""
        try:
            data = os.read(self._fd, SLICE)
        except BlockingIOError:
            return False
        except OSError:  # a terminal that has gone away
            data = b""
        if not data:
            self._end()
            return False
        self._buffer += data
        self._cut()
        return True

    def _end(self) -> None:
        self.pause()
        self._eof = True
        if self._buffer and not self._cutting:
            self._add(self._buffer)
        self._buffer = bytearray()

    def _cut(self) -> None:
        *lines, rest = self._buffer.split(b"\n")
        for line in lines:
            if not self._cutting:
                self._add(line)
            self._cutting = False
        if len(rest) > MAX_LINE and not self._cutting:
            self._add(rest)
            self._cutting = True
        self._buffer = bytearray() if self._cutting else rest

    def _add(self, line: bytearray) -> None:
        self._lines.append(line.removesuffix(b"\r").decode(errors="replace"))
