"""The native machines, one against the other."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat import events, requests
from netchat.chat.requests import REQUESTS, Request
from netchat.errors import BadFrame, BadJson, FatalError, FrameTooLarge, LocalProtocolError
from netchat.wire.framing import HEADER, frame
from netchat.wire.messages import RefusedRequest, encode
from netchat.wire.native import (
    MAX_FRAME,
    MAX_FRAME_BEFORE_WELCOME,
    NATIVE,
    NativeClient,
    NativeServer,
)
from tests.wire.support import ConnectionPair, cut_up, message, pull, structs

PING = frame(b'{"type":"ping"}')
WELCOME = events.Welcome(
    version=1, server="netchat/1.0", name="ana", session="s1", token="t", epoch="8f3c",
    heartbeat=25, limits={"frame": MAX_FRAME, "text": 4_000}, talks=[],
)  # fmt: skip

some_requests = st.lists(st.one_of(*(structs(kind) for kind in REQUESTS.values())), max_size=5)


def ping_of(length: int) -> bytes:
    """The frame of a ping whose payload has this many bytes."""
    payload = b'{"type":"ping"}'
    return frame(payload[:-1] + b" " * (length - len(payload)) + b"}")


def outcome(server: NativeServer) -> list[str]:
    """What comes out at a server until nothing more does: types and codes."""
    seen = []
    while True:
        try:
            request = server.next_request()
        except RefusedRequest as refused:
            seen.append(refused.error.code)
        except FatalError as error:
            seen.append(error.code)
        else:
            if request is None:
                return seen
            seen.append(str(type(request).__struct_config__.tag))


# Conversations


def test_the_conversation_of_the_protocol() -> None:
    pair = ConnectionPair()
    hello = requests.Hello(version=1, name="ana")
    assert pair.ask(hello) == [hello]
    pair.server.welcome()
    assert pair.tell(WELCOME) == [WELCOME]

    join = requests.Join(room="lobby", ref="1")
    assert pair.ask(join) == [join]
    joined = events.Joined(
        ref="1", room="lobby", epoch="8f3c", head=0, first=1, count=1, members=["ana"], topic=""
    )
    assert pair.tell(joined) == [joined]

    post = requests.Post(room="lobby", text="hola", id="a-1")
    assert pair.ask(post) == [post]
    accepted = events.Accepted(id="a-1", room="lobby", seq=1, time=1_795_323_600_000)
    assert pair.tell(accepted, message(1)) == [accepted, message(1)]

    assert pair.ask(requests.Bye()) == [requests.Bye()]
    assert pair.tell(events.Bye(reason="bye")) == [events.Bye(reason="bye")]


@given(some_requests, st.lists(st.integers(0, 10_000), max_size=10))
def test_any_split_gives_the_same_requests(expected: list[Request], places: list[int]) -> None:
    server = NativeServer()
    server.welcome()
    got: list[Request] = []
    for piece in cut_up(b"".join(frame(encode(request)) for request in expected), places):
        server.receive_data(piece)
        got += pull(server.next_request)
    assert got == expected
    assert not server.pending


@given(st.lists(st.binary(max_size=60) | st.binary(max_size=60).map(frame) | st.just(PING)))
def test_garbage_is_refused_alike_whole_and_byte_by_byte(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    whole = NativeServer()
    whole.receive_data(stream)
    single = NativeServer()
    seen: list[str] = []
    for byte in stream:
        single.receive_data(bytes([byte]))
        seen += outcome(single)
    assert outcome(whole) == seen


# The server's machine


def test_pending_says_that_a_pull_has_something_to_give() -> None:
    server = NativeServer()
    server.receive_data(PING[:-1])
    assert not server.pending
    server.receive_data(PING[-1:] + PING)
    assert server.pending
    server.next_request()
    assert server.pending
    server.next_request()
    assert not server.pending


def test_a_refused_request_leaves_the_machine_working() -> None:
    server = NativeServer()
    server.receive_data(frame(b'{"type":"dance"}') + frame(b'{"type":"join"}') + PING)
    assert outcome(server) == ["unknown_type", "bad_request", "ping"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (frame(b"[]"), BadJson),
        (b"\x00\x00\x00\x00", BadFrame),
        (b"\xff\xff\xff\xff", FrameTooLarge),
    ],
)
def test_a_fatal_error_comes_once_and_nothing_after_it(
    data: bytes, error: type[FatalError]
) -> None:
    server = NativeServer()
    server.receive_data(data + PING)
    assert server.pending
    with pytest.raises(error):
        server.next_request()
    server.receive_data(PING)
    assert not server.pending
    assert server.next_request() is None


def test_refusals_and_failures_leave_nothing_to_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        for last in (frame(b"[]"), b"\x00\x00\x00\x00", b"\xff\xff\xff\xff"):
            server = NativeServer()
            server.receive_data(frame(b'{"type":"dance"}') + frame(b'{"type":"join"}') + last)
            outcome(server)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_strangers_get_short_frames_and_the_welcomed_long_ones() -> None:
    server = NativeServer()
    server.receive_data(ping_of(MAX_FRAME_BEFORE_WELCOME))
    assert outcome(server) == ["ping"]
    server.welcome()
    server.receive_data(ping_of(MAX_FRAME_BEFORE_WELCOME + 1) + ping_of(MAX_FRAME))
    assert outcome(server) == ["ping", "ping"]


def test_one_byte_more_is_refused_before_and_after_welcome() -> None:
    stranger = NativeServer()
    stranger.receive_data(HEADER.pack(MAX_FRAME_BEFORE_WELCOME + 1))
    assert outcome(stranger) == ["frame_too_large"]
    member = NativeServer()
    member.welcome()
    member.receive_data(HEADER.pack(MAX_FRAME + 1))
    assert outcome(member) == ["frame_too_large"]


def test_a_frame_cut_short_by_the_end_is_dropped_without_an_error() -> None:
    server = NativeServer()
    server.receive_data(PING[:-1])
    server.receive_eof()
    assert not server.pending
    assert not server._data
    assert server.next_request() is None


def test_whole_frames_before_the_end_are_still_served() -> None:
    server = NativeServer()
    server.receive_data(PING + PING + PING[:-1])
    server.receive_eof()
    assert outcome(server) == ["ping", "ping"]
    assert not server.pending


def test_the_end_without_anything_before_it_is_quiet() -> None:
    server = NativeServer()
    server.receive_eof()
    assert server.next_request() is None


def test_an_idle_connection_is_one_small_object() -> None:
    server = NativeServer()
    server.receive_data(PING)
    outcome(server)
    assert not hasattr(server, "__dict__")
    assert server.__sizeof__() <= 64
    assert server._data == b""


# The client's machine


def test_events_of_unknown_types_are_skipped() -> None:
    client = NativeClient()
    client.receive_data(frame(b'{"type":"firework"}') + frame(b'{"type":"pong"}'))
    assert client.next_event() == events.Pong()
    assert client.next_event() is None


def test_a_welcome_may_be_longer_than_a_strangers_frame() -> None:
    talks = [events.RoomInfo(room="@" + "x" * 60, head=1, with_="x" * 32) for _ in range(50)]
    welcome = events.Welcome(
        version=1, server="s", name="ana", session="s1", token="t", epoch="e",
        heartbeat=25, limits={}, talks=talks,
    )  # fmt: skip
    assert len(NATIVE.encode(welcome)) > MAX_FRAME_BEFORE_WELCOME
    assert ConnectionPair().tell(welcome) == [welcome]


def test_a_client_keeps_to_the_limit_that_the_server_has_told() -> None:
    client = NativeClient()
    long = requests.Post(room="lobby", text="x" * MAX_FRAME_BEFORE_WELCOME, id="a-1")
    with pytest.raises(LocalProtocolError):
        client.send(long)
    client.receive_data(NATIVE.encode(WELCOME))
    client.next_event()
    assert client.send(long) == frame(encode(long))
    with pytest.raises(LocalProtocolError):
        client.send(requests.Post(room="lobby", text="x" * MAX_FRAME, id="a-1"))


def test_a_client_sends_exactly_the_limit_and_no_byte_more() -> None:
    client = NativeClient()
    room = MAX_FRAME_BEFORE_WELCOME - len(encode(requests.Leave(room="")))
    assert len(client.send(requests.Leave(room="x" * room))) == MAX_FRAME_BEFORE_WELCOME + 4
    with pytest.raises(LocalProtocolError):
        client.send(requests.Leave(room="x" * (room + 1)))


@pytest.mark.parametrize("data", [frame(b"{}"), b"\x00\x00\x00\x00", HEADER.pack(MAX_FRAME + 1)])
def test_a_servers_breach_is_fatal_once(data: bytes) -> None:
    client = NativeClient()
    client.receive_data(data + frame(b'{"type":"pong"}'))
    with pytest.raises(FatalError):
        client.next_event()
    assert client.next_event() is None
    assert not client.pending
