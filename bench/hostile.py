"""What attackers do: a script each, beside how many play it and where.

Each yields the seconds until it wants to go on (see `attackers`). A script that returns has its
connection closed and another one opened. Peers with the same script differ by their number.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count, islice
from typing import Literal

from bench.attackers import Peer, Script
from bench.logins import SECRET
from bench.orders import room_name
from netchat.wire.framing import frame

DoorName = Literal["native", "tls", "web", "few files"]

SOON = 0.001
"""Seconds: again in the next moment."""

FOREVER = 60.0
"""Longer than any attack."""

LONG = "x" * 4_000
"""The longest text."""

STRANGERS = 4_096
"""Bytes of the longest frame of somebody who is not welcome yet."""

FRAME = 65_536

BLOCK = 16_384
"""Bytes that are sent at once by those who flood."""


@dataclass(frozen=True)
class Attack:
    """`peers` at a time come from so many `addresses`; one that ends waits `pause` seconds."""

    title: str
    script: Script
    peers: int
    door: DoorName = "native"
    addresses: int = 16
    deaf: bool = False
    pause: float = 0.05


def say(type: str, **fields: object) -> bytes:
    """A request, in its frame."""
    return frame(json.dumps({"type": type, **fields}, separators=(",", ":")).encode())


def hello(peer: Peer, **fields: object) -> bytes:
    """Every connection is somebody else."""
    name = f"{peer.order.name[:12]}.{peer.number:x}.{peer.attempt:x}"
    return say("hello", version=1, name=name, **fields)


def room(peer: Peer) -> str:
    """A room that only attackers are in."""
    return f"{peer.order.prefix}-{peer.order.name}"


def welcome(peer: Peer) -> Iterator[float]:
    """Log in, and wait for the answer."""
    peer.send(hello(peer))
    while b'"welcome"' not in peer.told:
        yield 0.02


def trickle(peer: Peer, data: bytes, pause: float) -> Iterator[float]:
    """Byte by byte."""
    for at in range(len(data)):
        peer.send(data[at : at + 1])
        yield pause


def flood(peer: Peer, data: bytes) -> Iterator[float]:
    """The same again and again, as fast as it is taken."""
    block = data * max(1, BLOCK // len(data))
    yield from pour(peer, (block for _ in count()))


def pour(peer: Peer, blocks: Iterator[bytes]) -> Iterator[float]:
    """One after the other, as fast as they are taken."""
    while True:
        if not peer.is_full:
            peer.send(next(blocks))
        yield SOON


# -- strangers -----------------------------------------------------------------------------------


def slow_hello(peer: Peer) -> Iterator[float]:
    yield from trickle(peer, hello(peer), 0.25)


def slow_frame(peer: Peer) -> Iterator[float]:
    yield from welcome(peer)
    yield from trickle(peer, say("post", room="r", text=LONG, id="1")[:-1], 0.25)


def silent(peer: Peer) -> Iterator[float]:
    yield FOREVER


def churn(peer: Peer) -> Iterator[float]:
    yield 0.1


def garbage(peer: Peer) -> Iterator[float]:
    while True:
        peer.send(os.urandom(STRANGERS))
        yield 0.02


def huge_length(peer: Peer) -> Iterator[float]:
    yield from flood(peer, b"\xff\xff\xff\xff" + bytes(STRANGERS))


def bombs(peer: Peer) -> Iterator[float]:
    """Deep, long and wide; what is only wide is sound, and costs its reading."""
    kind = peer.number % 4
    if kind < 2:
        nested = b'{"a":' * 800 if kind else b"[" * (STRANGERS - 4)
        yield from flood(peer, frame(nested))
    yield from welcome(peer)
    if kind == 2:
        yield from flood(peer, frame(b'{"type":"ping","n":' + b"9" * (FRAME - 30) + b"}"))
    keys = ",".join(f'"k{number}":{number}' for number in range(4_500))
    yield from flood(peer, frame(f'{{"type":"ping",{keys}}}'.encode()))


# -- members -------------------------------------------------------------------------------------


def unread_pages(peer: Peer) -> Iterator[float]:
    """A long room, asked for again and again by somebody who reads nothing of it."""
    where = room(peer)
    peer.send(hello(peer) + say("join", room=where))
    if peer.number < 4:
        for number in range(80):
            peer.send(say("post", room=where, text=LONG, id=f"{peer.attempt}.{number}"))
    yield 0.5
    yield from flood(peer, say("history", room=where, limit=300) + say("who", room=where))


def unread_room(peer: Peer) -> Iterator[float]:
    """Some post long messages, and nobody reads them."""
    where = room(peer)
    peer.send(hello(peer) + say("join", room=where, backlog=0))
    yield 0.5
    for number in count():
        if peer.number < 4 and not peer.is_full:
            peer.send(say("post", room=where, text=LONG, id=f"{peer.attempt}.{number}"))
        yield 0.01


def messages(peer: Peer) -> Iterator[float]:
    where = room(peer)
    yield from welcome(peer)
    peer.send(say("join", room=where, backlog=0))
    posts = (
        say("post", room=where, text="flood", id=f"{peer.attempt}.{number}") for number in count()
    )
    yield from pour(peer, (b"".join(islice(posts, 256)) for _ in count()))


def joins(peer: Peer) -> Iterator[float]:
    """In and out of the rooms of those who are attacked, as fast as it is taken."""
    yield from welcome(peer)
    where = room_name(peer.order.prefix, peer.number % 5)
    yield from flood(peer, say("join", room=where) + say("leave", room=where))


def rooms(peer: Peer) -> Iterator[float]:
    """Each of them is a new one."""
    yield from welcome(peer)
    names = (f"{peer.number}.{peer.attempt}.{number}" for number in count())
    visits = (say("join", room=name) + say("leave", room=name) for name in names)
    yield from pour(peer, (b"".join(islice(visits, 256)) for _ in count()))


def names(peer: Peer) -> Iterator[float]:
    yield from welcome(peer)


def logins(peer: Peer) -> Iterator[float]:
    """Each makes an account, which costs a hash, as a wrong password does."""
    peer.send(hello(peer, password=SECRET))
    yield 0.3


# -- TLS -----------------------------------------------------------------------------------------


@cache
def client_hello() -> bytes:
    """What a client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    machine = context.wrap_bio(incoming, outgoing)
    try:
        machine.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake takes two")


