"""The SQLite log when writing fails: nothing is stored, no seq is used, and it recovers."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import apsw
import pytest

from netchat.chat.log import Batch, Duplicate, RoomRow, Stored
from netchat.errors import StoreFailed, StoreFull
from netchat.storage.sqlite import SqliteLog, SqliteReader

from .support import ATTIC, LOBBY, ROOMS, START, Folder, Log, numbered, post

BIG = "x" * 4000


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def log(folder: Folder) -> Iterator[Log]:
    log = folder.open()
    log.store.append(ROOMS)
    log.post(post("first"))
    yield log
    log.close()


def connection(log: Log) -> apsw.Connection:
    assert isinstance(log.store, SqliteLog)
    assert log.store._db is not None
    return log.store._db


@contextmanager
def full_disk(log: Log) -> Iterator[None]:
    """A disk that holds what it holds now and no more."""
    db = connection(log)
    db.pragma("max_page_count", db.pragma("page_count"))
    yield
    db.pragma("max_page_count", 1_000_000)


@contextmanager
def failing_disk(beyond: int) -> Iterator[None]:
    """Writes beyond this size of a file fail: to SQLite a real I/O error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (beyond, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_stores_nothing_and_uses_no_seq(log: Log) -> None:
    with full_disk(log), pytest.raises(StoreFull) as caught:
        log.post(post("small"), *numbered(50, BIG))
    assert caught.value.retry_after == 1.0
    assert [entry.id for entry in log.entries()] == ["first"]
    assert log.post(post("small"), post("next")) == [Stored(2, START), Stored(3, START)]


def test_a_full_disk_forgets_the_rooms_of_its_batch(log: Log) -> None:
    cellar = RoomRow(3, "cellar", "Cellar")
    with full_disk(log), pytest.raises(StoreFull):
        log.store.append(Batch(rooms=[cellar], posts=numbered(50, BIG)))
    [refused] = log.post(post("x", room=cellar))
    assert isinstance(refused, StoreFailed)
    log.store.append(Batch(rooms=[cellar]))
    assert log.post(post("x", room=cellar)) == [Stored(1, START)]


def test_a_full_disk_keeps_its_connection(log: Log) -> None:
    db = connection(log)
    with full_disk(log), pytest.raises(StoreFull):
        log.post(*numbered(50, BIG))
    log.store.probe()
    assert connection(log) is db


def test_a_read_only_log_fails_and_recovers_on_a_new_connection(log: Log) -> None:
    connection(log).pragma("query_only", True)
    with pytest.raises(StoreFailed) as caught:
        log.post(post("second"))
    assert caught.value.retry_after == 1.0
    assert log.post(post("second")) == [Stored(2, START)]


def test_a_probe_fails_where_an_append_would(log: Log) -> None:
    connection(log).pragma("query_only", True)
    with pytest.raises(StoreFailed):
        log.store.probe()
    log.store.probe()


def test_an_io_error_stores_nothing_and_uses_no_seq(log: Log, folder: Folder) -> None:
    wal = folder.file.with_name(folder.file.name + "-wal")
    with failing_disk(wal.stat().st_size + 8192), pytest.raises(StoreFailed):
        log.post(*numbered(50, BIG))
    assert [entry.id for entry in log.entries()] == ["first"]
    assert log.post(post("first"), post("n1", BIG)) == [Duplicate(1, START), Stored(2, START)]


def test_it_fails_as_long_as_it_cannot_be_opened(log: Log, folder: Folder) -> None:
    connection(log).pragma("query_only", True)
    away = folder.file.rename(folder.path / "away.db")
    for _ in range(2):
        with pytest.raises(StoreFailed):
            log.post(post("second"))
    away.rename(folder.file)
    assert log.post(post("second")) == [Stored(2, START)]


def test_heads_are_read_again_after_a_failure(log: Log, folder: Folder) -> None:
    connection(log).pragma("query_only", True)
    with pytest.raises(StoreFailed):
        log.store.probe()
    other = apsw.Connection(str(folder.file))
    other.execute("UPDATE rooms SET head = 10, active = ? WHERE room = 1", (START + 7,))
    other.close()
    assert log.post(post("second")) == [Stored(11, START + 7)]


def test_a_damaged_room_stays_closed_over_a_failure(folder: Folder) -> None:
    log = folder.open()
    log.store.append(ROOMS)
    log.post(*numbered(3))
    connection(log).execute("DELETE FROM messages WHERE seq = 2")
    log.close()
    log = folder.open()
    connection(log).pragma("query_only", True)
    with pytest.raises(StoreFailed):
        log.store.probe()
    refused, stored = log.post(post("x"), post("y", room=ATTIC))
    assert isinstance(refused, StoreFailed)
    assert stored == Stored(1, START)
    log.close()


def test_a_lock_held_by_a_tool_fails_and_passes(log: Log, folder: Folder) -> None:
    tool = apsw.Connection(str(folder.file))
    tool.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreFailed):
        log.post(post("second"))
    tool.execute("ROLLBACK")
    tool.close()
    assert log.post(post("second")) == [Stored(2, START)]


