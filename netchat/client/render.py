"""Rendering: events and notices as lines for a person. Pure, but for the local time zone.

Everything that others control goes through `harmless` here, and nowhere else. Of what they
wrote, only the first line begins at the left edge; all others are indented behind a bar. So no
text can pass for a line of somebody else, or for one of ours (which begin with a star).
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from netchat.chat.events import (
    Error,
    Gap,
    Joined,
    Members,
    Message,
    PasswordSet,
    Presence,
    RoomInfo,
    RoomList,
)
from netchat.client.harmless import MIN_COLUMNS, fold, harmless, width
from netchat.client.notices import Closed, Delayed, Failed, NameRefused, News, OutboxTrouble
from netchat.client.verdicts import verdict_lines

INDENT = "      | "
"""As wide as the time, and a bar."""

MAX_NAMES = 20
"""Names in one line of news; /who lists them all."""

MAX_COLUMN = 24
"""Columns that names in a list are filled up to; a longer one stands out."""

TAB = 4


def local_time(ms: int) -> str:
    """HH:MM, on the local clock."""
    try:
        return time.strftime("%H:%M", time.localtime(ms / 1_000))
    except (ValueError, OverflowError, OSError):
        return "--:--"


def message_lines(
    message: Message, me: str, *, room: bool = False, columns: int | None = None
) -> list[str]:
    """A message. `room`: name the room, too. `columns`: fold it into lines so long."""
    sender = harmless(message.sender)
    if message.to is not None:
        to = harmless(message.to)
        who = f"[you → {to}]" if message.sender == me else f"[{sender} → you]"
    else:
        who = f"<{sender}>"
    place = f"#{harmless(message.room)} " if room and message.to is None else ""
    first, *rest = message.text.expandtabs(TAB).split("\n")
    head = f"{local_time(message.time)} {place}{who} {harmless(first)}"
    return _folded([head, *map(harmless, rest)], columns)


def _folded(lines: list[str], columns: int | None) -> list[str]:
    if columns is None:
        return [lines[0], *(INDENT + line for line in lines[1:])]
    columns = max(columns, MIN_COLUMNS) - 1  # some terminals wrap already when a line is full
    rest = columns - len(INDENT)
    pieces = fold(lines[0], columns, rest)
    for line in lines[1:]:
        pieces += fold(line, rest, rest)
    return [pieces[0], *(INDENT + piece for piece in pieces[1:])]


def status_lines(news: News, me: str, *, room: bool = False) -> list[str]:
    """All other news, as what follows the star; none where it is of no interest. A list has a
    newline before each of its rows."""
    match news:
        case Joined():
            return _joined(news)
        case Presence():
            return [_where(news.room, room) + line for line in _presence(news, me)]
        case Members():
            names = [harmless(m.name) + (" (away)" if m.away else "") for m in news.members]
            return [f"{_room(news.room)}: {', '.join(names) or 'nobody'}"]
        case RoomList():
            return ["\n".join(["rooms:", *_room_rows(news.rooms)]) if news.rooms else "no rooms"]
        case Gap():
            return [f"{_where(news.room, room)}{gap_sentence(news)}"]
        case Delayed():
            return [f"{harmless(news.message)} Trying again in {news.retry_in:.1f} s."]
        case Failed():
            return [f"not sent: {harmless(news.message)} ({harmless(news.post.text)})"]
        case OutboxTrouble():
            return [harmless(news.message) + "; nothing is kept on disk" * (not news.kept)]
        case PasswordSet():
            return [f"{harmless(news.name)} is an account's now, by this password"]
        case NameRefused() | Error() | Closed():
            return [harmless(news.message)]
    return verdict_lines(news)


def gap_sentence(gap: Gap) -> str:
    """What is missing, and why."""
    if gap.reason == "epoch_changed":
        return "the server's log has begun anew; what you had read is no longer there"
    which = (
        f"message {gap.to} is" if gap.start == gap.to else f"messages {gap.start} to {gap.to} are"
    )
    return f"{which} gone ({harmless(gap.reason)})"


def _joined(joined: Joined) -> list[str]:
    room = _room(joined.room)
    lines = [f"{room}: {harmless(joined.topic)}"] if joined.topic else []
    here = f": {_names(joined.members)}" if joined.members else ""
    return [*lines, f"{room}: {joined.count} here{here}"]


def _presence(presence: Presence, me: str) -> list[str]:
    lines = []
    for names, verb in (
        (presence.joined, "joined"),
        (presence.left, "left"),
        (presence.away, "is away"),
    ):
        others = [name for name in names if name != me]
        if others:
            lines.append(f"{_names(others)} {'are away' if others[1:] and 'is' in verb else verb}")
    return lines


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(map(harmless, names[:MAX_NAMES]))
    more = len(names) - MAX_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _room_rows(rooms: Sequence[RoomInfo]) -> list[str]:
    names = [_room(room.room) for room in rooms]
    column = min(max(map(width, names)), MAX_COLUMN)
    return [
        f"{name}{' ' * (column - width(name))}  {_room_facts(room)}"
        for name, room in zip(names, rooms, strict=True)
    ]


def _room_facts(room: RoomInfo) -> str:
    facts = f"{room.count or 0} here, {room.head} message{'s' * (room.head != 1)}"
    return f"{facts}  {harmless(room.topic)}" if room.topic else facts


def _room(room: str) -> str:
    return f"#{harmless(room)}"


def _where(room: str, several: bool) -> str:
    return f"{_room(room)}: " if several else ""
