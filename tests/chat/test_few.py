from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.few import add, pack, unpack


@given(st.lists(st.text(), max_size=4).map(tuple))
def test_what_is_packed_is_what_comes_out(things: tuple[str, ...]) -> None:
    assert unpack(pack(things)) == things


@given(st.lists(st.text(), max_size=3).map(tuple), st.text())
def test_one_more_comes_last(things: tuple[str, ...], last: str) -> None:
    assert unpack(add(pack(things), last)) == (*things, last)


def test_one_thing_stands_there_by_itself() -> None:
    thing = object()
    assert pack((thing,)) is thing