def test_a_lock_held_for_an_instant_is_waited_out(log: Log, folder: Folder) -> None:
    tool = apsw.Connection(str(folder.file))
    tool.execute("BEGIN IMMEDIATE")
    instant = Timer(0.02, tool.close, [True])
    instant.start()
    assert log.post(post("second")) == [Stored(2, START)]
    instant.join()


def test_rows_that_contradict_each_other_fail_as_a_batch(log: Log) -> None:
    twin = RoomRow(3, LOBBY.key, "Twin")
    with pytest.raises(StoreFailed):
        log.store.append(Batch(rooms=[twin], posts=[post("second")]))
    assert log.post(post("second")) == [Stored(2, START)]


def test_reading_goes_on_while_writing_fails(log: Log) -> None:
    with full_disk(log), pytest.raises(StoreFull):
        log.post(*numbered(50, BIG))
    connection(log).pragma("query_only", True)
    with pytest.raises(StoreFailed):
        log.store.probe()
    assert [entry.id for entry in log.entries()] == ["first"]


def test_a_failed_read_is_told_and_the_next_one_is_fresh(log: Log, folder: Folder) -> None:
    away = folder.file.rename(folder.path / "away.db")
    with pytest.raises(StoreFailed):
        log.reader.after(LOBBY.room, 0, 10)
    away.rename(folder.file)
    assert [entry.id for entry in log.entries()] == ["first"]


def test_text_that_is_no_longer_utf8_is_a_failed_read(log: Log) -> None:
    connection(log).execute("UPDATE messages SET text = CAST(x'68ff69' AS TEXT)")
    with pytest.raises(StoreFailed):
        log.reader.after(LOBBY.room, 0, 10)
    assert isinstance(log.reader, SqliteReader)
    assert log.reader._db is None  # the next read opens another


def test_the_reader_cannot_write(log: Log) -> None:
    log.entries()
    assert isinstance(log.reader, SqliteReader)
    assert log.reader._db is not None
    with pytest.raises(apsw.ReadOnlyError):
        log.reader._db.execute("DELETE FROM messages")


CRASHER = """
import os, sys
from pathlib import Path
from netchat.chat.log import Batch, LogPost, RoomRow
from netchat.storage.sqlite import SqliteLog

def wall():
    if acknowledged == 5:
        os._exit(9)  # inside the sixth batch's transaction
    return 1_700_000_000_000

acknowledged = 0
log = SqliteLog(Path(sys.argv[1]), sys.argv[2], wall, lambda: "epoch", "boot")
log.load()
log.append(Batch(rooms=[RoomRow(1, "lobby", "Lobby")]))
while True:
    log.append(Batch(posts=[LogPost(1, 1, f"{acknowledged}-{n}", "ana", None, "hi")
                            for n in range(10)]))
    acknowledged += 1
    print(acknowledged, flush=True)
"""


@pytest.mark.parametrize("durability", ["fsync", "wal"])
def test_a_killed_process_keeps_what_it_acknowledged(folder: Folder, durability: str) -> None:
    command = [sys.executable, "-c", CRASHER, str(folder.file), durability]
    ended = subprocess.run(
        command, capture_output=True, timeout=30, env={**os.environ, "PYTHONPATH": _root()}
    )
    assert (ended.returncode, ended.stdout.split()[-1:]) == (9, [b"5"]), ended.stderr
    log = folder.open("wal" if durability == "wal" else "fsync")
    expected = [f"{batch}-{number}" for batch in range(5) for number in range(10)]
    assert [entry.id for entry in log.entries()] == expected
    assert log.post(post("4-9", "hi"), post("5-0", "hi")) == [
        Duplicate(50, START),
        Stored(51, START),
    ]
    log.close()


def _root() -> str:
    return str(Path(__file__).parents[2])
