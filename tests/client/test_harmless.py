from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.client.harmless import JOINER, MAX_MARKS, cells, fold, harmless, width

any_text = st.text(st.characters(categories=None))
HARMFUL = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(any_text)
def test_nothing_comes_through_that_commands_or_hides(text: str) -> None:
    shown = harmless(text)
    assert not any(unicodedata.category(c) in HARMFUL for c in shown if c != JOINER)
    assert harmless(shown) == shown
    run = 0
    for char in shown:
        run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        assert run <= MAX_MARKS


def test_no_character_at_all_comes_through_that_should_not() -> None:
    everything = "".join(map(chr, range(0x110000)))
    categories = {unicodedata.category(char) for char in set(harmless(everything))}
    assert not categories & HARMFUL


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("a\rb\x00\x7f\x9b", "a␍b␀␡\ufffd"),
        ("a\u202eb\u2066c", "a\ufffdb\ufffdc"),
        ("a\u200bb\u2028c\ufeff\ud800", "a\ufffdb\ufffdc\ufffd\ufffd"),
        ("a\u200db", "a\ufffdb"),
        ("👩\u200d🚀 👩🏽\u200d🚀 ❤\ufe0f\u200d🔥", "👩\u200d🚀 👩🏽\u200d🚀 ❤\ufe0f\u200d🔥"),
        ("\u200d🚀", "\ufffd🚀"),
        ("Z" + "\u0301" * 40 + "a", "Z" + "\u0301" * MAX_MARKS + "a"),
        ("日本語 naïve שלום", "日本語 naïve שלום"),
        ("\u3164", "\ufffd"),
    ],
)
def test_harmful_text_is_made_visible_and_the_rest_left_alone(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(any_text, st.integers(2, 40), st.integers(2, 40))
def test_folding_fits_the_columns_and_loses_nothing_but_spaces(
    text: str, first: int, rest: int
) -> None:
    safe = harmless(text)
    pieces = fold(safe, first, rest)
    assert width(pieces[0]) <= first
    assert all(width(piece) <= rest for piece in pieces[1:])
    assert "".join(pieces).replace(" ", "") == safe.replace(" ", "")


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert [cells(c) for c in "a日\u0301"] == [1, 2, 0]
