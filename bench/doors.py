"""The doors of a netchat server, as a client speaks through them. Pure.

A door is stateless. `cut` says where the next frame of a stream lies; what is no message of the
chat (the end of a handshake, a ping) has no payload, and `answer` says what to do about it.
"""

from __future__ import annotations

import struct
from typing import Protocol

from bench.scenario import DoorName
from netchat.wire import framing

Place = tuple[int, int]
"""Where a payload begins, and where it and its frame end."""


class Door(Protocol):
    """One way in."""

    greeting: bytes
    """What is sent before anything else."""

    def frame(self, payload: bytes) -> bytes:
        """A request as it travels."""

    def cut(self, data: bytes, at: int) -> Place | None:
        """Where the frame at `at` has its payload; None while it is not whole."""

    def answer(self, data: bytes) -> bytes:
        """What to say to a frame without payload."""


class Native:
    """The length in four bytes, then the payload."""

    greeting = b""
    frame = staticmethod(framing.frame)

    def cut(self, data: bytes, at: int) -> Place | None:
        """See Door."""
        start = at + framing.HEADER.size
        if start > len(data):
            return None
        end = start + framing.HEADER.unpack_from(data, at)[0]
        return (start, end) if end <= len(data) else None

    def answer(self, data: bytes) -> bytes:
        """See Door. There are none."""
        return b""


class Web:
    """A payload is a text message of a WebSocket (RFC 6455). Its server never fragments."""

    greeting = (
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )

    def frame(self, payload: bytes) -> bytes:
        """See Door."""
        return masked(TEXT, payload)

    def cut(self, data: bytes, at: int) -> Place | None:
        """See Door. The handshake's answer is a frame without payload, like any control."""
        if data.startswith(b"HTTP", at):
            found = data.find(b"\r\n\r\n", at) + 4
            return (found, found) if found >= 4 else None
        if len(data) < at + 2:
            return None
        size, start = data[at + 1], at + 2
        if size >= SHORT:
            form = ">H" if size == SHORT else ">Q"
            start += struct.calcsize(form)
            if start > len(data):
                return None
            size = struct.unpack_from(form, data, at + 2)[0]
        end = start + size
        if end > len(data):
            return None
        return (start if data[at] == TEXT else end), end

    def answer(self, data: bytes) -> bytes:
        """See Door. A ping has a pong; its payload, if any, stands behind two bytes."""
        return masked(PONG, data[2:]) if data[0] == PING else b""


TEXT, PING, PONG = 0x81, 0x89, 0x8A
SHORT = 126
"""Sizes from here on stand in bytes of their own."""


def masked(kind: int, payload: bytes) -> bytes:
    """A WebSocket client's frame. It has to be masked, and zero is a mask."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < SHORT else b"\xfe" + struct.pack(">H", size)
    return bytes([kind]) + length + bytes(4) + payload


NATIVE = Native()

DOORS: dict[DoorName, Door] = {"native": NATIVE, "tls": NATIVE, "web": Web()}
"""TLS is a matter of the transport; inside it the native protocol is spoken."""
