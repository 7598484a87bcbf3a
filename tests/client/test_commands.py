from __future__ import annotations

import pytest

from netchat.client.commands import HELP, Command, UsageError, help_lines, parse


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("hola", Command("say", ["hola"])),
        ("  hola ", Command("say", ["  hola "])),
        ("//etc is a folder", Command("say", ["/etc is a folder"])),
        ("exit", Command("exit", [])),
        ("exit now", Command("say", ["exit now"])),
        ("/exit", Command("exit", [])),
        ("/quit", Command("exit", [])),
        ("/JOIN den", Command("join", ["den"])),
        ("/leave", Command("leave", [])),
        ("/who den", Command("who", ["den"])),
        ("/rooms", Command("rooms", [])),
        ("/msg bea  see  you ", Command("msg", ["bea", "see  you"])),
        ("/kick bea  too loud ", Command("kick", ["bea", "too loud"])),
        ("/ban --server bea 2h spam", Command("ban", ["bea", "2h spam"], everywhere=True)),
        ("/acts --server", Command("acts", [], everywhere=True)),
        ("/topic a quiet room", Command("topic", ["a quiet room"])),
        ("/topic", Command("topic", [])),
        ("   ", None),
    ],
)
def test_a_line_means(line: str, command: Command | None) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    "line", ["/nope", "/", "/join", "/join a b", "/msg bea", "/rooms x", "/kick", "/ban --server"]
)
def test_a_command_that_makes_no_sense_is_never_sent(line: str) -> None:
    with pytest.raises(UsageError):
        parse(line)


def test_help_lists_every_command() -> None:
    text = "\n".join(help_lines())
    assert all(usage in text for usage, _ in HELP.values())
