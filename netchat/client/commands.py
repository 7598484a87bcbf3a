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
    "help": ("/help", "show this list"),
    "exit": ("exit", "leave; Ctrl+D does the same"),
}
"""Command: how it is written, what it does."""

ALIASES = {"quit": "exit", "part": "leave", "register": "password"}
ARGUMENTS = {"join": (1, 1), "leave": (0, 1), "who": (0, 1), "msg": (2, 2)}
"""How many arguments each takes, at least and at most; the others take none."""


class UsageError(Exception):
    """The line is a command and cannot be understood; the message says why."""


class Command(NamedTuple):
    """`name` is one of HELP, or "say" with the text as its argument."""

    name: str
    arguments: list[str]


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
    least, most = ARGUMENTS.get(name, (0, 0))
    arguments = rest.split(maxsplit=most - 1) if name == "msg" else rest.split()
    if not least <= len(arguments) <= most:
        raise UsageError(f"It is written {HELP[name][0]}.")
    return Command(name, arguments)


def help_lines() -> list[str]:
    """The list of commands, a line each."""
    width = max(len(usage) for usage, _ in HELP.values())
    lines = [f"{usage:{width}}  {meaning}" for usage, meaning in HELP.values()]
    return [*lines, f"{'//text':{width}}  send a text that starts with /"]
