"""The wake-up pair: two connected sockets by which threads and signals end a sleep.

The reading side is registered with the selector. A thread writes a 0 byte, at most one
outstanding; the interpreter itself writes the number of each signal (`signal.set_wakeup_fd`).
Bytes are read first and the flag is cleared after: a thread that comes in between finds the
flag set and writes nothing, but what it queued is seen before the loop sleeps again.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

DRAIN_BYTES = 4_096
"""Far more than one byte and a burst of signals; more comes with the next readiness."""


class WakeUp:
    """A Pollable. `signalled` is called with each signal number, `broken` if the pair breaks."""

    __slots__ = ("_broken", "_outstanding", "_signalled", "_writer", "reader")

    def __init__(
        self, signalled: Callable[[int], None], broken: Callable[[Exception], None]
    ) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)
        self._signalled = signalled
        self._broken = broken
        self._outstanding = False

    def wake(self) -> None:
        """End the present sleep, or the next. From any thread."""
        if self._outstanding:
            return
        self._outstanding = True
        with contextlib.suppress(BlockingIOError):  # full: it is readable, that is enough
            self._writer.send(b"\0")

    def fileno(self) -> int:
        """The writing side's descriptor, for `signal.set_wakeup_fd`."""
        return self._writer.fileno()

    def ready(self, mask: int, now: float) -> None:
        """Read what has been written."""
        data = self.reader.recv(DRAIN_BYTES)
        if not data:
            raise ConnectionError("The wake-up pair has been closed from outside.")
        self._outstanding = False
        for signum in data:
            if signum:
                self._signalled(signum)

    def failed(self, exc: Exception) -> None:
        """Left registered it would spin, taken out nothing could wake the loop."""
        self._broken(exc)

    def close(self) -> None:
        """Close both sides."""
        self.reader.close()
        self._writer.close()
