"""The screen: where lines go. Messages to the output, all else beside it where that is a file.

Rules of this file
    1. On a terminal whose keys an editor takes (see `keyboard`), nobody writes but us. Its last
       row shows the end of what is being typed, and nothing else.
    2. That row is all that is ever wiped off: before anything is printed, which then takes its
       place; `refresh` shows it again below. The cursor never goes up, so whatever has been
       printed stays, however wide a character or the terminal may turn out to be.
    3. A typed line is gone with Return. It comes back as a message, or somebody has it `keep`.
    4. Every other terminal (TERM=dumb) echoes by itself. There nothing is wiped off at all.

A reader that goes away (`netchat tail | head`) is no error of anybody: `broken` says so, and
nothing more is written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from io import StringIO, TextIOWrapper
from typing import TextIO

from netchat.client.editor import Editor
from netchat.client.harmless import MIN_COLUMNS, fold, harmless, width

FALLBACK_COLUMNS = 80
STAR = "* "
WIPE = "\r\x1b[K"
"""To the left edge, and erase the row (ECMA-48, EL)."""


class Screen:
    """`out` takes messages, `err` takes the rest unless `out` is a terminal.

    `editor`: what is being typed on it; None where nothing is, or where the terminal echoes.
    """

    def __init__(
        self, out: TextIO, err: TextIO, *, tty: bool, editor: Editor | None = None
    ) -> None:
        self.broken = False
        self._out = out
        self._err = err
        self._beside = out if tty else err
        self._tty = tty
        self._editor = editor
        self._prompt = ""
        self._row = ""

    @property
    def columns(self) -> int | None:
        """How wide the terminal is at the moment; None: it is none, so fold nothing."""
        if not self._tty:
            return None
        try:
            return os.get_terminal_size(self._out.fileno()).columns or FALLBACK_COLUMNS
        except (OSError, ValueError):
            return FALLBACK_COLUMNS

    def show(self, lines: Iterable[str]) -> None:
        """Lines of the chat itself."""
        self._write(self._out, "".join(f"{line}\n" for line in lines))

    def tell(self, *lines: str) -> None:
        """Lines about it, each behind a star; what follows a newline in one is indented."""
        for line in lines:
            pieces = [piece for part in line.split("\n") for piece in self._fold(part)]
            self._write(self._beside, STAR + f"\n{' ' * len(STAR)}".join(pieces) + "\n")

    def _fold(self, line: str) -> list[str]:
        columns = self.columns
        if columns is None:
            return [line]
        room = max(MIN_COLUMNS, columns) - len(STAR) - 1
        return fold(line, room, room)

    def complain(self, line: str) -> None:
        """A line for whoever runs the command, never among the messages."""
        self._write(self._err, f"netchat: {line}\n")

    def ask(self, prompt: str) -> None:
        """A question; the answer is typed on the same line."""
        if self._editor is None:
            self._write(self._beside, prompt)
        else:
            self._prompt = prompt

    def keep(self, line: str) -> None:
        """A typed line is to stand there, as if the terminal had echoed it."""
        if self._editor is not None:
            self._write(self._out, f"{self._prompt}{harmless(line)}\n")
            self._prompt = ""

    def refresh(self) -> None:
        """Show what is being typed; call it before going to sleep."""
        columns = self.columns
        if self._editor is None or columns is None:
            return
        room = columns - width(self._prompt) - 1  # a full row would already be two somewhere
        row = self._prompt + self._editor.tail(max(1, room))
        if row != self._row:
            self._write(self._out, row)
            self._row = row

    def end_typing(self) -> None:
        """Go on below what was being typed."""
        if self._row or self._editor is None:
            self._row = ""
            self._write(self._beside, "\n")

    def redraw(self) -> None:
        """Somebody else has written on the terminal: show what is being typed anew."""
        self._row = ""

    def _write(self, stream: TextIO, text: str) -> None:
        if self._row:
            self._row, text = "", WIPE + text
        if self.broken or not text:
            return
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):  # nobody reads, no room, a closed stream
            self.broken = True


def standard_screen(editor: Editor | None = None) -> Screen:
    """The process's own output; what its encoding cannot show becomes a question mark."""
    out, err = (_open(stream) for stream in (sys.stdout, sys.stderr))
    return Screen(out, err, tty=out.isatty(), editor=editor)


def can_wipe() -> bool:
    """Whether the output is a terminal that understands WIPE."""
    tty = sys.stdout is not None and sys.stdout.isatty()
    return tty and os.environ.get("TERM", "dumb") != "dumb"


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
