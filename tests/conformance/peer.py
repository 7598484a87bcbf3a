"""A WebSocket client that can do anything wrong: it sends whatever frames a test makes."""

from __future__ import annotations

import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

WITHIN = 10.0

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RSV1, RSV2, RSV3 = 0x40, 0x20, 0x10
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3


class Got(NamedTuple):
    """A frame that came."""

    opcode: int
    data: bytes
    fin: bool = True
    rsv: int = 0


def frame(
    opcode: int, data: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True
) -> bytes:
    """A client's frame."""
    size, mask = len(data), 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    if size < 126:
        head += bytes([mask | size])
    elif size < 65_536:
        head += struct.pack(">BH", mask | 126, size)
    else:
        head += struct.pack(">BQ", mask | 127, size)
    if not masked:
        return head + data
    key = os.urandom(4)
    keys = int.from_bytes((key * (size // 4 + 1))[:size], "big")
    return head + key + (int.from_bytes(data, "big") ^ keys).to_bytes(size, "big")


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    """A client's close frame."""
    return frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason)


class Peer:
    """One connection, already upgraded."""

    def __init__(self, address: str, *headers: str) -> None:
        host, _, port = address.partition(":")
        self.sock = socket.create_connection((host, int(port)), timeout=WITHIN)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = (
            "GET /ws HTTP/1.1", f"Host: {address}", "Connection: Upgrade", "Upgrade: websocket",
            f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", *headers, "", "",
        )  # fmt: skip
        self.sock.sendall("\r\n".join(lines).encode())
        self._came = b""
        while b"\r\n\r\n" not in self._came:
            self._read()
        head, _, self._came = self._came.partition(b"\r\n\r\n")
        self.head = head.decode()
        assert self.head.startswith("HTTP/1.1 101 "), self.head
        assert f"Sec-WebSocket-Accept: {ACCEPT}" in self.head

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, *frames: bytes, chop: int = 0) -> None:
        data = b"".join(frames)
        for at in range(0, len(data), chop or len(data) or 1):
            self.sock.sendall(data[at : at + (chop or len(data))])

    def _read(self) -> None:
        data = self.sock.recv(1 << 20)
        if not data:
            raise EOFError
        self._came += data

    def _take(self, size: int) -> bytes:
        while len(self._came) < size:
            self._read()
        taken, self._came = self._came[:size], self._came[size:]
        return taken

    def get(self) -> Got:
        """The next frame. Raises EOFError where there is none."""
        first, size = self._take(2)
        assert size < 0x80, "servers do not mask"
        if size == 126:
            (size,) = struct.unpack(">H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self._take(8))
        return Got(first & 15, self._take(size), bool(first & 0x80), first & 0x70)

    def rest(self) -> list[Got]:
        """Every frame up to the end of the connection."""
        found = []
        try:
            while True:
                found.append(self.get())
        except EOFError:
            return found


@contextmanager
def echo(*args: str) -> Iterator[str]:
    """The echo as a process; its address."""
    command = [sys.executable, "-m", "tests.conformance.ws_echo", *args]
    root = Path(__file__).parent.parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline().strip()
            assert re.fullmatch(r"127\.0\.0\.1:\d+", line), line
            yield line
        finally:
            process.terminate()
