"""The keyboard: a terminal that hands over each key, and leaves it to us to show it.

A terminal that echoes by itself does so whenever a key arrives, in the middle of what we print
or before it; nobody can tell afterwards which row is whose. So its echo is switched off for as
long as we run, and on again when we end or are put to sleep.
"""

from __future__ import annotations

import os
import signal
import termios
from contextlib import suppress
from types import TracebackType

LOCAL_FLAGS, CHARACTERS = 3, 6
"""Where termios has them in its list."""


class Keyboard:
    """A context in which the terminal at `fd` does not echo. Ctrl+C and Ctrl+Z still signal."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before = termios.tcgetattr(fd)

    def __enter__(self) -> None:
        self.take()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.give_back()

    def take(self) -> None:
        """Switch the echo off; what has been typed before is kept."""
        attributes = termios.tcgetattr(self._fd)
        attributes[LOCAL_FLAGS] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
        characters = attributes[CHARACTERS]
        characters[termios.VMIN], characters[termios.VTIME] = 1, 0
        # Ctrl+\ would end us at once, and leave the terminal mute.
        characters[termios.VQUIT] = bytes([os.fpathconf(self._fd, "PC_VDISABLE")])
        self._set(attributes)

    def give_back(self) -> None:
        """As it was before."""
        self._set(self._before)

    def sleep(self) -> None:
        """Give it back and stop, until somebody continues us."""
        self.give_back()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _set(self, attributes: list[int | list[bytes | int]]) -> None:
        with suppress(termios.error):  # it has gone away
            termios.tcsetattr(self._fd, termios.TCSANOW, attributes)


def show_typing(fd: int, shown: bool) -> None:
    """Have a terminal that echoes by itself do so, or not, from now on."""
    with suppress(termios.error):
        attributes = termios.tcgetattr(fd)
        if shown:
            attributes[LOCAL_FLAGS] |= termios.ECHO
        else:
            attributes[LOCAL_FLAGS] &= ~termios.ECHO
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
