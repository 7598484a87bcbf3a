from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.logs import LONGEST_MESSAGE, OFTEN, Handler, JsonFormatter, TextFormatter
from tests.e2e.client import WITHIN, until_true

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def record(sentence: str, *args: object, created: float | None = None) -> logging.LogRecord:
    made = logging.LogRecord("netchat.test", logging.INFO, "x.py", 1, sentence, args, None)
    if created is not None:
        made.created = created
    return made


def failed(text: str) -> logging.LogRecord:
    """What log.exception makes of an error with this text."""
    try:
        raise ValueError(text)
    except ValueError:
        made = record("It failed.")
        made.exc_info = sys.exc_info()
    return made


class Pipe:
    """A handler, and what comes out of it."""

    def __init__(self, ring: int = 2**20) -> None:
        self.reader, self.writer = os.pipe()
        self.handler = Handler(self.writer, ring)
        self.handler.setFormatter(TextFormatter("%(message)s"))
        self.open = True

    def written(self) -> None:
        """Wait until the thread has written whatever is queued."""
        until_true(lambda: self.handler._queued == self.handler._written)

    def lines(self) -> list[str]:
        """Everything, after the end."""
        parts: list[bytes] = []
        rest = threading.Thread(target=self._read, args=(parts,))
        rest.start()
        self.handler.close()
        # On a busy machine the last lines take longer than a server waits. The descriptor lives
        # until then: its number may be another file's next.
        self.handler._thread.join(WITHIN)
        assert not self.handler._thread.is_alive()
        os.close(self.writer)
        rest.join(WITHIN)
        os.close(self.reader)
        self.open = False
        return b"".join(parts).decode().splitlines()

    def _read(self, parts: list[bytes]) -> None:
        while data := os.read(self.reader, 65_536):
            parts.append(data)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    if pipe.open:
        pipe.lines()


@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_is_logged_one_event_is_one_harmless_line(text: str, error: str) -> None:
    for made in (record("he said %r and %s", text, text), failed(error), record(text)):
        for formatter in (TextFormatter(), JsonFormatter()):
            assert not CONTROL.search(formatter.format(made))


def test_json_says_what_text_says() -> None:
    fields = json.loads(JsonFormatter().format(failed("no\nway")))
    assert fields["message"] == "It failed." and fields["level"] == "info"
    assert fields["logger"] == "netchat.test"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields["time"])
    assert "ValueError: no | way" in fields["traceback"]


def test_a_line_has_a_length_and_a_tracebacks_end_is_kept() -> None:
    line = TextFormatter().format(record("%s", "x" * 100_000))
    assert len(line) < LONGEST_MESSAGE + 200 and f"({100_000 - LONGEST_MESSAGE} more)" in line
    line = TextFormatter().format(failed("x" * 100_000 + "the end"))
    assert len(line) < 10_000 and line.endswith("the end")


def test_lines_come_out_in_order(pipe: Pipe) -> None:
    for number in range(50):
        pipe.handler.handle(record("%d", number))
    assert [line.split()[-1] for line in pipe.lines()] == [str(n) for n in range(50)]


def test_a_pipe_that_nobody_reads_holds_nobody_up(pipe: Pipe) -> None:
    for number in range(40_000):
        pipe.handler.handle(record(f"{number} " + "x" * 1_000))
    assert pipe.handler.dropped > 30_000
    assert pipe.handler._queued - pipe.handler._written <= 2**20
    reader = os.fdopen(os.dup(pipe.reader))
    first = [reader.readline() for _ in range(500)]
    assert [line.split()[4] for line in first] == [str(n) for n in range(500)]
    reader.close()


def test_what_is_missing_is_said_when_there_is_room_again() -> None:
    pipe = Pipe(ring=300)
    for _ in range(3):  # the pipe itself holds 64 KiB
        pipe.handler.handle(record("x"))
    pipe.written()
    os.set_blocking(pipe.writer, False)
    while True:
        try:
            os.write(pipe.writer, b"." * 4_095 + b"\n")
        except BlockingIOError:
            break
    for number in range(20):
        pipe.handler.handle(record(f"line {number}"))
    assert 0 < pipe.handler.dropped < 20
    missing = pipe.handler.dropped
    os.set_blocking(pipe.reader, False)
    while pipe.handler._queued > pipe.handler._written:
        with suppress(BlockingIOError):
            os.read(pipe.reader, 65_536)
    os.set_blocking(pipe.reader, True)
    pipe.handler.handle(record("again"))
    assert (pipe.handler.dropped, pipe.handler.lost["full"]) == (0, missing)
    *_, told, again = pipe.lines()
    assert f"{missing} lines are missing here" in told and again.endswith("again")


def test_how_many_are_missing_is_said_even_where_there_is_hardly_room() -> None:
    pipe = Pipe(ring=300)
    stuck = threading.Event()
    pipe.handler._write = lambda line: stuck.wait(WITHIN)  # type: ignore[assignment]
    for text in ("y" * 200, "z" * 200, "z" * 200, "x"):  # room for the first and the last
        pipe.handler.handle(record(text))
    del pipe.handler._write
    queued = [pipe.handler._lines.get() for _ in range(pipe.handler._lines.qsize())]
    stuck.set()
    pipe.lines()
    assert b"2 lines are missing here" in b"".join(filter(None, queued))


def test_a_sentence_that_comes_too_often_is_counted(pipe: Pipe) -> None:
    for number in range(OFTEN + 40):
        pipe.handler.handle(record("again, %d", number, created=1_000.5))
    pipe.handler.handle(record("something else", created=1_000.6))
    pipe.handler.handle(record("again, %d", 0, created=1_001.0))
    assert pipe.handler.lost == {"full": 0, "often": 40}
    lines = pipe.lines()
    assert len(lines) == OFTEN + 3
    assert lines[-2].endswith("40 more like it: again, %d") and lines[-1].endswith("again, 0")


def test_a_reader_that_has_gone_is_no_ones_trouble(pipe: Pipe) -> None:
    os.close(pipe.reader)
    pipe.handler.handle(record("x"))
    pipe.handler.close()
    pipe.handler._thread.join(WITHIN)
    assert not pipe.handler._thread.is_alive()
    os.close(pipe.writer)
    pipe.open = False
