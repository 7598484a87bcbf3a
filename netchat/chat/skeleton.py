"""What a name looks like: two names with one skeleton may be taken for each other (UTS 39).

Only spelling counts: `I` looks like `l` where `i` does not. The table has what a name can hold
and PRECIS leaves in it; what it does not know stands for itself.
"""

from __future__ import annotations

from functools import cache, lru_cache
from unicodedata import normalize

from netchat.chat.confusables import TABLE

_PLAIN = str.maketrans({"0": "o", "1": "l", "I": "l", "m": "rn", "M": "rn"})
"""The table's part for ASCII, its targets' case mapped."""


@lru_cache(16)
def skeleton(spelling: str) -> str:
    """The same for all names that look alike; its own skeleton.

    A login asks for one name's again and again, so the last ones are kept.
    """
    if spelling.isascii():
        return spelling.translate(_PLAIN).lower()
    before = ""
    while spelling != before:  # a capital may be mapped to what is mapped itself, once or twice
        before = spelling
        mapped = normalize("NFD", spelling).translate(_table())
        spelling = normalize("NFD", normalize("NFD", mapped).casefold())
    return spelling


@cache
def _table() -> dict[int, str]:
    """By code point, from lines of `target source source ...` in hexadecimal."""
    table: dict[int, str] = {}
    for group in TABLE.replace("\n", " ").split(";"):
        target, *sources = group.split()
        text = "".join(chr(int(part, 16)) for part in target.split("."))
        table |= dict.fromkeys((int(source, 16) for source in sources), text)
    return table
