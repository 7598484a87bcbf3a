"""The WAL is as long as it gets before it is written, and nobody notices."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import apsw
import pytest

from netchat.chat.log import Stored
from netchat.storage.reserve import STEP
from netchat.storage.wal import FRAME, HEADER, PAGE

from .disk import Disk
from .support import ROOMS, START, Folder, Log, post

ROOM = 100
"""Pages between two checkpoints."""

FULL = HEADER.size + ROOM * (FRAME.size + PAGE)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, wal_pages=ROOM)


def length(folder: Folder) -> int:
    return folder.file.with_name("netchat.db-wal").stat().st_size


def opened(folder: Folder) -> Log:
    log = folder.open()
    log.store.append(ROOMS)
    return log


def test_commits_make_it_a_step_longer_each_until_it_is_long_enough(folder: Folder) -> None:
    log = opened(folder)
    lengths = [length(folder)]
    while lengths[-1] < FULL:
        log.post(post(f"{len(lengths)}"))
        lengths.append(length(folder))
    steps = [after - before for before, after in pairwise(lengths)]
    assert len(steps) >= 2
    assert set(steps[:-1]) == {STEP * (FRAME.size + PAGE)}
    for number in range(3 * ROOM):
        log.post(post(f"further {number}"))
    assert length(folder) <= FULL + 16 * (FRAME.size + PAGE)  # and the commit that was too much
    log.close()


def test_zeros_behind_the_last_commit_are_the_end_of_the_log(folder: Folder) -> None:
    log = opened(folder)
    log.post(post("first"), post("second"))
    left = {path.name: path.read_bytes() for path in folder.path.glob("netchat.db*")}
    log.close()
    for name, data in left.items():
        (folder.path / name).write_bytes(data)
    folder.file.with_name("netchat.db-shm").unlink()
    assert left["netchat.db-wal"].endswith(bytes(STEP * PAGE // 2))
    log = folder.open()
    assert [entry.id for entry in log.entries()] == ["first", "second"]
    assert log.post(post("third")) == [Stored(3, START)]
    log.close()


def test_it_begins_anew_after_the_wal_was_cut(folder: Folder) -> None:
    log = opened(folder)
    tool = apsw.Connection(str(folder.file))
    assert tool.execute("SELECT count(*) FROM messages").get == 0  # which opens the WAL
    tool.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    tool.close()
    assert length(folder) == 0
    log.post(post("first"))
    assert length(folder) >= STEP * PAGE
    log.close()


@pytest.mark.parametrize("error", [apsw.FullError, apsw.IOError])
def test_a_post_is_taken_though_there_is_no_room_for_more(
    disk: Disk, folder: Folder, error: type[apsw.Error]
) -> None:
    log = opened(folder)
    before = length(folder)
    disk.error, disk.fatal = error, len(disk.log) + 1
    assert log.post(post("first")) == [Stored(1, START)]
    assert length(folder) == before
    assert disk.log[disk.fatal - 1] == "write"
    log.close()
