"""The journal's records: as lines and back, however the end of a file came about."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.client.journal import (
    Held,
    Kept,
    Known,
    Left,
    Owner,
    Posted,
    Record,
    Settled,
    decode,
    encode,
)

ids = st.sampled_from(["a-1", "a-2", "b-1"])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
rooms = st.sampled_from(["lobby", "\u043a\u0443\u0445\u043d\u044f", "@talk"])
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(Owner, version=st.just(1), server=texts, name=texts),
    st.builds(Known, texts, texts),
    st.builds(Posted, ids, texts, st.none() | rooms, st.none() | texts),
    st.builds(Settled, ids),
    st.builds(Held, rooms, texts, st.integers(0, 2**53 - 1)),
    st.builds(Left, rooms),
)


def lines(made: list[Record]) -> bytes:
    return b"".join(map(encode, made))


def kept(made: list[Record]) -> tuple[object, ...]:
    found = Kept(made)
    return found.owner, found.known, list(found.posts.items()), found.held


@given(st.lists(records))
def test_what_is_written_is_read(made: list[Record]) -> None:
    assert decode(lines(made)) == (made, 0)


@given(st.lists(records))
def test_the_shortest_journal_comes_to_the_same(made: list[Record]) -> None:
    assert kept(list(Kept(made).records())) == kept(made)


@given(st.lists(records, min_size=1, max_size=5))
def test_a_torn_end_costs_the_last_record_alone(made: list[Record]) -> None:
    whole, last = lines(made[:-1]), encode(made[-1])
    for cut in range(len(last)):
        assert decode(whole + last[:cut]) == (made[:-1], cut > 0)


def test_the_end_may_be_torn_at_every_byte() -> None:
    made: list[Record] = [
        Owner(version=1, server="127.0.0.1:7337", name="ana"),
        Known("ana", "secret"),
        Posted("a-1", "hola\n\u00bfqu\u00e9 tal?", "lobby"),
        Settled("a-1"),
    ]
    data = lines(made)
    ends = [len(lines(made[: n + 1])) for n in range(len(made))]
    for cut in range(len(data) + 1):
        whole = sum(end <= cut for end in ends)
        assert decode(data[:cut]) == (made[:whole], cut not in (0, *ends))


@given(st.lists(records, min_size=1, max_size=5), st.data())
def test_a_changed_byte_costs_its_own_line_and_no_other(
    made: list[Record], data: st.DataObject
) -> None:
    written = bytearray(lines(made))
    at = data.draw(st.integers(0, len(written) - 1))
    written[at] ^= data.draw(st.integers(1, 255))
    found, lost = decode(bytes(written))
    assert lost >= 1
    assert len(found) >= len(made) - 2  # two, where a newline was hit
    assert all(record in made for record in found)


@given(st.binary(max_size=200))
def test_rubbish_has_no_records_and_raises_nothing(data: bytes) -> None:
    found, lost = decode(data)
    assert found == []
    assert (lost > 0) == bool(data)


def test_a_line_of_another_kind_is_not_taken_for_one_of_ours() -> None:
    from zlib import crc32

    for payload in (b"{}", b"[1]", b'{"type":"posted","id":1,"text":"x"}', b"\xff"):
        assert decode(b"%08x %s\n" % (crc32(payload), payload)) == ([], 1)
