from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.client.editor import CUT, Editor
from netchat.client.harmless import harmless, width
from netchat.client.lines import MAX_LINE


def typed(keys: str) -> str:
    """The line that comes of it."""
    (line,) = Editor().feed(keys.encode() + b"\r")
    return line


def test_return_finishes_a_line_and_the_rest_is_the_next() -> None:
    editor = Editor()
    assert editor.feed(b"one\rtwo\n\nthr") == ["one", "two", ""]
    assert editor.tail(80) == "thr"
    assert editor.rest() == []


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("halo\x7f\x7f\x08ola", "hola"),
        ("\x7fa", "a"),
        ("one two  \x17three", "one three"),
        ("\x17\x17a", "a"),
        ("one two\x15three", "three"),
        ("e\u0301\u0323\x7fa", "a"),
        ("👩\u200d🚀\x7f", "👩"),
        ("a\tb", "a\tb"),
        ("a\x00\x01\x85b", "ab"),
        ("a\x04b", "ab"),
    ],
)
def test_keys_edit_the_line(keys: str, line: str) -> None:
    assert typed(keys) == line


@pytest.mark.parametrize("key", ["\x1b[A", "\x1b[1;5C", "\x1bOP", "\x1b[200~", "\x1b\x1b[D"])
def test_special_keys_do_nothing_even_in_pieces(key: str) -> None:
    editor = Editor()
    for char in f"a{key}b":
        editor.feed(char.encode())
    assert editor.feed(b"\n") == ["ab"]


def test_escape_alone_costs_no_letter_and_no_return() -> None:
    assert typed("\x1bhola") == "hola"
    assert typed("hola\x1b") == "hola"
    assert Editor().feed(b"a\x1b[\nb\n") == ["a", "b"]


def test_an_end_counts_on_an_empty_line_only_and_nothing_counts_after_it() -> None:
    editor = Editor()
    editor.feed(b"a\x04")
    assert not editor.ended
    assert editor.feed(b"\n\x04b\n") == ["a"]
    assert editor.ended


def test_letters_may_come_in_pieces_and_what_is_no_text_becomes_a_placeholder() -> None:
    editor = Editor()
    for byte in "é字👋".encode():
        editor.feed(bytes([byte]))
    assert editor.feed(b"\xff\n") == ["é字👋\ufffd"]


def test_a_line_without_end_costs_no_memory_and_is_not_lost_in_silence() -> None:
    editor = Editor()
    for _ in range(MAX_LINE // 4_096 + 2):
        editor.feed(b"x" * 4_096)
    (line,) = editor.feed(b"\n")
    assert len(line) == MAX_LINE


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60), st.integers(1, 40))
def test_the_tail_fits_and_is_the_end_of_the_line(text: str, columns: int) -> None:
    editor = Editor()
    editor.feed(text.encode())
    tail = editor.tail(columns)
    assert width(tail) <= columns
    if width(harmless(text)) <= columns and len(text) <= columns:
        assert tail == harmless(text)
    else:
        assert tail.startswith(CUT)


def test_a_full_row_ends_with_what_was_typed_last() -> None:
    editor = Editor()
    editor.feed("hola 字字".encode())
    assert editor.tail(9) == "hola 字字"
    assert editor.tail(8) == "…la 字字"
    assert editor.tail(4) == "…字"
