"""Moderating: a moderator's commands as requests. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from netchat.chat import requests
from netchat.chat.requests import Request
from netchat.client.commands import HELP, Command, UsageError

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_TIME = re.compile(r"(\d{1,6})([smhdw])")
_TARGET = re.compile(r"(name|address)=(\S+)")

ROLES: dict[str, requests.Role] = {
    "owner": "owner",
    "moderator": "moderator",
    "member": "member",
    "none": "none",
}
SWITCH = {"on": True, "off": False}


def request_of(command: Command, present_room: Callable[[], str]) -> Request:
    """What to ask of the server. Raises UsageError for what makes no sense."""
    room = None if command.everywhere else present_room()
    match command:
        case ("kick", [user, *reason], _):
            return requests.Kick(user=user, room=room, reason="".join(reason))
        case ("ban", [whom, *rest], _):
            seconds, reason_ = _time_and_reason(rest)
            given = _TARGET.fullmatch(whom)
            target = {given[1]: given[2]} if given else {"user": whom}
            return requests.Ban(room=room, reason=reason_, seconds=seconds, **target)
        case ("mute", [user, *rest], _):
            seconds, reason_ = _time_and_reason(rest)
            return requests.Mute(user=user, room=room, reason=reason_, seconds=seconds)
        case ("undo", [number], _) if (act := _number(number)) > 0:
            return requests.Undo(act=act)
        case ("acts", [], _):
            return requests.Acts(room=room)
    assert room is not None
    match command:
        case ("invite", [user], _):
            return requests.Invite(room=room, user=user)
        case ("role", [user, role], _) if role.lower() in ROLES:
            return requests.SetRole(room=room, user=user, role=ROLES[role.lower()])
        case ("rights", [], _):
            return requests.Rights(room=room)
        case ("topic", topic, _):
            return requests.Set(room=room, topic="".join(topic))
        case ("private", [word], _) if word.lower() in SWITCH:
            return requests.Set(room=room, private=SWITCH[word.lower()])
        case ("slow", [word], _) if word.lower() == "off":
            return requests.Set(room=room, slow=0)
        case ("slow", [word], _) if 0 <= _number(word) <= requests.MAX_SLOW:
            return requests.Set(room=room, slow=_number(word))
    raise UsageError(f"It is written {HELP[command.name][0]}.")


def _number(word: str) -> int:
    """A number as it is typed; -1 for what is none."""
    return int(word) if re.fullmatch(r"[0-9]{1,15}", word) else -1


def _time_and_reason(rest: list[str]) -> tuple[int | None, str]:
    """(seconds, reason) of what stands behind the user: "2h spam", "spam", "2h" or nothing."""
    if not rest:
        return None, ""
    first, _, behind = rest[0].partition(" ")
    found = _TIME.fullmatch(first.lower())
    if found is None:
        return None, rest[0]
    seconds = int(found[1]) * _UNITS[found[2]]
    if not 1 <= seconds <= requests.MAX_SECONDS:
        raise UsageError("A ban or a mute lasts for a second at least, ten years at most.")
    return seconds, behind.strip()
