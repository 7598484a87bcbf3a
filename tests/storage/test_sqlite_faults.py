"""The SQLite log on a disk that fails once, at each write and each sync in turn."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import apsw
import pytest

from netchat.chat.log import Duplicate, LogPost, Stored
from netchat.errors import StartError, StoreError, StoreFull

from .disk import Disk
from .support import LOBBY, ROOMS, START, Folder, Log, numbered, post

BATCHES = [[post(f"{batch}-{number}", "x" * 600) for number in range(6)] for batch in range(3)]


def post_all(log: Log) -> tuple[dict[str, int], bool]:
    """Post every batch, each at most three times. Returns the seqs by id; did one fail?"""
    seqs: dict[str, int] = {}
    failed = False
    for batch in BATCHES:
        for _ in range(3):
            try:
                results = log.post(*batch)
            except StoreError:
                failed = True
                continue
            seqs |= {post.id: _seq(result) for post, result in zip(batch, results, strict=True)}
            break
    return seqs, failed


def _seq(result: object) -> int:
    assert isinstance(result, (Stored, Duplicate))
    return result.seq


def operations(disk: Disk, folder: Folder) -> int:
    """How many operations a run without a failure takes."""
    log = folder.open()
    log.store.append(ROOMS)
    disk.log.clear()
    post_all(log)
    count = len(disk.log)
    log.close()
    return count


@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
def test_one_failure_anywhere_loses_nothing_and_doubles_nothing(
    disk: Disk, tmp_path: Path, error: type[apsw.Error]
) -> None:
    disk.error = error
    failures = 0
    for fatal in range(1, operations(disk, Folder(tmp_path / "sound")) + 1):
        folder = Folder(tmp_path / str(fatal))
        log = folder.open()
        log.store.append(ROOMS)
        disk.log.clear()
        disk.fatal = fatal
        seqs, failed = post_all(log)
        disk.fatal = 0
        failures += failed
        expected = {post.id: seq for seq, post in enumerate(_flat(BATCHES), 1)}
        assert seqs == expected
        assert {entry.id: entry.seq for entry in log.entries()} == expected
        log.close()
        log = folder.open()
        assert {entry.id: entry.seq for entry in log.entries()} == expected
        log.close()
    assert failures > len(BATCHES)


@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
def test_one_failure_anywhere_in_trimming_leaves_a_sound_log(
    disk: Disk, tmp_path: Path, error: type[apsw.Error]
) -> None:
    disk.error = error
    expected = list(range(298, 301))
    for fatal in count(1):
        folder = Folder(tmp_path / str(fatal), keep=3)
        log = folder.open()
        log.store.append(ROOMS)
        log.post(*numbered(300))
        disk.log.clear()
        disk.fatal = fatal
        failures = 0
        while [entry.seq for entry in log.entries()] != expected:
            try:
                log.trim(100)
            except StoreError:
                failures += 1
                assert log.entries()[-1].seq == 300
        disk.fatal = 0
        log.close()
        [lobby, _] = folder.store().load().rooms
        assert (lobby.first, lobby.head, lobby.damaged) == (298, 300, None)
        if not failures:
            break
    assert fatal > 6


def test_a_failed_sync_is_no_acknowledgement(disk: Disk, tmp_path: Path) -> None:
    log = Folder(tmp_path).open()
    log.store.append(ROOMS)
    disk.log.clear()
    log.post(post("a"))
    assert disk.log[-1] == "sync"
    disk.fatal = 2 * len(disk.log)
    with pytest.raises(StoreError):
        log.post(post("b"))
    assert [entry.id for entry in log.entries()] == ["a"]
    [result] = log.post(post("b"))
    assert isinstance(result, Stored)
    assert result.seq == 2
    log.close()


@pytest.mark.parametrize("failures", [1, 2, 3, 50])
def test_what_was_refused_stays_out_though_closing_fails_too(
    disk: Disk, tmp_path: Path, failures: int
) -> None:
    log = Folder(tmp_path).open()
    log.store.append(ROOMS)
    disk.log.clear()
    log.post(post("a"))
    disk.fatal = 2 * len(disk.log)  # the sync of the next commit
    disk.failures = failures
    with pytest.raises(StoreError):
        log.post(post("b"))
    disk.fatal = 0
    assert log.post(post("c")) == [Stored(2, START)]
    assert [entry.id for entry in log.entries()] == ["a", "c"]
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["netchat.db", "netchat.lock"]


def test_wal_durability_does_not_wait_for_the_disk(disk: Disk, tmp_path: Path) -> None:
    log = Folder(tmp_path).open("wal")
    log.store.append(ROOMS)
    disk.log.clear()
    log.post(post("a"))
    assert "sync" not in disk.log
    log.close()
    assert "sync" in disk.log


def test_the_mark_of_a_running_log_is_on_disk_before_the_first_post(
    disk: Disk, tmp_path: Path
) -> None:
    Folder(tmp_path).open("wal").close()
    disk.log.clear()
    log = Folder(tmp_path).open("wal")
    assert disk.log[-1] == "sync"
    log.close()


def test_a_failure_at_start_is_a_sentence_and_the_next_start_works(
    disk: Disk, tmp_path: Path
) -> None:
    folder = Folder(tmp_path / "sound")
    folder.open().close()
    for fatal in range(1, disk.log.index("sync") + 3):
        folder = Folder(tmp_path / str(fatal))
        disk.log.clear()
        disk.fatal = fatal
        with pytest.raises(StartError):
            folder.store().load()
        disk.fatal = 0
        log = folder.open()
        log.store.append(ROOMS)
        assert isinstance(log.post(post("a", room=LOBBY))[0], Stored)
        log.close()


def test_a_disk_that_stays_full_keeps_refusing(disk: Disk, tmp_path: Path) -> None:
    log = Folder(tmp_path).open()
    log.store.append(ROOMS)
    disk.error = apsw.FullError
    disk.fatal, disk.failures = len(disk.log) + 1, 1_000
    for _ in range(3):
        with pytest.raises(StoreFull):
            log.post(*BATCHES[0])
    disk.fatal = 0
    assert isinstance(log.post(*BATCHES[0])[0], Stored)
    log.close()


def _flat(batches: list[list[LogPost]]) -> list[LogPost]:
    return [post for batch in batches for post in batch]


def test_a_batch_writes_to_no_file_but_the_log(disk: Disk, tmp_path: Path) -> None:
    log = Folder(tmp_path).open()
    log.store.append(ROOMS)
    for batch in range(2):  # the second one changes more pages than SQLite keeps by itself
        log.post(*[post(f"{number:050}-{batch}") for number in range(2_000)])
    log.close()
    assert disk.nameless == 0
