"""What every store and reader must do, run against all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netchat.chat.log import (
    PAGE_BYTES,
    Batch,
    Conflict,
    Duplicate,
    LogPost,
    Result,
    RoomRow,
    Stored,
)
from netchat.errors import StoreFailed

from .support import ANA, ATTIC, BEN, LOBBY, ROOMS, START, Folder, Log, memory_log, numbered, post

KINDS = ("memory", "fsync", "wal")


def open_kind(kind: str, folder: Path) -> Log:
    log = memory_log() if kind == "memory" else Folder(folder).open(kind)  # type: ignore[arg-type]
    log.store.append(ROOMS)
    return log


@pytest.fixture(params=KINDS)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    log = open_kind(request.param, tmp_path)
    yield log
    log.close()


def test_seqs_are_contiguous_in_each_room(log: Log) -> None:
    results = log.post(post("a"), post("b", room=ATTIC), post("c"), post("d", room=ATTIC))
    assert results == [Stored(1, START), Stored(1, START), Stored(2, START), Stored(2, START)]
    assert log.post(post("e")) == [Stored(3, START)]


def test_times_never_run_backwards_in_a_room(log: Log) -> None:
    log.post(post("a"))
    log.clock.now -= 3_600_000
    assert log.post(post("b"), post("c", room=ATTIC)) == [
        Stored(2, START),
        Stored(1, START - 3_600_000),
    ]
    log.clock.now = START + 5
    assert log.post(post("d")) == [Stored(3, START + 5)]


def test_a_post_of_an_earlier_batch_is_a_duplicate(log: Log) -> None:
    log.post(post("a"), post("b"))
    log.clock.now += 1000
    assert log.post(post("b"), post("c")) == [Duplicate(2, START), Stored(3, START + 1000)]


def test_a_post_of_the_same_batch_is_a_duplicate(log: Log) -> None:
    assert log.post(post("a"), post("a"), post("b")) == [
        Stored(1, START),
        Duplicate(1, START),
        Stored(2, START),
    ]
    assert [entry.id for entry in log.entries()] == ["a", "b"]


@pytest.mark.parametrize("other", [post("a", "bye"), post("a", room=ATTIC)])
def test_an_id_with_another_text_or_room_is_a_conflict(log: Log, other: LogPost) -> None:
    assert log.post(post("a"), other, post("b")) == [Stored(1, START), Conflict(), Stored(2, START)]
    assert log.post(other) == [Conflict()]
    assert log.entries(ATTIC.room) == []


def test_a_repeat_behind_many_posts_undoes_none_of_them(log: Log) -> None:
    log.post(post("a"))
    batch = Batch(posts=[*numbered(200), post("a"), post("b")], identities=[BEN])
    results = log.store.append(batch).results
    assert results[:200] == [Stored(seq, START) for seq in range(2, 202)]
    assert results[200:] == [Duplicate(1, START), Stored(202, START)]
    assert [entry.seq for entry in log.entries()] == list(range(1, 203))


def test_ids_belong_to_identities(log: Log) -> None:
    assert log.post(post("a"), post("a", by=BEN)) == [Stored(1, START), Stored(2, START)]


def test_an_id_may_look_like_anothers_beginning(log: Log) -> None:
    ids = ["a", "a\0b", "a ", "A", "á", "a\N{COMBINING ACUTE ACCENT}", "a'\"\\", "\U0010ffff"]
    assert log.post(*map(post, ids)) == [Stored(seq, START) for seq in range(1, len(ids) + 1)]
    assert [entry.id for entry in log.entries()] == ids


def test_a_post_to_an_unknown_room_fails_alone(log: Log) -> None:
    nowhere = RoomRow(99, "nowhere", "Nowhere")
    stored, refused, next_stored = log.post(post("a"), post("b", room=nowhere), post("c"))
    assert (stored, next_stored) == (Stored(1, START), Stored(2, START))
    assert isinstance(refused, StoreFailed)
    assert refused.retry_after == 1.0


def test_a_new_room_takes_posts_in_its_own_batch(log: Log) -> None:
    cellar = RoomRow(3, "cellar", "Cellar")
    batch = Batch(rooms=[cellar], posts=[post("a", room=cellar)])
    assert log.store.append(batch).results == [Stored(1, START)]


def test_a_room_that_comes_again_keeps_its_messages(log: Log) -> None:
    log.post(post("a"))
    log.store.append(Batch(rooms=[RoomRow(1, "lobby", "LOBBY")]))
    assert log.post(post("b")) == [Stored(2, START)]


def test_an_entry_is_read_as_it_was_posted(log: Log) -> None:
    log.post(post("a", "zwölf\n\t\N{PARTY POPPER}\\\"'", to="ben"))
    [entry] = log.entries()
    assert (entry.seq, entry.time, entry.sender, entry.to) == (1, START, "ana", "ben")
    assert (entry.id, entry.text) == ("a", "zwölf\n\t\N{PARTY POPPER}\\\"'")


@pytest.mark.parametrize(
    ("seq", "limit", "seqs", "more"),
    [
        (0, 3, [1, 2, 3], True),
        (0, 10, list(range(1, 11)), False),
        (0, 300, list(range(1, 11)), False),
        (7, 2, [8, 9], True),
        (7, 3, [8, 9, 10], False),
        (10, 3, [], False),
        (99, 3, [], False),
    ],
)
def test_after_gives_the_oldest_of_the_newer(
    log: Log, seq: int, limit: int, seqs: list[int], more: bool
) -> None:
    log.post(*numbered(10))
    page = log.reader.after(LOBBY.room, seq, limit)
    assert ([entry.seq for entry in page.entries], page.more) == (seqs, more)


@pytest.mark.parametrize(
    ("seq", "limit", "seqs", "more"),
    [
        (11, 3, [8, 9, 10], True),
        (99, 3, [8, 9, 10], True),
        (11, 10, list(range(1, 11)), False),
        (4, 2, [2, 3], True),
        (4, 3, [1, 2, 3], False),
        (1, 3, [], False),
        (0, 3, [], False),
    ],
)
def test_before_gives_the_newest_of_the_older(
    log: Log, seq: int, limit: int, seqs: list[int], more: bool
) -> None:
    log.post(*numbered(10))
    page = log.reader.before(LOBBY.room, seq, limit)
    assert ([entry.seq for entry in page.entries], page.more) == (seqs, more)


def test_a_page_stops_once_it_holds_enough_text(log: Log) -> None:
    quarter = "é" * (PAGE_BYTES // 8)
    log.post(*numbered(6, quarter))
    older = log.reader.after(LOBBY.room, 0, 300)
    newer = log.reader.before(LOBBY.room, 7, 300)
    assert ([entry.seq for entry in older.entries], older.more) == ([1, 2, 3, 4], True)
    assert ([entry.seq for entry in newer.entries], newer.more) == ([3, 4, 5, 6], True)
    rest = log.reader.after(LOBBY.room, 2, 300)
    assert ([entry.seq for entry in rest.entries], rest.more) == ([3, 4, 5, 6], False)


def test_a_page_has_one_entry_however_long(log: Log) -> None:
    log.post(*numbered(2, "x" * (PAGE_BYTES + 1)))
    page = log.reader.after(LOBBY.room, 0, 300)
    assert ([entry.seq for entry in page.entries], page.more) == ([1], True)


def test_an_unknown_room_has_no_entries(log: Log) -> None:
    assert log.reader.after(99, 0, 10).entries == []
    assert log.reader.before(99, 10, 10).more is False


def test_a_probe_changes_nothing(log: Log) -> None:
    log.post(post("a"))
    log.store.probe()
    assert log.post(post("b")) == [Stored(2, START)]


posts = st.builds(
    post,
    st.sampled_from(["p", "q", "r", "s", "t"]),
    st.sampled_from(["hello", "bye"]),
    room=st.sampled_from([LOBBY, ATTIC]),
    by=st.sampled_from([ANA, BEN]),
)
steps = st.lists(st.tuples(st.integers(-5, 5), st.lists(posts, max_size=6)), max_size=6)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps)
def test_any_batches_end_as_in_the_model(kind: str, steps: list[tuple[int, list[LogPost]]]) -> None:
    with TemporaryDirectory() as folder:
        log = open_kind(kind, Path(folder))
        model = Model()
        for jump, batch in steps:
            log.clock.now += jump
            assert log.post(*batch) == [model.post(one, log.clock.now) for one in batch]
        for room, expected in model.rooms.items():
            entries = log.entries(room)
            assert [(entry.seq, entry.time, entry.id) for entry in entries] == expected
        log.close()


class Model:
    """The log as one would first write it down."""

    def __init__(self) -> None:
        self.rooms: dict[int, list[tuple[int, int, str]]] = {LOBBY.room: [], ATTIC.room: []}
        self.seen: dict[tuple[int, str], tuple[LogPost, Stored]] = {}

    def post(self, post: LogPost, now: int) -> Result:
        key = (post.identity, post.id)
        if key in self.seen:
            first, stored = self.seen[key]
            same = (first.room, first.text) == (post.room, post.text)
            return Duplicate(stored.seq, stored.time) if same else Conflict()
        entries = self.rooms[post.room]
        stored = Stored(len(entries) + 1, max([now, *(time for _, time, _ in entries)]))
        entries.append((stored.seq, stored.time, post.id))
        self.seen[key] = (post, stored)
        return stored
