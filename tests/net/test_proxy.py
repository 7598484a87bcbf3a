from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.net.gate import PROXY_TIMEOUT, Arrival, Gate
from netchat.net.proxy import MAX_V1, MAX_V2, V1, V2, Proxies, ProxyError, header_length, source
from netchat.net.reactor import READ
from tests.net.support import FakeLoop, real_reactor, run_until


def v2(command: int, family: int, body: bytes) -> bytes:
    return V2 + bytes([command, family]) + struct.pack(">H", len(body)) + body


def tcp4(client: str, port: int, extra: bytes = b"") -> bytes:
    packed = socket.inet_aton(client) + socket.inet_aton("127.0.0.1")
    return v2(0x21, 0x11, packed + struct.pack(">HH", port, 7337) + extra)


def tcp6(client: str, port: int) -> bytes:
    pack = ipaddress.IPv6Address
    return v2(0x21, 0x21, pack(client).packed + pack("::1").packed + struct.pack(">HH", port, 7337))


GOOD = [
    (b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 7337\r\n", ("192.0.2.7", 4000)),
    (b"PROXY TCP6 2001:DB8::7 ::1 65535 0\r\n", ("2001:db8::7", 65535)),
    (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 1\r\n", ("192.0.2.7", 1)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None),
    (tcp4("192.0.2.7", 4000), ("192.0.2.7", 4000)),
    (tcp4("192.0.2.7", 4000, b"\x03\x00\x04abcd"), ("192.0.2.7", 4000)),
    (tcp6("2001:db8::7", 9), ("2001:db8::7", 9)),
    (tcp6("::ffff:192.0.2.7", 9), ("192.0.2.7", 9)),
    (v2(0x20, 0x00, b""), None),
    (v2(0x20, 0x11, bytes(12)), None),
    (v2(0x21, 0x31, bytes(216)), None),
    (v2(0x21, 0x00, b""), None),
]

NO_HEADERS = [
    b"\0\0\0\x10{}",
    b"GET / HTTP/1.1\r\n",
    b"\x16\x03\x01",
    b"PROXYTCP4",
    b"proxy TCP4",
    b"PROXY " + b"x" * MAX_V1,
    V2 + b"\x21\x11" + struct.pack(">H", MAX_V2),
    b"\r\n\r\n\0\r\nQUIX",
]

BAD = [
    b"PROXY \r\n",
    b"PROXY TCP4\r\n",
    b"PROXY TCP4 192.0.2.7 127.0.0.1 4000\r\n",
    b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 7337 1\r\n",
    b"PROXY TCP4  192.0.2.7 127.0.0.1 4000 7337\r\n",
    b"PROXY TCP4 ::1 127.0.0.1 4000 7337\r\n",
    b"PROXY TCP6 192.0.2.7 ::1 4000 7337\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::1 4000 7337\r\n",
    b"PROXY TCP4 192.0.2.256 127.0.0.1 4000 7337\r\n",
    b"PROXY TCP4 192.0.2.7 nowhere 4000 7337\r\n",
    b"PROXY TCP4 192.0.2.7 127.0.0.1 65536 7337\r\n",
    b"PROXY TCP4 192.0.2.7 127.0.0.1 04000 7337\r\n",
    b"PROXY TCP4 192.0.2.7 127.0.0.1 +4000 7337\r\n",
    b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 x\r\n",
    b"PROXY UDP4 192.0.2.7 127.0.0.1 4000 7337\r\n",
    b"PROXY TCP4 \xff.0.2.7 127.0.0.1 4000 7337\r\n",
    v2(0x11, 0x11, bytes(12)),
    v2(0x22, 0x11, bytes(12)),
    v2(0x21, 0x11, bytes(11)),
    v2(0x21, 0x21, bytes(35)),
]


@pytest.mark.parametrize(("header", "client"), GOOD)
def test_a_header_says_who_is_behind_the_proxy(header: bytes, client: object) -> None:
    assert header_length(header + b"rest") == len(header)
    assert source(header) == client


@pytest.mark.parametrize("header", [header for header, _ in GOOD])
def test_a_part_of_a_header_is_never_taken_for_one(header: bytes) -> None:
    for end in range(1, len(header)):
        length = header_length(header[:end])
        assert length is None or (length == len(header) and header.startswith(V2))


@pytest.mark.parametrize("data", NO_HEADERS)
def test_what_is_no_header_is_seen_at_once(data: bytes) -> None:
    with pytest.raises(ProxyError):
        header_length(data)


@pytest.mark.parametrize("header", BAD)
def test_a_header_that_is_not_right_is_not_guessed_at(header: bytes) -> None:
    assert header_length(header) == len(header)
    with pytest.raises(ProxyError):
        source(header)


@given(st.sampled_from([V1, V2, V1 + b"TCP4 ", V2 + b"\x21\x11\x00\x0c"]), st.binary(max_size=300))
def test_whatever_comes_it_is_a_source_or_a_refusal(head: bytes, tail: bytes) -> None:
    data = head + tail
    try:
        length = header_length(data)
        if length is None or length > len(data):
            assert len(data) < MAX_V2
            return
        named = source(data[:length])
    except ProxyError:
        return
    if named is not None:
        assert ipaddress.ip_address(named[0]) and 0 <= named[1] <= 65_535


def test_networks_know_whom_they_hold() -> None:
    proxies = Proxies(["10.0.0.0/8", "127.0.0.1", "2001:db8::/32"])
    assert "10.1.2.3" in proxies and "127.0.0.1" in proxies and "2001:db8::1" in proxies
    assert "127.0.0.2" not in proxies and "::1" not in proxies and "fe80::1%eth0" not in proxies
    assert "somewhere" not in proxies
    for wrong in ("10.0.0.0/33", "10.0.0.1/8", "host"):
        with pytest.raises(ValueError, match=wrong.split("/")[0]):
            Proxies([wrong])


# -- on a socket ---------------------------------------------------------------------------


class Peekable:
    """A socket in memory that can be looked at without taking."""

    def __init__(self) -> None:
        self.inbox = b""
        self.ended = self.closed = False

    def recv(self, size: int, flags: int = 0) -> bytes:
        if not self.inbox and not self.ended:
            raise BlockingIOError
        data = self.inbox[:size]
        if not flags & socket.MSG_PEEK:
            self.inbox = self.inbox[size:]
        return data

    def close(self) -> None:
        self.closed = True


class Arrived:
    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.sock = Peekable()
        self.peers: list[Any] = []
        self.over: list[Arrival] = []
        Arrival(
            self.loop.reactor,
            self.sock,  # type: ignore[arg-type]
            ("10.0.0.1", 5),
            lambda sock, peer: self.peers.append(peer),
            self.over.append,
        )

    def tick(self) -> None:
        self.loop.tick((self.sock, READ))


@given(
    st.sampled_from(GOOD),
    st.binary(max_size=50),
    st.lists(st.integers(1, 40), min_size=1, max_size=20),
)
def test_the_rest_is_left_to_whoever_comes_next(
    example: tuple[bytes, object], rest: bytes, portions: list[int]
) -> None:
    header, client = example
    arrived, coming, turn = Arrived(), header + rest, 0
    while coming or not arrived.peers:
        portion = portions[turn % len(portions)]
        turn += 1
        arrived.sock.inbox += coming[:portion]
        coming = coming[portion:]
        arrived.tick()
    assert arrived.peers == [client or ("10.0.0.1", 5)]
    assert arrived.sock.inbox == rest and len(arrived.over) == 1
    assert not arrived.loop.selector.keys.keys() & {arrived.sock}


@pytest.mark.parametrize("first", [*NO_HEADERS, *BAD, b""])
def test_a_proxy_that_says_nothing_of_use_is_refused(first: bytes) -> None:
    arrived = Arrived()
    arrived.sock.inbox, arrived.sock.ended = first, not first
    arrived.tick()
    assert arrived.sock.closed and not arrived.peers and len(arrived.over) == 1


def test_a_proxy_has_two_seconds_and_no_more() -> None:
    arrived = Arrived()
    for byte in b"PR":
        arrived.sock.inbox = bytes([byte])
        arrived.tick()
        arrived.loop.clock.advance(PROXY_TIMEOUT / 2)
        assert not arrived.sock.closed
    arrived.tick()
    assert arrived.sock.closed and not arrived.peers


def test_the_gate_asks_proxies_only() -> None:
    with real_reactor() as reactor, socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        for networks, named in ((["127.0.0.1"], "192.0.2.7"), (["10.0.0.0/8"], "127.0.0.1")):
            came: list[tuple[socket.socket, Any]] = []
            gate = Gate(reactor, Proxies(networks), None)
            listener = gate.listen(listening.dup(), lambda *each, to=came: to.append(each), None)
            with socket.create_connection(listening.getsockname()) as sock:
                sock.sendall(GOOD[0][0])
                run_until(reactor, came.copy)
            [(sock, peer)] = came
            assert peer[0] == named
            sock.close()
            with socket.create_connection(listening.getsockname()):
                reactor.run_once(0.1)
                gate.close()
                for sock, _ in came[1:]:
                    sock.close()
            listener.close()
