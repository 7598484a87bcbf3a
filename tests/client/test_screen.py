from __future__ import annotations

import io
import sys

import pytest

from netchat.client.screen import Screen, standard_screen


class Full(io.StringIO):
    """An output that takes nothing any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_in_a_pipe_messages_and_the_rest_go_apart() -> None:
    out, err = io.StringIO(), io.StringIO()
    screen = Screen(out, err, tty=False, erase=True)
    screen.show(["12:00 <bea> hola"])
    screen.tell("x" * 200)
    screen.complain("no")
    screen.erase_typed("hola")
    assert out.getvalue() == "12:00 <bea> hola\n"
    assert err.getvalue() == f"* {'x' * 200}\nnetchat: no\n"


def test_on_a_terminal_news_are_folded_so_that_none_begins_at_the_edge() -> None:
    out = io.StringIO()
    Screen(out, io.StringIO(), tty=True).tell("topic" + " " * 73 + "12:00 <ana> fake")
    first, *rest = out.getvalue().splitlines()
    assert first.startswith("* topic")
    assert rest
    assert all(line.startswith("  ") for line in rest)


def test_a_long_typed_line_is_wiped_off_whole_unless_somebody_wrote_into_it() -> None:
    out = io.StringIO()
    screen = Screen(out, io.StringIO(), tty=True, erase=True)
    screen.erase_typed("x" * 100)
    assert out.getvalue() == "\x1b[2A\r\x1b[J"
    screen.show(["mine"], expected=True)
    screen.erase_typed("x" * 100)
    assert out.getvalue().endswith("\x1b[2A\r\x1b[J")
    screen.show(["theirs"])
    screen.erase_typed("x" * 100)
    assert out.getvalue().endswith("\x1b[1A\r\x1b[J")


def test_a_broken_output_is_noted_and_left_alone() -> None:
    screen = Screen(Full(), Full(), tty=False)
    screen.show(["x"])
    assert screen.broken
    screen.tell("y")


def test_closed_streams_are_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    screen = standard_screen()
    screen.show(["x"])
    screen.tell("y")
    assert not screen.broken
