"""What the operator may set of the chat, with the protocol's own numbers."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from netchat.chat.names import MAX_NAME, MAX_ROOM, MAX_TEXT
from netchat.chat.requests import MAX_BACKLOG, MAX_HISTORY, MAX_LABEL

MAX_REFUSED_HELLOS = 5
"""The fifth refused `hello` is the last (the protocol); a person has looked by then."""

MAX_HELD_REQUESTS_BYTES = 262_144
MAX_HELD_REQUESTS = 256
"""Posts of one connection on their way into the log: one turn's worth, 256 KiB at most."""

MAX_PENDING_BYTES = 64 * 2**20
"""Posts on their way into the log, all together: what a disk takes in about a second."""

PAGE_ROWS = 200
"""Rows of one page of names (the protocol)."""

WELCOME_TALKS = 50
"""Private talks listed in `welcome`; `rooms` with `talks` lists the rest (the protocol)."""


Policy = Literal["open", "registered", "closed"]
"""Who may come in: anybody; accounts, which anybody may make; accounts that the operator makes."""


class ChatSettings(Struct, frozen=True, kw_only=True):
    """Seconds for times; see the configuration for the reason of each default."""

    server: str = "netchat"
    heartbeat: int | float = 25
    hold: float = 60.0
    rooms: int = 100
    rooms_in_all: int = 100_000
    frame: int = 65_536
    topics: dict[str, str] = {}
    limited: bool = True
    """Whether rates are limited."""
    policy: Policy = "open"
    reserved: tuple[str, ...] = ()
    password_length: int = 6
    devices: int = 20
    registrations_per_address: int = 5
    registrations: int = 30
    guests_per_address: int = 2_000

    def limits(self) -> dict[str, int]:
        """What `welcome` tells a client of its limits."""
        return {
            "frame": self.frame,
            "text": MAX_TEXT,
            "name": MAX_NAME,
            "room": MAX_ROOM,
            "id": MAX_LABEL,
            "rooms": self.rooms,
            "backlog": MAX_BACKLOG,
            "history": MAX_HISTORY,
        }
