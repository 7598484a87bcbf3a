from __future__ import annotations

import os
from pathlib import Path

from netchat.client.editor import Editor
from netchat.client.source import SLICE, Source

from ..net.support import real_reactor
from .support import pipe, run_until


def test_a_pipe_gives_its_lines_as_they_come() -> None:
    with real_reactor() as reactor, pipe() as (fd, writer):
        source = Source(reactor, fd)
        writer.write(b"one\ntwo\r\nthr")
        reactor.run_once(1)
        assert source.take(99) == ["one", "two"]
        writer.write("ée".encode())
        writer.close()
        run_until(reactor, lambda: source._eof)
        assert source.take(99) == ["thrée"]
        assert source.ended


def test_a_file_and_the_null_device_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"a\n" * 100_000)
    with real_reactor() as reactor:
        for name, count in ((str(path), 100_000), (os.devnull, 0)):
            fd = os.open(name, os.O_RDONLY)
            source, found = Source(reactor, fd), 0
            while not source.ended:
                reactor.run_once(0)
                found += len(source.take(100_000))
            os.close(fd)
            assert found == count


def test_nothing_more_is_read_until_all_lines_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"a\n" * 100_000)
    with real_reactor() as reactor, path.open("rb") as file:
        source = Source(reactor, file.fileno())
        for _ in range(5):
            reactor.run_once(0)
        assert source.waiting
        assert len(source._lines) == SLICE // 2
        assert source.take(0) == []
        assert source.take(3) == ["a", "a", "a"]
        source.take(SLICE)
        reactor.run_once(0)
        assert source.waiting
        source.close()


def test_an_end_that_is_typed_is_the_end() -> None:
    with real_reactor() as reactor, pipe() as (fd, writer):
        source = Source(reactor, fd, Editor())
        writer.write(b"one\n\x04two\n")
        reactor.run_once(1)
        assert not source.ended
        assert source.take(99) == ["one"]
        assert source.ended
