from __future__ import annotations

import io
import sys

import pytest

from netchat.client.editor import Editor
from netchat.client.screen import WIPE, Screen, can_wipe, standard_screen


class Full(io.StringIO):
    """An output that takes nothing any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_in_a_pipe_messages_and_the_rest_go_apart() -> None:
    out, err = io.StringIO(), io.StringIO()
    screen = Screen(out, err, tty=False)
    screen.show(["12:00 <bea> hola"])
    screen.tell("x" * 200)
    screen.complain("no")
    screen.keep("hola")
    screen.refresh()
    assert out.getvalue() == "12:00 <bea> hola\n"
    assert err.getvalue() == f"* {'x' * 200}\nnetchat: no\n"


def test_on_a_terminal_news_are_folded_so_that_none_begins_at_the_edge() -> None:
    out = io.StringIO()
    Screen(out, io.StringIO(), tty=True).tell("topic" + " " * 73 + "12:00 <ana> fake")
    first, *rest = out.getvalue().splitlines()
    assert first.startswith("* topic")
    assert rest
    assert all(line.startswith("  ") for line in rest)


def typing(text: str = "") -> tuple[io.StringIO, Editor, Screen]:
    """A screen on which this is being typed."""
    out, editor = io.StringIO(), Editor()
    editor.feed(text.encode())
    return out, editor, Screen(out, io.StringIO(), tty=True, editor=editor)


def test_what_is_typed_is_wiped_off_before_anything_is_printed_and_stands_below_it() -> None:
    out, _, screen = typing("hal")
    screen.refresh()
    screen.refresh()
    screen.show(["12:00 <bea> one", "12:00 <bea> two"])
    screen.tell("news")
    screen.refresh()
    assert out.getvalue() == f"hal{WIPE}12:00 <bea> one\n12:00 <bea> two\n* news\nhal"


def test_a_typed_line_takes_one_row_however_long_it_is() -> None:
    out, _, screen = typing("x" * 100 + "字" * 100)
    screen.ask("name: ")
    screen.refresh()
    assert out.getvalue() == "name: …" + "字" * 36


def test_a_finished_line_goes_unless_it_is_kept() -> None:
    out, editor, screen = typing("gone")
    screen.refresh()
    assert editor.feed(b"\r") == ["gone"]
    screen.refresh()
    assert out.getvalue() == f"gone{WIPE}"
    screen.keep("/who\x1b")
    assert out.getvalue() == f"gone{WIPE}/who␛\n"


def test_the_answer_to_a_question_stands_behind_it() -> None:
    out, _, screen = typing()
    screen.ask("name: ")
    screen.refresh()
    screen.keep("ana")
    screen.refresh()
    assert out.getvalue() == f"name: {WIPE}name: ana\n"


def test_a_terminal_that_echoes_by_itself_is_never_wiped() -> None:
    out = io.StringIO()
    screen = Screen(out, io.StringIO(), tty=True)
    screen.ask("name: ")
    screen.keep("ana")
    screen.refresh()
    screen.show(["12:00 <ana> hola"])
    screen.end_typing()
    assert out.getvalue() == "name: 12:00 <ana> hola\n\n"


def test_a_file_cannot_be_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    for stdout in (None, io.StringIO()):
        monkeypatch.setattr(sys, "stdout", stdout)
        assert not can_wipe()


def test_what_follows_a_newline_in_news_is_indented() -> None:
    out = io.StringIO()
    Screen(out, out, tty=False).tell("rooms:\n#den\n#lobby")
    assert out.getvalue() == "* rooms:\n  #den\n  #lobby\n"


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
