"""Lines: bytes cut at their line ends, as a pipe or a file brings them. Pure."""

from __future__ import annotations

MAX_LINE = 65_536
"""Bytes of a line that are kept: more than any frame, so a longer one is refused, not lost
silently; what follows up to its end is thrown away."""


class Lines:
    """See Cutter. The last line needs no end."""

    def __init__(self) -> None:
        self.ended = False
        self._buffer = bytearray()
        self._cutting = False

    def feed(self, data: bytes) -> list[str]:
        """The lines that end in `data`, without their ends."""
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        if self._cutting and lines:
            del lines[0]
            self._cutting = False
        if self._cutting:
            rest.clear()
        elif len(rest) > MAX_LINE:
            lines.append(rest)
            rest, self._cutting = bytearray(), True
        self._buffer = rest
        return [_text(line) for line in lines]

    def rest(self) -> list[str]:
        """What came last, and has no end."""
        rest, self._buffer = self._buffer, bytearray()
        return [_text(rest)] if rest else []


def _text(line: bytearray) -> str:
    return line.removesuffix(b"\r").decode(errors="replace")
