"""Commands: what a typed line means. Pure.

A line that starts with `/` is a command, and never sent as text, so a slip of the finger is
told to nobody. `//` stands for a slash that is meant. `exit` alone on a line leaves.
"""

from __future__ import annotations

from typing import NamedTuple

HELP = {
    "join": ("/join ROOM", "enter a room and write to it from here on"),
    "leave": ("/leave [ROOM]", "leave a room, the present one if none is named"),
    "rooms": ("/rooms", "list the rooms"),
    "who": ("/who [ROOM]", "list who is in a room"),
    "msg": ("/msg USER TEXT", "write to one user only"),
    "password": ("/password", "make this name yours for good, or change its password"),
    "invite": ("/invite USER", "let somebody into the room, and tell them"),
    "kick": ("/kick USER [REASON]", "put somebody out of the room"),
    "ban": ("/ban USER [30m|2h|7d] [REASON]", "keep somebody out of the room"),
    "mute": ("/mute USER [30m|2h|7d] [REASON]", "let somebody write nothing here"),
    "undo": ("/undo NUMBER", "end a ban or a mute"),
    "acts": ("/acts", "list what moderators have done here, with the numbers"),
    "role": ("/role USER ROLE", "make somebody owner, moderator, member or none here"),
    "rights": ("/rights", "show who may do what here"),
    "topic": ("/topic [TEXT]", "set the room's topic; none takes it away"),
    "private": ("/private on|off", "let nobody in but members, or everybody"),
    "slow": ("/slow SECONDS|off", "one message of each in so many seconds"),
    "help": ("/help", "show this list"),
    "exit": ("exit", "leave; Ctrl+D does the same"),
}
"""Command: how it is written, what it does."""

ALIASES = {"quit": "exit", "part": "leave", "register": "password"}
ARGUMENTS = {
    "join": (1, 1), "leave": (0, 1), "who": (0, 1), "msg": (2, 2), "invite": (1, 1),
    "kick": (1, 2), "ban": (1, 2), "mute": (1, 2), "undo": (1, 1), "acts": (0, 0), "role": (2, 2),
    "topic": (0, 1), "private": (1, 1), "slow": (1, 1),
}  # fmt: skip
"""How many arguments each takes, at least and at most; the others take none."""

TEXTS = frozenset({"msg", "kick", "ban", "mute", "topic"})
"""Commands whose last argument is the rest of the line."""

WHOLE_SERVER = frozenset({"kick", "ban", "mute", "acts"})
"""Commands that operators give for the whole server: with `--server` behind the name."""

SERVER = "--server"


class UsageError(Exception):
    """The line is a command and cannot be understood; the message says why."""


class Command(NamedTuple):
    """`name` is one of HELP, or "say" with the text as its argument."""

    name: str
    arguments: list[str]
    everywhere: bool = False
    """For the whole server, instead of the present room."""


def parse(line: str) -> Command | None:
    """What a line means; None for a blank one. Raises UsageError with a sentence."""
    if not line.strip():
        return None
    if line.strip() == "exit":
        return Command("exit", [])
    if not line.startswith("/"):
        return Command("say", [line])
    if line.startswith("//"):
        return Command("say", [line[1:]])
    word, _, rest = line[1:].strip().partition(" ")
    name = ALIASES.get(word.lower(), word.lower())
    if name not in HELP:
        raise UsageError(f"There is no command /{word}; /help lists them all.")
    flag, _, behind = rest.strip().partition(" ")
    everywhere = name in WHOLE_SERVER and flag == SERVER
    rest = behind if everywhere else rest
    least, most = ARGUMENTS.get(name, (0, 0))
    arguments = rest.split(maxsplit=most - 1) if name in TEXTS else rest.split()
    if not least <= len(arguments) <= most:
        raise UsageError(f"It is written {HELP[name][0]}.")
    return Command(name, arguments, everywhere)


def help_lines() -> list[str]:
    """The list of commands, a line each."""
    width = max(len(usage) for usage, _ in HELP.values())
    lines = [f"{usage:{width}}  {meaning}" for usage, meaning in HELP.values()]
    return [
        *lines,
        f"{'//text':{width}}  send a text that starts with /",
        "operators write /kick, /ban, /mute and /acts with --server for the whole server;",
        "/ban takes name=NAME for whoever has a name, and from them address=ADDRESS",
    ]
