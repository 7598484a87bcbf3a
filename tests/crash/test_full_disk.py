"""A disk that takes nothing more, on a real file system: posting stops, all else goes on.

Twice: a limit on the size of the server's files, which it meets as EFBIG; and a small file
system of its own that is full (ENOSPC), where the system lets an ordinary user mount one.
"""

from __future__ import annotations

import resource
import subprocess
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.client import Object, RawClient, seqs, until_true
from tests.e2e.support import UNLIMITED, ServerProcess

LARGE = "x" * 4_000

ROOM = 50_000
"""Bytes that are left when the disk is called full: the last post finds it full in mid-write."""


class Disk(ABC):
    """What the server writes to."""

    code: str
    """How a post is refused while it is full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def server(self) -> ServerProcess:
        """A server whose data is on it."""

    @abstractmethod
    def fill(self, server: ServerProcess) -> None:
        """From here on there is room for a few posts and no more."""

    @abstractmethod
    def empty(self, server: ServerProcess) -> None:
        """There is room again."""


class LimitedFiles(Disk):
    """No file of the process may grow beyond a size."""

    code = "store_failed"

    def server(self) -> ServerProcess:
        return ServerProcess(self.folder, *UNLIMITED)

    def fill(self, server: ServerProcess) -> None:
        largest = max(path.stat().st_size for path in server.data.iterdir())
        self._limit(server, largest + ROOM)

    def empty(self, server: ServerProcess) -> None:
        self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: ServerProcess, size: int) -> None:
        limits = (size, resource.RLIM_INFINITY)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)


class SmallDisk(Disk):
    """A megabyte of memory as a file system, which the server's process alone can see."""

    code = "store_full"

    OWN_SPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec")

    def server(self) -> ServerProcess:
        self._mount = f'mount -t tmpfs -o size=1m tmpfs "{self._data}"; exec "$@"'
        self._data.mkdir(parents=True)
        if subprocess.run([*self.OWN_SPACE, self._mount, "sh", "true"], check=False).returncode:
            pytest.skip("an ordinary user cannot mount anything here")
        return ServerProcess(self.folder, *UNLIMITED, inside=(*self.OWN_SPACE, self._mount, "sh"))

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _ballast(self, server: ServerProcess) -> Path:
        """Seen from outside, by way of the process."""
        return Path(f"/proc/{server.process.pid}/root{self._data}/ballast")

    def fill(self, server: ServerProcess) -> None:
        with self._ballast(server).open("wb", buffering=0) as ballast:
            with suppress(OSError):
                while ballast.write(bytes(4_096)):
                    pass
            ballast.truncate(ballast.tell() - ROOM)

    def empty(self, server: ServerProcess) -> None:
        self._ballast(server).unlink()


@pytest.mark.parametrize("kind", [LimitedFiles, SmallDisk])
def test_a_full_disk_stops_posting_and_nothing_else(kind: type[Disk], tmp_path: Path) -> None:
    disk = kind(tmp_path)
    with (
        disk.server() as server,
        server.client("ana", noise=("presence", "message")) as ana,
        server.client("ben", noise=()) as ben,
        server.client() as cleo,
    ):
        ana.join("lobby")
        ben.join("lobby")
        ana.post("lobby", "first", "a-0")
        disk.fill(server)
        refused, head = post_until_refused(ana, disk.code)
        assert head > 1 and seqs(ben.barrier()) == list(range(1, head + 1))
        check_all_else_goes_on(ben, cleo, head)
        disk.empty(server)
        until_true(lambda: ana.ask(refused).get("seq") == head + 1)
        assert cleo.recv()["seq"] == head + 1
        assert cleo.post("lobby", "at last", "c-1")["seq"] == head + 2
        assert seqs(cleo.barrier()) == [head + 2]
        assert seqs(ben.barrier()) == [head + 1, head + 2]
        again = ana.ask(post("a-0", "first"))
        assert (again["seq"], again["duplicate"]) == (1, True)


def post(id: str, text: str) -> Object:
    return {"type": "post", "room": "lobby", "text": text, "id": id}


def post_until_refused(client: RawClient, code: str) -> tuple[Object, int]:
    """The post that finds the disk full, and the seq of the last one that was accepted."""
    head = 1
    while (reply := client.ask(request := post(f"a-{head}", LARGE)))["type"] == "accepted":
        head = reply["seq"]
    assert (reply["code"], reply["id"]) == (code, request["id"])
    assert reply["retry_after"] > 0 and "fatal" not in reply
    return request, head


def check_all_else_goes_on(ben: RawClient, cleo: RawClient, head: int) -> None:
    """Somebody new comes, is seen to come, reads it all, and is refused only a post."""
    cleo.hello("cleo")
    assert cleo.join("lobby", after=0)["head"] == head
    assert seqs(cleo.collect("message", head)) == list(range(1, head + 1))
    assert "cleo" in ben.until("presence")["joined"]
    ben.send({"type": "history", "room": "lobby", "after": head - 1})
    assert seqs(ben.until("history")["messages"]) == [head]
    assert cleo.ask(post("c-1", "at last"))["type"] == "error"