def tls_slow(peer: Peer) -> Iterator[float]:
    yield from trickle(peer, client_hello(), 0.25)


def tls_stalled(peer: Peer) -> Iterator[float]:
    """The server has done its arithmetic, and waits for an answer."""
    peer.send(client_hello())
    yield FOREVER


def tls_hellos(peer: Peer) -> Iterator[float]:
    peer.send(client_hello())
    while not peer.told:
        yield 0.02


def tls_garbage(peer: Peer) -> Iterator[float]:
    peer.send(b"\x16\x03\x01\x10\x00" + os.urandom(STRANGERS))
    yield 0.1


# -- web -----------------------------------------------------------------------------------------

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
MASK = bytes(4)


def slow_head(peer: Peer) -> Iterator[float]:
    yield from trickle(peer, UPGRADE, 0.25)


def long_head(peer: Peer) -> Iterator[float]:
    peer.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    yield from flood(peer, b"A: " + b"a" * 1_000 + b"\r\n")


def requests(peer: Peer) -> Iterator[float]:
    yield from flood(peer, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 16)


def upgraded(peer: Peer) -> Iterator[float]:
    """Over to WebSocket, and logged in."""
    peer.send(UPGRADE)
    while b"\r\n\r\n" not in peer.told:
        yield 0.02
    said = hello(peer)[4:]
    peer.send(bytes([0x81, 0x80 | 126]) + len(said).to_bytes(2, "big") + MASK + said)
    while b'"welcome"' not in peer.told:
        yield 0.02


def fragments(peer: Peer) -> Iterator[float]:
    """A message of nothing but beginnings; a third of them are of single bytes."""
    yield from upgraded(peer)
    peer.send(b"\x01\x80" + MASK)
    part = b"\x00\x81" + MASK + b"{" if peer.number % 3 == 0 else b"\x00\x80" + MASK
    yield from flood(peer, part * 64)


def pings(peer: Peer) -> Iterator[float]:
    """Each wants a pong."""
    yield from upgraded(peer)
    yield from flood(peer, (b"\x89\xfd" + MASK + bytes(125)) * 64)


ATTACKS = {
    "slow-hello": Attack("a `hello` byte by byte", slow_hello, 400),
    "slow-frame": Attack("logged in, then a frame byte by byte", slow_frame, 200),
    "one-address": Attack("silent connections from one address", silent, 1_500, addresses=1),
    "many-addresses": Attack("connect and go, from 250 addresses", churn, 200, addresses=250),
    "garbage": Attack("random bytes", garbage, 50),
    "huge-length": Attack("frames of 4 GiB announced", huge_length, 50),
    "bombs": Attack("JSON that is deep, long or wide", bombs, 24),
    "unread-pages": Attack("pages asked for, none read", unread_pages, 50, deaf=True),
    "unread-room": Attack("a room of long messages that nobody reads", unread_room, 100, deaf=True),
    "messages": Attack("20 who post as fast as they can", messages, 20),
    "joins": Attack("in and out of the rooms of the healthy", joins, 20),
    "rooms": Attack("a new room at each request", rooms, 20),
    "names": Attack("a new guest at each connection", names, 50, addresses=250),
    "logins": Attack("a new account at each connection", logins, 50, addresses=2_500),
    "tls-slow": Attack("a TLS hello byte by byte", tls_slow, 300, "tls"),
    "tls-stalled": Attack("handshakes without an answer", tls_stalled, 300, "tls"),
    "tls-hellos": Attack("handshakes given up at once", tls_hellos, 50, "tls"),
    "tls-garbage": Attack("records of random bytes", tls_garbage, 100, "tls"),
    "slow-head": Attack("an HTTP head byte by byte", slow_head, 400, "web"),
    "long-head": Attack("an HTTP head without an end", long_head, 50, "web"),
    "requests": Attack("HTTP requests without a pause", requests, 20, "web"),
    "fragments": Attack("WebSocket fragments without an end", fragments, 24, "web"),
    "pings": Attack("WebSocket pings without a pause", pings, 20, "web"),
    "files": Attack("more connections than files", silent, 400, "few files"),
}
