"""What may be a user name, a room's name, a text: the rules of the protocol.

Names are prepared by PRECIS (RFC 8265 for users, RFC 8266 for rooms), which knows what may
not be told apart: case, width, composition, invisible characters. A *key* is what is compared
and kept unique; the *spelling* is what people see.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from precis_i18n import get_profile

from netchat.errors import BadRequest, NameInvalid, RoomInvalid, TextTooLong

MAX_NAME = 32
MAX_NAME_BYTES = 64
MAX_ROOM = 64
MAX_TEXT = 4_000

_CACHED = 1_024
"""Prepared names kept: PRECIS takes 5-13 µs a name, and every post names its room."""

_USER_KEY = get_profile("UsernameCaseMapped")
_USER_SPELLING = get_profile("UsernameCasePreserved")
_ROOM_KEY = get_profile("NicknameCaseMapped")

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_PLAIN_ROOM = re.compile(r"(?!@)[!-+\x2d-~]{1,64}")
"""Most names are ASCII, of which PRECIS changes the case only."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x80-\x9f]")
"""C0 and C1 without tab and line feed."""


def prepare_name(name: str) -> tuple[str, str]:
    """The key and the spelling of a user name. Raises NameInvalid."""
    if _PLAIN_NAME.fullmatch(name):
        key = name.lower()
        return (name, name) if key == name else (key, name)
    return _prepare_name(name)


@lru_cache(_CACHED)
def _prepare_name(name: str) -> tuple[str, str]:
    if not 1 <= len(name) <= MAX_NAME:
        raise NameInvalid
    try:
        key, spelling = _USER_KEY.enforce(name), _USER_SPELLING.enforce(name)
    except UnicodeEncodeError:
        raise NameInvalid from None
    fits = len(spelling) <= MAX_NAME and len(spelling.encode()) <= MAX_NAME_BYTES
    if not fits or not all(map(_is_name_character, spelling)):
        raise NameInvalid
    return key, spelling


def _is_name_character(character: str) -> bool:
    """Letters with the marks that spell them in many scripts, decimal digits, and _ - . only."""
    category = unicodedata.category(character)
    return category[0] in "LM" or category == "Nd" or character in "_-."


def room_key(name: str) -> str:
    """What a room's name is compared by. Raises RoomInvalid."""
    return name.lower() if _PLAIN_ROOM.fullmatch(name) else _room_key(name)


@lru_cache(_CACHED)
def _room_key(name: str) -> str:
    if not _is_room_name(name):
        raise RoomInvalid
    try:
        key = _ROOM_KEY.enforce(name)
    except UnicodeEncodeError:
        raise RoomInvalid from None
    if not _is_room_name(key):  # a full-width comma or @ becomes a plain one
        raise RoomInvalid
    return key


def _is_room_name(name: str) -> bool:
    plain = not any(c.isspace() or c == "," or unicodedata.category(c) == "Cc" for c in name)
    return plain and 1 <= len(name) <= MAX_ROOM and not name.startswith("@")


def page_key(name: str, *, room: bool) -> str:
    """Where a page of names goes on; the name need not exist, nor be a possible one."""
    try:
        return room_key(name) if room else prepare_name(name)[0]
    except (NameInvalid, RoomInvalid):
        return name


def utf8_size(text: str) -> int:
    """Bytes of a text on the wire; what is ASCII is not encoded to be counted."""
    return len(text) if text.isascii() else len(text.encode())


def check_line(text: str, field: str) -> None:
    """Raises BadRequest unless `text` may stand in a line, as a topic or a reason does."""
    if not text.isprintable() and any(unicodedata.category(c) == "Cc" for c in text):
        raise BadRequest(f"The field '{field}' has a control character in it.", field=field)


def check_text(text: str) -> None:
    """Raises TextTooLong or BadRequest unless `text` may be posted."""
    if len(text) > MAX_TEXT:
        raise TextTooLong(f"A text has at most {MAX_TEXT:,} characters.")
    if not text:
        raise BadRequest("The text is empty.", field="text")
    # What is printable, and most is, has no control character: half the time of a search.
    if not text.isprintable() and _CONTROL.search(text):
        raise BadRequest("The text has a control character in it.", field="text")
