"""Names, rooms and texts: what may be one, and what may not be told apart."""

# ruff: noqa: RUF001 - characters that look alike are what this is about

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.names import check_text, page_key, prepare_name, room_key
from netchat.errors import BadRequest, NameInvalid, RoomInvalid, TextTooLong

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=70)
wordlike = st.text(
    st.characters(categories=["L", "M", "Nd"], include_characters="_-."), min_size=1, max_size=33
)


@pytest.mark.parametrize(
    ("name", "key", "spelling"),
    [
        ("ana", "ana", "ana"),
        ("Ana", "ana", "Ana"),
        ("x", "x", "x"),
        ("a.b-c_1", "a.b-c_1", "a.b-c_1"),
        ("ＡＮＡ", "ana", "ANA"),  # full width
        ("１２", "12", "12"),
        ("e\u0301va", "éva", "éva"),  # composed
        ("ÉVA", "éva", "ÉVA"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("हिन्दी", "हिन्दी", "हिन्दी"),  # letters with vowel signs and a virama
        ("ไทย", "ไทย", "ไทย"),
        ("мир", "мир", "мир"),
        ("名前", "名前", "名前"),
        ("שלום", "שלום", "שלום"),
        ("مرحبا", "مرحبا", "مرحبا"),
        ("अ१", "अ१", "अ१"),  # a decimal digit of its script
    ],
)
def test_a_name_has_a_key_and_a_spelling(name: str, key: str, spelling: str) -> None:
    assert prepare_name(name) == (key, spelling)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        " ana",
        "ana ",
        "a\u00a0b",
        "a\tb",
        "a\nb",
        "a\0b",
        "a\u200bb",  # zero-width space
        "a\u200db",  # zero-width joiner
        "a\ufeffb",
        "a\u00adb",  # soft hyphen
        "a\u202eb",  # right-to-left override
        "אa",  # both directions in one
        "a@b",
        "a,b",
        "a/b",
        "a!b",
        "#a",
        "a'b",
        "a+b",
        "😀",
        "½",
        "Ⅷ",
        "ﬁ",  # a ligature has a compatibility form
        "\ue000",  # private use
        "\u0378",  # not assigned
        "a" * 33,
        "é" * 32 + "x",
        "名" * 22,  # 66 bytes
        "\ud800",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(NameInvalid):
        prepare_name(name)


def test_a_name_has_up_to_32_characters_in_up_to_64_bytes() -> None:
    assert prepare_name("a" * 32)[1] == "a" * 32
    assert prepare_name("é" * 32)[1] == "é" * 32
    assert prepare_name("名" * 21)[1] == "名" * 21


@given(anything | wordlike)
def test_any_text_is_a_name_or_name_invalid(text: str) -> None:
    try:
        key, spelling = prepare_name(text)
    except NameInvalid:
        return
    assert 1 <= len(spelling) <= 32 and len(spelling.encode()) <= 64
    assert key and not any(character.isspace() for character in spelling)


@given(wordlike)
def test_a_spelling_is_prepared_to_itself(text: str) -> None:
    """Identities are loaded by their spelling; their keys must come out the same."""
    try:
        key, spelling = prepare_name(text)
    except NameInvalid:
        return
    assert prepare_name(spelling) == (key, spelling)


@given(wordlike)
def test_case_does_not_make_another_name(text: str) -> None:
    try:
        key = prepare_name(text)[0]
        other = prepare_name(text.upper())[0]
    except NameInvalid:
        return
    assert other == key or text.upper().lower() != text.lower()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("lobby", "lobby"),
        ("Lobby", "lobby"),
        ("ＬＯＢＢＹ", "lobby"),
        ("#general", "#general"),
        ("c++", "c++"),
        ("a@b", "a@b"),
        ("😀", "😀"),
        ("½", "1⁄2"),
        ("e\u0301cole", "école"),
        ("x" * 64, "x" * 64),
        ("😀" * 64, "😀" * 64),
    ],
)
def test_a_room_is_compared_by_its_key(name: str, key: str) -> None:
    assert room_key(name) == key


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        " a",
        "a\u3000b",
        "a\u2028b",
        "a\nb",
        "a\x7fb",
        "a\x85b",
        "a\0b",
        "a,b",
        "a，b",  # a full-width comma
        "@a",
        "＠a",
        "a\u200bb",
        "a\u202eb",
        "x" * 65,
        "½" * 64,  # longer once it is mapped
        "\ud800",
    ],
)
def test_what_is_no_room_is_refused(name: str) -> None:
    with pytest.raises(RoomInvalid):
        room_key(name)


@given(anything)
def test_any_text_is_a_room_or_room_invalid(text: str) -> None:
    try:
        key = room_key(text)
    except RoomInvalid:
        return
    assert 1 <= len(key) <= 64 and "," not in key and not key.startswith("@")


def test_a_page_goes_on_behind_a_name_however_it_is_spelled() -> None:
    assert page_key("ANA", room=False) == "ana"
    assert page_key("LOBBY", room=True) == "lobby"


def test_a_page_may_go_on_behind_what_is_no_name() -> None:
    assert page_key("a b", room=False) == "a b"
    assert page_key("", room=True) == ""


@pytest.mark.parametrize("text", ["x", "x" * 4_000, "😀" * 4_000, "a\n\tb", "\x7f", "\u200b"])
def test_a_text_may_be_posted(text: str) -> None:
    check_text(text)


def test_a_text_has_up_to_4000_code_points() -> None:
    with pytest.raises(TextTooLong):
        check_text("😀" * 4_001)


@pytest.mark.parametrize("text", ["", "\0", "\r", "a\rb", "\x1b[2J", "\x0b", "\x80", "\x9f"])
def test_an_empty_text_and_control_characters_are_a_bad_request(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_text(text)
    assert caught.value.field == "text"
