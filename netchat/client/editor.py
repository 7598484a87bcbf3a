"""The editor: the one line that a person is typing. Pure: keys come in, lines go out.

As much as a terminal's own line editing has (termios(3)): Backspace, Ctrl+W for a word, Ctrl+U
for all of it, Ctrl+D on an empty line for the end. Other keys that are no text do nothing. But
the kernel cuts a line at 4,095 bytes without a word; here it may be as long as in a pipe.
"""

from __future__ import annotations

import codecs
import unicodedata

from netchat.client.harmless import JOINER, cells, harmless
from netchat.client.lines import MAX_LINE

ESCAPE = "\x1b"
ENTER = "\r\n"
BACKSPACE = "\x08\x7f"
DELETE_WORD = "\x17"
DELETE_ALL = "\x15"
END = "\x04"

CUT = "…"


class Editor:
    """See Cutter. `ended`: the person has nothing more to say."""

    def __init__(self) -> None:
        self.ended = False
        self.hidden = False
        """Nothing is shown of what is being typed."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._chars: list[str] = []
        self._sequence = ""

    def feed(self, data: bytes) -> list[str]:
        """The lines that were finished with these keys."""
        lines = []
        for char in self._decoder.decode(data):
            if self._swallows(char) or self.ended:
                continue
            if char in ENTER:
                lines.append("".join(self._chars))
                self._chars.clear()
            else:
                self._press(char)
        return lines

    def rest(self) -> list[str]:
        """Nothing: what was not finished was not said."""
        return []

    def tail(self, columns: int) -> str:
        """The end of the line, harmless, in at most so many columns (at least 1)."""
        if self.hidden:
            return ""
        kept, used = [], 0
        for char in reversed(harmless("".join(self._chars[-columns:]))):
            used += cells(char)
            kept.append(char)
        if used <= columns and len(self._chars) <= columns:
            return "".join(reversed(kept))
        while kept and (used + len(CUT) > columns or cells(kept[-1]) == 0):
            used -= cells(kept.pop())  # a mark or a joiner has nothing left to stand upon
        return CUT + "".join(reversed(kept))

    def _press(self, char: str) -> None:
        if char in BACKSPACE:
            self._delete()
        elif char == DELETE_WORD:
            self._delete_word()
        elif char == DELETE_ALL:
            self._chars.clear()
        elif char == END:
            self.ended = not self._chars
        elif (char == "\t" or unicodedata.category(char) != "Cc") and len(self._chars) < MAX_LINE:
            self._chars.append(char)

    def _delete(self) -> None:
        """The last character, with the marks upon it and what joined it to the one before."""
        chars = self._chars
        while chars and cells(chars.pop()) == 0:
            pass
        while chars and chars[-1] == JOINER:
            chars.pop()

    def _delete_word(self) -> None:
        chars = self._chars
        while chars and chars[-1].isspace():
            chars.pop()
        while chars and not chars[-1].isspace():
            chars.pop()

    def _swallows(self, char: str) -> bool:
        """Whether it is a part of what a special key sends: CSI or SS3 (ECMA-48, 5.4 and 8.3)."""
        sequence, self._sequence = self._sequence, ""
        if char == ESCAPE:
            self._sequence = ESCAPE
        elif sequence == ESCAPE and char in "[O":
            self._sequence = char
        elif sequence == "[" and " " <= char <= "?":
            self._sequence = "["
        else:
            return sequence in ("[", "O") and "@" <= char <= "~"
        return True
