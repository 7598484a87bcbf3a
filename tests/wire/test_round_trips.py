"""Every message survives the way over the wire; the client reads leniently."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat import events
from netchat.chat.events import EVENTS, Event, HistoryBefore, HistoryPage, Message
from netchat.chat.requests import REQUESTS, Request
from netchat.errors import BadJson
from netchat.wire.messages import decode_event, decode_request, encode
from tests.wire.support import any_json, structs

any_request = st.one_of(*(structs(kind) for kind in REQUESTS.values()))
any_event = st.one_of(*(structs(kind) for kind in EVENTS.values()))


@given(any_request)
def test_every_request_survives_the_way(request: Request) -> None:
    assert decode_request(encode(request)) == request


@given(any_event)
def test_every_event_survives_the_way(event: Event) -> None:
    assert decode_event(encode(event)) == event


def test_a_page_asked_for_backwards_is_a_history_like_any_other() -> None:
    page = HistoryBefore(room="lobby", messages=[], complete=True)
    assert decode_event(encode(page)) == HistoryPage(room="lobby", messages=[], complete=True)


def test_defaults_stay_off_the_wire_and_names_are_the_protocols() -> None:
    message = Message(room="lobby", seq=1, time=2, sender="ana", text="hola", id="a-1")
    assert json.loads(encode(message)) == {
        "type": "message", "room": "lobby", "seq": 1, "time": 2, "from": "ana",
        "text": "hola", "id": "a-1",
    }  # fmt: skip


def test_members_of_a_large_room_are_null_on_the_wire() -> None:
    joined = events.Joined(
        room="lobby", epoch="e", head=0, first=1, count=201, members=None, topic=""
    )
    assert json.loads(encode(joined))["members"] is None


# The client's side is lenient


def test_an_event_of_an_unknown_type_is_none() -> None:
    assert decode_event(b'{"x":[1,2],"type":"firework"}') is None


def test_of_an_event_too_the_last_of_a_duplicate_key_wins() -> None:
    assert decode_event(b'{"type":"firework","type":"pong","ref":"1"}') == events.Pong(ref="1")
    assert decode_event(b'{"ref":1,"type":"pong","ref":"1"}') == events.Pong(ref="1")


def test_unknown_fields_of_an_event_are_ignored() -> None:
    assert decode_event(b'{"type":"pong","ref":"1","mood":{"x":1}}') == events.Pong(ref="1")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"1",
        b"{}",
        b'{"type":1}',
        b'{"type":"left"}',
        b'{"type":"left","room":1}',
        b'{"type":"left","room":"\xff"}',
        b'{"type":"firework","x":NaN}',
        b'{"type":"pong","x":' + b"[" * 100_000,
    ],
)
def test_garbage_from_the_server_is_bad_json(payload: bytes) -> None:
    with pytest.raises(BadJson):
        decode_event(payload)


@given(st.binary() | any_json.map(lambda value: json.dumps(value).encode()))
def test_a_client_meets_no_other_exception(payload: bytes) -> None:
    with suppress(BadJson):
        assert decode_event(payload) is None
