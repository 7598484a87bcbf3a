"""The outbox on disk: what stays in the file, who may have it, and a disk that fails."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from netchat.client import outbox_file
from netchat.client.failures import OutboxError
from netchat.client.journal import Held, Known, Owner, Posted, Record, Settled, encode
from netchat.client.outbox_file import GROWN, OutboxFile

KNOWN = Known("ana", "secret")


def opened(folder: Path, name: str = "ana", server: str = "host:1") -> OutboxFile:
    return OutboxFile(folder / "outbox", server=server, name=name)


def lines(folder: Path) -> list[bytes]:
    return (folder / "outbox").read_bytes().splitlines(keepends=True)


def abandoned(file: OutboxFile) -> None:
    """Let go of it as the end of a process does."""
    os.close(file._fd)


def post(number: int, text: str = "hola") -> Posted:
    return Posted(f"a-{number}", text, "lobby")


def test_what_was_written_is_there_however_the_process_ended(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.write(KNOWN, post(1), post(2))
    first.write(Settled("a-1"))
    abandoned(first)
    second = opened(tmp_path)
    assert second.kept.known == KNOWN
    assert list(second.kept.posts.values()) == [post(2)]
    assert (second.damage, second.trouble) == ("", "")
    second.close()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    (tmp_path / "outbox").touch(mode=0o666)
    opened(tmp_path).write(KNOWN)
    assert stat.S_IMODE((tmp_path / "outbox").stat().st_mode) == 0o600


def test_after_a_close_no_text_stays_that_was_answered(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.write(KNOWN, post(1), Settled("a-1"), post(2))
    file.close()
    assert lines(tmp_path)[1:] == [encode(KNOWN), encode(post(2))]


def test_a_file_that_nobody_would_miss_is_deleted(tmp_path: Path) -> None:
    opened(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_one_process_at_a_time_has_it(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.write(KNOWN)
    with pytest.raises(OutboxError, match="in use"):
        opened(tmp_path)
    file._write_anew()
    with pytest.raises(OutboxError, match="in use"):
        opened(tmp_path)
    file.close()
    opened(tmp_path).close()


def test_a_lock_on_a_file_that_was_renamed_away_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was opened just before its successor took its place, and locked just after that."""
    file = opened(tmp_path)
    file.write(KNOWN)
    lock = outbox_file._lock

    def late(fd: int) -> None:
        monkeypatch.setattr(outbox_file, "_lock", lock)
        file._write_anew()
        lock(fd)

    monkeypatch.setattr(outbox_file, "_lock", late)
    with pytest.raises(OutboxError, match="in use"):
        opened(tmp_path)


@pytest.mark.parametrize(("server", "name"), [("host:2", "ana"), ("host:1", "bea")])
def test_it_belongs_to_one_name_on_one_server(server: str, name: str, tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.write(KNOWN)
    file.close()
    before = lines(tmp_path)
    with pytest.raises(OutboxError, match="that of ana on host:1"):
        opened(tmp_path, name, server)
    assert lines(tmp_path) == before
    opened(tmp_path, "ANA").close()


@pytest.mark.parametrize("content", [b"root:x:0:0\n", b"\0" * 100])
def test_somebody_elses_file_is_left_alone(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "outbox").write_bytes(content)
    with pytest.raises(OutboxError, match="is no outbox"):
        opened(tmp_path)
    assert (tmp_path / "outbox").read_bytes() == content


def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.write(KNOWN)
    file.close()
    rest = lines(tmp_path)[1:]
    newer = Owner(version=2, server="host:1", name="ana")
    (tmp_path / "outbox").write_bytes(b"".join([encode(newer), *rest]))
    with pytest.raises(OutboxError, match="another version"):
        opened(tmp_path)


@pytest.mark.parametrize("path", ["missing/outbox", "."])
def test_a_place_that_cannot_be_used_is_named(path: str, tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="cannot be used"):
        OutboxFile(tmp_path / path, server="host:1", name="ana")


def torn(line: bytes) -> bytes:
    return line[:-5]


def changed(line: bytes) -> bytes:
    return line[:-5] + b"?" + line[-4:]


@pytest.mark.parametrize(
    ("spoil", "place", "left"), [(torn, -1, ["a-1"]), (changed, -2, ["a-2"]), (torn, -2, [])]
)
def test_what_cannot_be_read_is_told_and_set_aside(
    spoil: Callable[[bytes], bytes], place: int, left: list[str], tmp_path: Path
) -> None:
    """A torn end, a changed line, one that ran into the next: the others count."""
    file = opened(tmp_path)
    file.write(KNOWN, post(1), post(2))
    abandoned(file)
    broken = lines(tmp_path)
    broken[place] = spoil(broken[place])
    (tmp_path / "outbox").write_bytes(b"".join(broken))
    again = opened(tmp_path)
    assert (again.kept.known, list(again.kept.posts)) == (KNOWN, left)
    [copy] = [path for path in tmp_path.iterdir() if "damaged" in path.name]
    assert copy.read_bytes() == b"".join(broken)
    assert again.damage.startswith("1 line ") and str(copy) in again.damage
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    again.close()
    assert opened(tmp_path).damage == ""


class Disk:
    """Has room for so many bytes more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        self._write = os.write
        monkeypatch.setattr("netchat.client.outbox_file.os.write", self.write)

    def write(self, fd: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self._write(fd, data[: self.room])
        self.room -= written
        return written


@pytest.mark.parametrize("room", range(0, 60, 7))
def test_a_full_disk_is_told_and_made_good_when_there_is_room(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = opened(tmp_path)
    file.write(KNOWN, post(1))
    whole = lines(tmp_path)
    disk = Disk(monkeypatch, room)
    file.write(post(2))
    assert "No space left" in file.trouble
    assert lines(tmp_path) == whole
    file.write(post(3), Settled("a-1"))
    file.sync()
    assert file.dirty and "No space left" in file.trouble
    assert lines(tmp_path) == whole
    disk.room = 10_000
    file.sync()
    assert (file.trouble, file.dirty) == ("", False)
    file.write(post(4))
    abandoned(file)
    assert list(opened(tmp_path).kept.posts) == ["a-2", "a-3", "a-4"]


def test_a_full_disk_at_the_start_costs_nothing_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = opened(tmp_path)
    file.write(KNOWN, post(1))
    abandoned(file)
    disk = Disk(monkeypatch, 0)
    again = opened(tmp_path)
    assert list(again.kept.posts) == ["a-1"] and again.trouble
    again.close()
    disk.room = 10_000
    assert list(opened(tmp_path).kept.posts) == ["a-1"]


def test_only_what_would_be_missed_is_worth_an_fsync(tmp_path: Path) -> None:
    file = opened(tmp_path)
    for record, worth in (
        (KNOWN, True),
        (post(1), True),
        (Settled("a-1"), False),
        (Held("lobby", "e", 1), False),
    ):
        file.write(record)
        assert file.dirty is worth
        file.sync()
        assert not file.dirty


def test_a_file_that_has_grown_is_written_anew(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.write(KNOWN)
    file.sync()
    record: Record = Held("lobby", "e", 1)
    while not file.dirty:
        file.write(record)
    assert file._size > GROWN
    file.sync()
    assert not file.dirty
    assert len(lines(tmp_path)) == 3
