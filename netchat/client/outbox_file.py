"""The outbox on disk: a journal in one file, which only one process has at a time.

Theory of operation. Records are appended with one `write` each time, so they survive the end of
the process, `kill -9` too, as soon as `write` has returned. The disk is asked to have them
(`sync`) by whoever holds the file, a moment later, so that one fsync serves all that came in
between; a power cut costs no more than that moment. Answers and positions are not worth an
fsync: without them something is sent, or shown, again, and a post is stored once all the same.

The file is written anew, beside itself and renamed, when it is opened, when it has grown, and
when appending has failed: what is outstanding is always in memory, too. While it cannot be written
(`trouble` says why) the client goes on without it, and each `sync` tries again.

The lock is on the file itself. Whoever gets one for a file that was renamed or deleted
meanwhile tries again with the new one. A successor is locked before it gets its name.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from netchat.client.failures import OutboxError
from netchat.client.journal import VERSION, Kept, Known, Owner, Posted, Record, decode, encode

GROWN = 262_144
"""Bytes beyond the last writing anew: thousands of posts, and read in a few milliseconds."""


class OutboxFile:
    """The Journal in the file `path`, for one name on one server. Raises OutboxError where the
    file is in use, is somebody else's, or cannot be read; it is left as it is then.

    `damage` says what of it could not be read, "" if there was nothing.
    """

    def __init__(self, path: Path, *, server: str, name: str) -> None:
        self.kept = Kept()
        self.trouble = self.damage = ""
        self._path = path
        self._dirty = False
        self._size = self._limit = 0
        try:
            self._fd = _open_locked(path)
            try:
                self._load(Owner(version=VERSION, server=server, name=name))
            except BaseException:
                os.close(self._fd)
                raise
        except OSError as exc:
            raise OutboxError(f"{path} cannot be used: {exc.strerror}.") from exc
        self._write_anew()

    def _load(self, owner: Owner) -> None:
        data = _read_all(self._fd)
        records, lost = decode(data)
        self.kept = Kept(records)
        found = self.kept.owner
        if data and found is None:
            raise OutboxError(f"{self._path} is no outbox.")
        if found is not None and found.version != VERSION:
            raise OutboxError(f"{self._path} is from another version of netchat.")
        if found is not None and not _is_same(found, owner):
            raise OutboxError(f"{self._path} is that of {found.name} on {found.server}.")
        if lost:
            self.damage = self._set_aside(data, lost)
        self.kept.take(owner)
        self._size = len(data)

    def _set_aside(self, data: bytes, lost: int) -> str:
        """Keep a copy of a damaged file; what there is to be said."""
        copy = self._path.with_name(f"{self._path.name}.damaged-{os.fstat(self._fd).st_mtime_ns}")
        copy.touch(mode=0o600)
        copy.write_bytes(data)
        return f"{lost} line{'s' * (lost != 1)} of {self._path} could not be read; see {copy}."

    @property
    def dirty(self) -> bool:
        """Whether `sync` has something to do."""
        return self._dirty or bool(self.trouble) or self._size > self._limit

    def write(self, *records: Record) -> None:
        """See Journal."""
        for record in records:
            self.kept.take(record)
            self._dirty |= isinstance(record, Known | Posted)
        if records and not self.trouble:
            data = b"".join(map(encode, records))
            try:
                _write_all(self._fd, data)
                self._size += len(data)
            except OSError as exc:
                self._fail(exc)
                with suppress(OSError):  # else half a line stays, and is told of as damage
                    os.ftruncate(self._fd, self._size)

    def sync(self) -> None:
        """Have the disk have what was written; write the file anew where that is due."""
        if self.trouble or self._size > self._limit:
            self._write_anew()
        elif self._dirty:
            try:
                os.fdatasync(self._fd)
                self._dirty = False
            except OSError as exc:
                self._fail(exc)

    def close(self) -> None:
        """Let go of the file: no text stays in it that was answered, and one that nobody would
        miss is deleted."""
        if self.kept.is_empty:
            with suppress(OSError):
                self._path.unlink()
        else:
            self._write_anew()
        os.close(self._fd)

    def _write_anew(self) -> None:
        beside = self._path.with_name(f"{self._path.name}.new")
        data = b"".join(map(encode, self.kept.records()))
        try:
            fd = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                _lock(fd)
                os.ftruncate(fd, 0)  # a crash may have left something
                _write_all(fd, data)
                os.fsync(fd)
                beside.replace(self._path)
            except BaseException:
                os.close(fd)
                raise
            self._fd, old = fd, self._fd
            os.close(old)
            self._size, self._limit = len(data), len(data) + GROWN
            _sync_folder(self._path.parent)
            self._dirty, self.trouble = False, ""
        except OSError as exc:
            self._fail(exc)

    def _fail(self, exc: OSError) -> None:
        self.trouble = f"{self._path} cannot be written: {exc.strerror}"


def _is_same(owner: Owner, other: Owner) -> bool:
    """Names that differ in their capitals alone are one name."""
    return owner.server == other.server and owner.name.casefold() == other.name.casefold()


def _open_locked(path: Path) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _lock(fd)
            if _is_at(fd, path):
                os.fchmod(fd, 0o600)
                return fd
        except BlockingIOError as exc:
            os.close(fd)
            raise OutboxError(f"{path} is in use by another client.") from exc
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _lock(fd: int) -> None:
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _read_all(fd: int) -> bytes:
    data = bytearray()
    while piece := os.pread(fd, 1 << 20, len(data)):
        data += piece
    return bytes(data)


def _write_all(fd: int, data: bytes) -> None:
    """Raises OSError, also where only a part could be written."""
    written = os.write(fd, data)
    while written < len(data):
        more = os.write(fd, data[written:])
        if not more:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written += more


def _sync_folder(folder: Path) -> None:
    """A new name is on disk only with its folder."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
