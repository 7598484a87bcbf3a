"""Tails: the newest slices of all rooms, within one budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.sessions.tail import Slice, Tails

WIRE, OTHER = object(), object()


def piece(first: int, last: int) -> Slice:
    """Messages of three bytes, each its own seq."""
    blob = b"".join(b"%02d;" % seq for seq in range(first, last + 1))
    return Slice(first, last, blob, tuple(range(3, len(blob), 3)))


def filled(*ranges: tuple[int, int], budget: int = 2**30) -> Tails:
    tails = Tails(budget)
    for first, last in ranges:
        tails.append("lobby", WIRE, piece(first, last))
    return tails


def test_a_whole_slice_is_the_very_object_that_was_published() -> None:
    part = piece(1, 3)
    tails = Tails()
    tails.append("lobby", WIRE, part)
    found = tails.read("lobby", WIRE, 1, 3, 1_000)
    assert found is not None
    assert found[0][0] is part.blob
    assert found[1] == 4


def test_a_reader_in_the_middle_of_a_slice_gets_the_rest_of_it() -> None:
    assert filled((1, 4)).read("lobby", WIRE, 3, 4, 1_000) == ([b"03;04;"], 5)


def test_nothing_beyond_the_last_is_read() -> None:
    tails = filled((1, 4), (5, 8))
    assert tails.read("lobby", WIRE, 3, 6, 1_000) == ([b"03;04;", b"05;06;"], 7)
    assert tails.read("lobby", WIRE, 2, 3, 1_000) == ([b"02;03;"], 4)
    assert tails.read("lobby", WIRE, 1, 4, 1_000) == ([b"01;02;03;04;"], 5)


def test_a_read_takes_whole_slices_up_to_about_a_size_and_at_least_one() -> None:
    tails = filled((1, 4), (5, 8), (9, 12))
    assert tails.read("lobby", WIRE, 1, 12, 1) == ([b"01;02;03;04;"], 5)


def test_what_lies_before_the_tail_is_not_there() -> None:
    tails = filled((5, 8))
    assert tails.read("lobby", WIRE, 4, 8, 1_000) is None
    assert tails.read("tea", WIRE, 1, 8, 1_000) is None


def test_what_was_encoded_for_no_member_of_this_wire_is_not_there() -> None:
    tails = filled((1, 2))
    tails.append("lobby", OTHER, piece(3, 4))
    assert tails.read("lobby", WIRE, 3, 4, 1_000) is None
    assert tails.read("lobby", WIRE, 1, 4, 1_000) == ([b"01;02;"], 3)
    tails.append("lobby", WIRE, piece(5, 6))
    assert tails.read("lobby", WIRE, 1, 6, 1_000) == ([b"01;02;"], 3)
    assert tails.read("lobby", WIRE, 3, 6, 1_000) is None
    assert tails.read("lobby", OTHER, 4, 4, 1_000) == ([b"04;"], 5)


def test_the_room_that_was_used_least_recently_shrinks_first() -> None:
    size = piece(1, 1).size
    tails = Tails(budget=3 * size)
    tails.append("old", WIRE, piece(1, 1))
    tails.append("used", WIRE, piece(1, 1))
    tails.append("new", WIRE, piece(1, 1))
    assert tails.read("old", WIRE, 1, 1, 1_000)
    tails.append("new", WIRE, piece(2, 2))
    assert tails.read("used", WIRE, 1, 1, 1_000) is None
    assert tails.read("old", WIRE, 1, 1, 1_000)
    assert tails.read("new", WIRE, 1, 2, 10_000) == ([b"01;", b"02;"], 3)


def test_a_room_shrinks_from_its_oldest_side() -> None:
    tails = filled((1, 1), (2, 2), (3, 3), budget=2 * piece(1, 1).size)
    assert tails.read("lobby", WIRE, 1, 3, 10_000) is None
    assert tails.read("lobby", WIRE, 2, 3, 10_000) == ([b"02;", b"03;"], 4)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.booleans()), max_size=60))
def test_the_budget_holds_and_is_counted_right(steps: list[tuple[str, int, bool]]) -> None:
    tails = Tails(budget=5_000)
    heads = dict.fromkeys("abc", 0)
    for room, count, live in steps:
        first = heads[room] + 1
        heads[room] += count
        tails.append(room, WIRE if live else OTHER, piece(first, heads[room]))
        assert 0 <= tails.bytes <= 5_000
        held = [part.size for slices in tails._tails.values() for part in slices]
        assert tails.bytes == sum(held)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from([WIRE, OTHER, None])), max_size=20),
    st.data(),
)
def test_what_is_read_is_what_was_published_for_that_wire(
    steps: list[tuple[int, object]], data: st.DataObject
) -> None:
    tails, head = Tails(), 0
    published: dict[int, object] = {}
    for count, wire in steps:
        first, head = head + 1, head + count
        if wire is not None:
            tails.append("lobby", wire, piece(first, head))
        published |= dict.fromkeys(range(first, head + 1), wire)
    seq = data.draw(st.integers(1, head + 1))
    last = data.draw(st.integers(seq, head + 1))
    found = tails.read("lobby", WIRE, seq, last, 10_000)
    after = next((s for s in range(seq, last + 1) if published.get(s) is not WIRE), last + 1)
    expected = b"".join(b"%02d;" % s for s in range(seq, after))
    assert (b"".join(found[0]), found[1]) == (expected, after) if found else not expected


def test_a_reader_far_behind_looks_at_few_slices() -> None:
    looked_at: list[int] = []

    class Watched(int):
        def __lt__(self, other: int) -> bool:
            looked_at.append(self)
            return int(self) < other

    tails = Tails()
    for seq in range(1, 1_001):
        tails.append("lobby", WIRE, Slice(seq, Watched(seq), b"x" * 100))
    looked_at.clear()
    assert tails.read("lobby", WIRE, 2, 1_000, 1_000)
    assert len(looked_at) < 40
