"""What the server says of itself on its standard error. It never waits to have said it.

Rules of this file

    1. One event is one line, a traceback included: whatever could end a line, or command a
       terminal that shows it, is escaped. Lines have a length.
    2. A thread writes. Whoever logs only queues, so a pipe that nobody empties, or a disk that
       is full, holds up no loop; beyond 1 MiB lines are dropped, and counted.
    3. An event that comes too often is told a hundred times a second, and then counted, too.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import select
import threading
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Literal

import msgspec

RING = 2**20
"""Bytes of lines that wait to be written."""

OFTEN = 100
"""Lines a second of one kind (the same sentence, whatever is filled in)."""

KINDS = 1_000
"""Kinds counted at once. There are some fifty sentences; what libraries make is bounded so."""

LONGEST_MESSAGE = 2_048
LONGEST_TRACEBACK = 8_192
"""Characters. Of a traceback the end is kept: it says what happened."""

LAST_LINES = 1.0
"""Seconds that the end of the process waits for its last lines to be written."""

WHY_LOST = ("full", "often")
"""Why a line is not written: nobody reads, or it came too often."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def start_logging(level: str, style: Literal["text", "json"], fd: int = 2) -> None:
    """Log to this descriptor, from `level` on."""
    handler = Handler(fd)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])


def lost_lines() -> dict[str, int]:
    """Lines that nobody will see, by why."""
    ours = [handler for handler in logging.getLogger().handlers if isinstance(handler, Handler)]
    return {why: sum(handler.lost[why] for handler in ours) for why in WHY_LOST}


def harmless(text: str) -> str:
    """The text with everything escaped that could end a line or command a terminal."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[:LONGEST_MESSAGE]}… ({len(text) - LONGEST_MESSAGE} more)"
    return harmless(text)


class TextFormatter(logging.Formatter):
    """For people."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = f"{self.formatTime(record)} {record.levelname} {record.name}: {_message(record)}"
        return f"{line} {self._traceback(record)}" if record.exc_info else line

    def _traceback(self, record: logging.LogRecord) -> str:
        assert record.exc_info
        text = self.formatException(record.exc_info)[-LONGEST_TRACEBACK:]
        return harmless(text.replace("\n", " | "))


class JsonFormatter(TextFormatter):
    """For programs: one JSON object, `time` in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        when = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if record.exc_info:
            fields["traceback"] = self._traceback(record)
        return msgspec.json.encode(fields).decode()


class Handler(logging.Handler):
    """Queues lines for a thread that writes them to `fd`. `dropped` counts those that found no
    room, until the next one that does says so; `lost` those of the whole process, by why."""

    def __init__(self, fd: int, ring: int = RING) -> None:
        super().__init__()
        self.dropped = 0
        self.lost = dict.fromkeys(WHY_LOST, 0)
        self._fd = fd
        self._ring = ring
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        # Each is changed by one side only, so neither side needs the other's lock.
        self._queued = 0
        self._written = 0
        self._second = 0
        self._told: dict[tuple[str, str], int] = {}
        self._thread = threading.Thread(target=self._write_all, name="netchat-stderr", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line. Never blocks, never raises."""
        try:
            if self._is_too_often(record):
                self.lost["often"] += 1
            else:
                self._put(f"{self.format(record)}\n".encode())
        except Exception:  # noqa: BLE001 - logging's own way with mistakes in logging
            self.handleError(record)

    def close(self) -> None:
        """Give the last lines a moment."""
        self._tell_what_is_missing()
        self._lines.put(None)
        self._thread.join(LAST_LINES)
        super().close()

    def _is_too_often(self, record: logging.LogRecord) -> bool:
        if (second := int(record.created)) != self._second or len(self._told) > KINDS:
            self._second = second
            told, self._told = self._told, {}
            for (name, sentence), count in told.items():
                if count > OFTEN:
                    self._put(self._note(name, f"{count - OFTEN} more like it: {sentence}"))
        kind = (record.name, str(record.msg))
        self._told[kind] = self._told.get(kind, 0) + 1
        return self._told[kind] > OFTEN

    def _put(self, line: bytes) -> None:
        if self._queued - self._written + len(line) > self._ring:
            self.dropped += 1
            self.lost["full"] += 1
            return
        self._tell_what_is_missing()
        self._queue(line)

    def _queue(self, line: bytes) -> None:
        self._queued += len(line)
        self._lines.put(line)

    def _tell_what_is_missing(self) -> None:
        if self.dropped:
            count, self.dropped = self.dropped, 0
            text = f"{count} lines are missing here: nobody read them in time."
            self._queue(self._note("netchat", text))  # beyond the ring, or the count were lost

    def _note(self, name: str, text: str) -> bytes:
        record = logging.LogRecord(name, logging.WARNING, "", 0, text, None, None)
        return f"{self.format(record)}\n".encode()

    def _write_all(self) -> None:
        """The thread."""
        while (line := self._lines.get()) is not None:
            with contextlib.suppress(OSError):  # there is nobody to tell
                self._write(line)
            self._written += len(line)

    def _write(self, line: bytes) -> None:
        while line:
            try:
                line = line[os.write(self._fd, line) :]
            except BlockingIOError:  # somebody who shares the descriptor made it so
                writable = select.poll()  # select() has no words for descriptors above 1,023
                writable.register(self._fd, select.POLLOUT)
                writable.poll()
