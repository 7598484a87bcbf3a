"""How other servers are spoken to: what a member sends, and by what it knows that it is in.

A dialect is stateless. Incoming bytes are not parsed: `ready` is looked for once, then marks
are counted (see `text`).
"""

from __future__ import annotations

import struct
from typing import Protocol

from bench.doors import PONG, TEXT, masked


class Dialect(Protocol):
    """`echoes`: a publisher gets its own messages. `apart`: who subscribes cannot publish, so
    publishers are connections of their own."""

    echoes: bool
    apart: bool
    ready: bytes

    def greet(self, name: str, room: str, posts_only: bool) -> bytes:
        """Log in and enter the room, in one write."""

    def post(self, room: str, text: bytes) -> bytes:
        """Publish a text."""

    def answer(self, data: bytes) -> bytes:
        """What to say to a short piece, if it is a keepalive."""


class Redis:
    """RESP 2. A connection with a subscription cannot publish."""

    echoes = True
    apart = True
    ready = b"\r\n:1\r\n"

    def greet(self, name: str, room: str, posts_only: bool) -> bytes:
        """See Dialect. A publisher asks for a reply of the same form that a subscriber gets."""
        channel = room.encode()
        if posts_only:
            return _resp(b"EVAL", b"return {'in', 1}", b"0")
        return _resp(b"SUBSCRIBE", channel)

    def post(self, room: str, text: bytes) -> bytes:
        """See Dialect."""
        return _resp(b"PUBLISH", room.encode(), text)

    def answer(self, data: bytes) -> bytes:
        """See Dialect. It has none."""
        return b""


def _resp(*words: bytes) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    parts += [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


class Nats:
    """The NATS client protocol."""

    echoes = True
    apart = False
    ready = b"PONG\r\n"

    def greet(self, name: str, room: str, posts_only: bool) -> bytes:
        """See Dialect."""
        options = b'{"verbose":false,"pedantic":false}'
        return b"CONNECT %b\r\nSUB %b 1\r\nPING\r\n" % (options, room.encode())

    def post(self, room: str, text: bytes) -> bytes:
        """See Dialect."""
        return b"PUB %b %d\r\n%b\r\n" % (room.encode(), len(text), text)

    def answer(self, data: bytes) -> bytes:
        """See Dialect."""
        return b"PONG\r\n" if data == b"PING\r\n" else b""


class Mqtt:
    """MQTT 3.1.1 with quality of service 0, and without keepalive."""

    echoes = True
    apart = False
    ready = b"\x90\x03\x00\x01\x00"

    def greet(self, name: str, room: str, posts_only: bool) -> bytes:
        """See Dialect."""
        connect = _string("MQTT") + b"\x04\x02\x00\x00" + _string(name)
        return _packet(0x10, connect) + _packet(0x82, b"\x00\x01" + _string(room) + b"\x00")

    def post(self, room: str, text: bytes) -> bytes:
        """See Dialect."""
        return _packet(0x30, _string(room) + text)

    def answer(self, data: bytes) -> bytes:
        """See Dialect. It has been asked not to."""
        return b""


def _string(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def _packet(kind: int, body: bytes) -> bytes:
    """The length is in base 128, the lowest seven bits first (section 2.2.3)."""
    size, length = len(body), b""
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | 128 if size else low])
        if not size:
            return bytes([kind]) + length + body


class Irc:
    """IRC. A server does not send a message back to whom it is from."""

    echoes = False
    apart = False
    ready = b" 366 "

    def greet(self, name: str, room: str, posts_only: bool) -> bytes:
        """See Dialect."""
        nick = name.replace(".", "_")
        return f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nJOIN #{room}\r\n".encode()

    def post(self, room: str, text: bytes) -> bytes:
        """See Dialect."""
        return b"PRIVMSG #%b :%b\r\n" % (room.encode(), text)

    def answer(self, data: bytes) -> bytes:
        """See Dialect."""
        return b"PONG" + data[4:] if data.startswith(b"PING") else b""


class WebSocket:
    """Text messages in WebSocket frames (RFC 6455): first the room, then whatever is posted."""

    echoes = True
    apart = False
    ready = b"\x81\x02in"

    def greet(self, name: str, room: str, posts_only: bool) -> bytes:
        """See Dialect."""
        upgrade = (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        return upgrade + masked(TEXT, room.encode())

    def post(self, room: str, text: bytes) -> bytes:
        """See Dialect."""
        return masked(TEXT, text)

    def answer(self, data: bytes) -> bytes:
        """See Dialect."""
        return masked(PONG, data[2:]) if data[:1] == b"\x89" else b""


DIALECTS: dict[str, Dialect] = {
    "redis": Redis(),
    "nats": Nats(),
    "mqtt": Mqtt(),
    "irc": Irc(),
    "websocket": WebSocket(),
}
"""All but netchat's own."""
