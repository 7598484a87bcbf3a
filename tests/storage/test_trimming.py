"""Retention: what is too old or too many goes, in pages, and nothing else changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from netchat.chat.log import Batch, Duplicate, RoomRow, Stored, Trimmed
from netchat.errors import StoreFailed
from netchat.storage.sqlite import SqliteLog

from .support import ATTIC, BEN, LOBBY, ROOMS, START, Folder, Log, memory_log, numbered, post

KINDS = ("memory", "fsync", "wal")
HOUR = 3_600_000

OpenLog = Callable[..., Log]


@pytest.fixture(params=KINDS)
def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenLog]:
    opened: list[Log] = []

    def open_kind(keep: int = 0, keep_ms: int = 0) -> Log:
        if request.param == "memory":
            log = memory_log(keep or 1000, keep_ms)
        else:
            log = Folder(tmp_path, keep=keep, keep_ms=keep_ms).open(request.param)
        log.store.append(ROOMS)
        opened.append(log)
        return log

    yield open_kind
    for log in opened:
        log.close()


def seqs(log: Log, room: RoomRow = LOBBY) -> list[int]:
    return [entry.seq for entry in log.entries(room.room)]


# In every store.


def test_without_limits_nothing_goes(open_log: OpenLog) -> None:
    log = open_log()
    log.post(*numbered(20))
    log.clock.now += 10**12
    assert log.store.trim(5) == Trimmed({}, more=False)
    assert seqs(log) == list(range(1, 21))


def test_a_rooms_newest_messages_are_kept(open_log: OpenLog) -> None:
    log = open_log(keep=3)
    log.post(*numbered(10), post("a", room=ATTIC), post("b", room=ATTIC))
    log.trim()
    assert (seqs(log), seqs(log, ATTIC)) == ([8, 9, 10], [1, 2])
    assert log.trim() == {}


def test_what_is_too_old_goes(open_log: OpenLog) -> None:
    log = open_log(keep_ms=HOUR)
    log.post(post("a"), post("b"), post("c", room=ATTIC))
    log.clock.now += HOUR
    log.post(post("d"))
    assert log.trim() == {}, "an hour is not more than an hour"
    log.clock.now += 1
    assert log.trim() == {LOBBY.room: 3, ATTIC.room: 2}
    assert (seqs(log), seqs(log, ATTIC)) == ([3], [])


def test_a_clock_that_goes_back_keeps_no_other_room_from_being_trimmed(open_log: OpenLog) -> None:
    log = open_log(keep_ms=HOUR)
    log.clock.now += 24 * HOUR
    log.post(post("from tomorrow"))
    log.clock.now -= 24 * HOUR
    log.post(post("a", room=ATTIC))
    log.clock.now += HOUR + 1
    assert log.trim() == {ATTIC.room: 2}


def test_the_stricter_limit_counts(open_log: OpenLog) -> None:
    log = open_log(keep=4, keep_ms=HOUR)
    log.post(*numbered(6))
    log.trim()
    assert seqs(log) == [3, 4, 5, 6]
    log.clock.now += HOUR + 1
    log.post(post("new"))
    assert log.trim() == {LOBBY.room: 7}
    assert seqs(log) == [7]


def test_seqs_and_times_go_on_though_nothing_is_left(open_log: OpenLog) -> None:
    log = open_log(keep_ms=HOUR)
    log.post(*numbered(4))
    log.clock.now += HOUR + 1
    assert log.trim() == {LOBBY.room: 5}
    assert seqs(log) == []
    log.clock.now -= 2 * HOUR
    assert log.post(post("new")) == [Stored(5, START)]
    assert seqs(log) == [5]


def test_an_id_is_forgotten_with_its_message_and_not_before(open_log: OpenLog) -> None:
    log = open_log(keep=2)
    log.post(*numbered(3), post("n1", by=BEN))
    log.trim()
    assert log.post(post("n3"), post("n1", by=BEN)) == [Duplicate(3, START), Duplicate(4, START)]
    assert log.post(post("n1")) == [Stored(5, START)]


def test_a_page_holds_as_many_as_it_may_and_the_oldest_go_first(open_log: OpenLog) -> None:
    log = open_log(keep_ms=HOUR)
    log.post(*numbered(7))
    log.clock.now += HOUR + 1
    assert log.store.trim(3) == Trimmed({LOBBY.room: 4}, more=True)
    assert seqs(log) == [4, 5, 6, 7]
    assert log.store.trim(3) == Trimmed({LOBBY.room: 7}, more=True)
    assert log.store.trim(3) == Trimmed({LOBBY.room: 8}, more=False)


def test_many_rooms_are_trimmed_page_by_page(open_log: OpenLog) -> None:
    log = open_log(keep=2, keep_ms=HOUR)
    rooms = [RoomRow(number, f"r{number}", f"R{number}") for number in range(3, 20)]
    log.store.append(Batch(rooms=rooms))
    for room in rooms[::2]:
        log.post(*(post(f"{room.key}-{n}", room=room) for n in range(room.room % 6)))
    log.clock.now += HOUR + 1
    log.post(*(post(f"{room.key}-late", room=room) for room in rooms[::4]))
    log.trim(4)
    for place, room in enumerate(rooms):
        head = room.room % 6 if place % 2 == 0 else 0
        assert seqs(log, room) == ([head + 1] if place % 4 == 0 else [])


# In SQLite.


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, keep=3, keep_ms=HOUR)


def filled(folder: Folder, count: int = 10) -> Log:
    log = folder.open()
    log.store.append(ROOMS)
    log.post(*numbered(count))
    return log


def test_a_trimmed_log_opens_sound_with_its_firsts(folder: Folder) -> None:
    log = filled(folder)
    log.post(post("a", room=ATTIC))
    log.trim()
    folder.clock.now += HOUR + 1
    log.post(*(post(f"m{n}") for n in range(4)))
    assert log.trim() == {LOBBY.room: 12, ATTIC.room: 2}
    log.close()
    store = folder.store()
    lobby, attic = store.load().rooms
    assert (lobby.first, lobby.head, lobby.damaged) == (12, 14, None)
    assert (attic.first, attic.head, attic.damaged) == (2, 1, None)
    assert store.append(Batch(posts=[post("b", room=ATTIC)])).results == [
        Stored(2, folder.clock.now)
    ]
    assert store.trim(500) == Trimmed({}, more=False)
    store.close()


def test_a_damaged_room_is_left_as_it_is(folder: Folder) -> None:
    log = filled(folder)
    log.post(*(post(f"a{n}", room=ATTIC) for n in range(5)))
    log.close()
    db = apsw.Connection(str(folder.file))
    db.execute("DELETE FROM messages WHERE room = 1 AND seq = 9")
    db.close()
    log = folder.open()
    folder.clock.now += HOUR + 1
    assert log.trim() == {ATTIC.room: 6}
    assert seqs(log) == [*range(1, 9), 10]
    log.close()


def test_a_look_that_finds_nothing_writes_nothing(folder: Folder) -> None:
    log = filled(folder)
    log.trim()
    wal = folder.file.with_name(folder.file.name + "-wal")
    before = wal.read_bytes()
    assert log.trim() == {}
    assert wal.read_bytes() == before
    log.close()


def test_a_failure_deletes_nothing_and_the_next_page_does(folder: Folder) -> None:
    log = filled(folder)
    connection(log).pragma("query_only", True)
    with pytest.raises(StoreFailed):
        log.store.trim(500)
    assert seqs(log) == list(range(1, 11))
    assert log.trim() == {LOBBY.room: 8}
    assert log.post(post("new")) == [Stored(11, START)]
    log.close()


def test_what_was_deleted_in_spite_of_a_failure_is_told_the_next_time(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = filled(folder)
    commit = SqliteLog._transaction

    @contextmanager
    def commit_and_fail(store: SqliteLog) -> Iterator[apsw.Connection]:
        with commit(store) as db:
            yield db
        raise StoreFailed

    with monkeypatch.context() as patch:
        patch.setattr(SqliteLog, "_transaction", commit_and_fail)
        with pytest.raises(StoreFailed):
            log.store.trim(500)
    assert seqs(log) == [8, 9, 10]
    assert log.trim() == {LOBBY.room: 8}
    assert log.trim() == {}
    log.close()


def connection(log: Log) -> apsw.Connection:
    assert isinstance(log.store, SqliteLog)
    assert log.store._db is not None
    return log.store._db


def test_what_is_kept_is_not_read(folder: Folder) -> None:
    folder.keep_ms = 0
    folder.keep = 20_000
    log = folder.open()
    log.store.append(ROOMS)
    log.post(*numbered(20_000))
    steps = 0

    def count() -> bool:
        nonlocal steps
        steps += 1
        return False

    db = connection(log)
    db.set_progress_handler(count, 100)
    assert log.trim() == {}
    assert steps < 10
    log.post(post("one more"))
    steps = 0
    assert log.trim() == {LOBBY.room: 2}
    assert steps < 10
    log.close()


def test_a_page_of_deletions_is_short(tmp_path: Path) -> None:
    folder = Folder(tmp_path, keep=1)
    log = filled(folder, 5_000)
    begun = time.perf_counter()
    assert log.store.trim(500).more is True
    assert time.perf_counter() - begun < 0.25, "50 times as long as it takes"
    log.close()
