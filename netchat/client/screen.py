"""The screen: where lines go. Messages to the output, all else beside it where that is a file.

A reader that goes away (`netchat tail | head`) is no error of anybody: `broken` says so, and
nothing more is written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from io import StringIO, TextIOWrapper
from typing import TextIO

from netchat.client.harmless import MIN_COLUMNS, fold, harmless, width

FALLBACK_COLUMNS = 80
STAR = "* "


class Screen:
    """`out` takes messages, `err` takes the rest unless `out` is a terminal.

    `erase`: what was typed may be wiped off the screen once it stands there as a message.
    """

    def __init__(self, out: TextIO, err: TextIO, *, tty: bool, erase: bool = False) -> None:
        self.broken = False
        self._out = out
        self._err = err
        self._beside = out if tty else err
        self._tty = tty
        self._erase = erase
        self._interrupted = False

    @property
    def columns(self) -> int | None:
        """How wide the terminal is at the moment; None: it is none, so fold nothing."""
        if not self._tty:
            return None
        try:
            return os.get_terminal_size(self._out.fileno()).columns or FALLBACK_COLUMNS
        except (OSError, ValueError):
            return FALLBACK_COLUMNS

    def show(self, lines: Iterable[str], *, expected: bool = False) -> None:
        """Lines of the chat itself. `expected`: what was just typed, come back."""
        self._interrupted |= not expected
        self._write(self._out, "".join(f"{line}\n" for line in lines))

    def tell(self, *lines: str) -> None:
        """Lines about it, each behind a star."""
        self._interrupted = True
        columns = self.columns
        for line in lines:
            pieces = [line]
            if columns is not None:
                room = max(MIN_COLUMNS, columns) - len(STAR) - 1
                pieces = fold(line, room, room)
            self._write(self._beside, STAR + f"\n{' ' * len(STAR)}".join(pieces) + "\n")

    def complain(self, line: str) -> None:
        """A line for whoever runs the command, never among the messages."""
        self._write(self._err, f"netchat: {line}\n")

    def ask(self, prompt: str) -> None:
        """A question; the answer is typed on the same line."""
        self._write(self._beside, prompt)

    def erase_typed(self, line: str) -> None:
        """Wipe off a line that was just typed; only its last row where others wrote into it."""
        columns = self.columns
        if self._erase and columns is not None:
            rows = 1 if self._interrupted else max(1, -(-width(harmless(line)) // columns))
            self._write(self._out, f"\x1b[{rows}A\r\x1b[J")
            self._interrupted = False

    def _write(self, stream: TextIO, text: str) -> None:
        if self.broken or not text:
            return
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):  # nobody reads, no room, a closed stream
            self.broken = True


def standard_screen() -> Screen:
    """The process's own output; what its encoding cannot show becomes a question mark."""
    out, err = (_open(stream) for stream in (sys.stdout, sys.stderr))
    tty = out.isatty()
    typed = sys.stdin is not None and sys.stdin.isatty()
    erase = tty and typed and os.environ.get("TERM", "dumb") != "dumb"
    return Screen(out, err, tty=tty, erase=erase)


def _open(stream: TextIO | None) -> TextIO:
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream or StringIO()  # it was closed before we were started


def forget_output() -> None:
    """Nobody reads our output: have the interpreter's last flush go nowhere."""
    if sys.stdout is not None:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
