"""Signals: their numbers arrive as bytes through the wake-up pair.

The interpreter's handler does nothing at all, so no code of ours ever runs in the middle of
other code of ours; what a signal is for happens later, on the loop.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any


def _nothing(signum: int, frame: FrameType | None) -> None:
    """A handler there must be, or the signal would not be written to the pair."""


class Signals:
    """Which callback belongs to which signal, and what stood there before."""

    __slots__ = ("_callbacks", "_old_fd", "_old_handlers")

    def __init__(self) -> None:
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._old_handlers: dict[int, Any] = {}
        self._old_fd: int | None = None

    def add(self, signum: int, callback: Callable[[], None], wakeup_fd: int) -> None:
        """Take over a signal. Raises ValueError outside of the main thread."""
        if self._old_fd is None:
            self._old_fd = signal.set_wakeup_fd(wakeup_fd, warn_on_full_buffer=False)
        old = signal.signal(signum, _nothing)
        self._old_handlers.setdefault(signum, signal.SIG_DFL if old is None else old)
        self._callbacks[signum] = callback

    def callback(self, signum: int) -> Callable[[], None] | None:
        """The signal's callback; None for one that is somebody else's."""
        return self._callbacks.get(signum)

    def restore(self) -> None:
        """Put everything back as it was."""
        for signum, old in self._old_handlers.items():
            signal.signal(signum, old)
        if self._old_fd is not None:
            signal.set_wakeup_fd(self._old_fd)
        self._callbacks.clear()
        self._old_handlers.clear()
        self._old_fd = None
