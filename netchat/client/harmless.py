"""Making text harmless: what others wrote may not command the terminal, or hide, or lie. Pure.

Rules of this file
    1. No control character comes through: no escape sequence can start.
    2. What cannot be seen is made visible, and what turns the direction of writing is stopped,
       so that a line reads as it is (CVE-2021-42574 is what happens else).
    3. Marks that pile up on one letter are cut off, so they cannot cover other lines.
    4. An emoji stays one: the joiner and the variation selector live on between its parts.
"""

from __future__ import annotations

import unicodedata

PLACEHOLDER = "\ufffd"
MAX_MARKS = 4
"""Combining marks on one letter; Vietnamese needs 2, and Hebrew with accents 4."""

MIN_COLUMNS = 24
"""Below it a folded line would be nothing but its indent."""

JOINER = "\u200d"
INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks by category that show nothing (Unicode's Default_Ignorable)."""

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def harmless(text: str) -> str:
    """The text with nothing in it but what can be seen, on one line.

    Controls become pictures of themselves (as tab and newline do: treat them before), all
    else that hides becomes U+FFFD. Of more than MAX_MARKS marks on a letter the rest is dropped.
    """
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = 0
    for at, char in enumerate(text):
        category = unicodedata.category(char)
        if category in ("Mn", "Me"):
            marks += 1
            if marks > MAX_MARKS:
                continue
        elif char != JOINER:
            marks = 0
        out.append(_shown(text, at, category))
    return "".join(out)


def _shown(text: str, at: int, category: str) -> str:
    char = text[at]
    if category == "Cc":
        code = ord(char)
        return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else PLACEHOLDER
    if category in HIDDEN and not (char == JOINER and _joins_emoji(text, at)):
        return PLACEHOLDER
    return PLACEHOLDER if char in INVISIBLE_LETTERS else char


def _joins_emoji(text: str, at: int) -> bool:
    """Between two pictures, of which the first may have a variation or a skin tone."""
    before, after = text[max(0, at - 2) : at], text[at + 1 : at + 2]
    if before[-1:] == "\ufe0f" or "\U0001f3fb" <= before[-1:] <= "\U0001f3ff":
        before = before[:-1]
    return _is_picture(before[-1:]) and _is_picture(after)


def _is_picture(char: str) -> bool:
    return char != "" and unicodedata.category(char) == "So"


def cells(char: str) -> int:
    """How many columns of a terminal a harmless character takes: 0, 1 or 2."""
    if char == JOINER or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def width(text: str) -> int:
    """How many columns a harmless text takes."""
    return len(text) if text.isascii() else sum(map(cells, text))


def fold(text: str, first: int, rest: int) -> list[str]:
    """A harmless text in pieces, at spaces if it can: the first of at most `first` columns, the
    others of at most `rest` (both at least 2).

    The terminal would do it too, but would begin the next line at its left edge, where a
    sender could make it look like a line of somebody else.
    """
    pieces: list[str] = []
    piece, used, columns = "", 0, first
    for char in text:
        size = cells(char)
        if used + size > columns:
            head, space, tail = piece.rpartition(" ")
            if not space or not head.strip():
                head, tail = piece, ""
            pieces.append(head)
            piece, used, columns = tail, width(tail), rest
        piece += char
        used += size
    return [*pieces, piece]
