"""Frames, payloads and fields: what is taken, what is refused, and what survives it."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from tests.e2e.client import MAX_FRAME, Object, RawClient, frame
from tests.e2e.support import ServerProcess

BEFORE_WELCOME = 4_096


def padded(request: Object, size: int) -> bytes:
    """A frame whose payload has exactly `size` bytes; unknown fields are ignored."""
    empty = json.dumps(request | {"padding": ""}).encode()
    return frame(json.dumps(request | {"padding": "x" * (size - len(empty))}).encode())


def refused(client: RawClient, code: str) -> Object:
    """The next event, which must be this error; fatal ones close the connection."""
    error = client.recv()
    assert (error["type"], error["code"]) == ("error", code), error
    assert error["message"] and "Traceback" not in error["message"]
    if error.get("fatal"):
        assert client.is_ended()
    return error


# -- length --------------------------------------------------------------------------------


def test_a_stranger_may_send_a_frame_of_4096_bytes(stranger: RawClient) -> None:
    stranger.send_bytes(padded({"type": "ping", "ref": "1"}, BEFORE_WELCOME))
    assert stranger.recv() == {"type": "pong", "ref": "1"}


def test_a_strangers_longer_frame_is_refused_on_sight_of_its_length(stranger: RawClient) -> None:
    stranger.send_bytes(struct.pack("!I", BEFORE_WELCOME + 1))
    assert refused(stranger, "frame_too_large")["fatal"]


def test_after_welcome_a_frame_may_have_65536_bytes(ana: RawClient) -> None:
    ana.send_bytes(padded({"type": "ping", "ref": "1"}, MAX_FRAME))
    assert ana.recv() == {"type": "pong", "ref": "1"}


@pytest.mark.parametrize("length", [MAX_FRAME + 1, 2**31, 2**32 - 1])
def test_after_welcome_a_longer_frame_is_refused_on_sight_of_its_length(
    ana: RawClient, length: int
) -> None:
    ana.send_bytes(struct.pack("!I", length))
    assert refused(ana, "frame_too_large")["fatal"]


def test_a_refused_hello_does_not_raise_the_limit(stranger: RawClient) -> None:
    stranger.send({"type": "hello", "version": 1, "name": "not a name"})
    refused(stranger, "name_invalid")
    stranger.send_bytes(struct.pack("!I", BEFORE_WELCOME + 1))
    assert refused(stranger, "frame_too_large")["fatal"]


def test_an_empty_frame_is_a_bad_one(ana: RawClient) -> None:
    ana.send_bytes(struct.pack("!I", 0))
    assert refused(ana, "bad_frame")["fatal"]


def test_what_came_before_a_bad_frame_is_answered_first(ana: RawClient) -> None:
    ana.send_bytes(frame(b'{"type":"ping","ref":"1"}') + frame(b"[]") + frame(b'{"type":"ping"}'))
    assert ana.recv() == {"type": "pong", "ref": "1"}
    assert refused(ana, "bad_json")["fatal"]


def test_requests_that_come_byte_by_byte_are_served(ana: RawClient) -> None:
    for byte in frame(b'{"type":"ping","ref":"1"}') + frame(b'{"type":"ping","ref":"2"}'):
        ana.send_bytes(bytes([byte]))
    assert [ana.recv()["ref"], ana.recv()["ref"]] == ["1", "2"]


# -- payload -------------------------------------------------------------------------------

ROOF = 2**53 - 1


def nested(depth: int) -> bytes:
    """A ping of this depth; the outermost object counts."""
    return b'{"type":"ping","x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff\xfe",
        b'{"type":"ping","x":"\xc3"}',
        b'{"type":"ping","x":"\xed\xa0\x80"}',
        b'{"type":"ping","x":"\\ud800"}',
        b'{"type":"ping","\\udc00":1}',
        b'\xef\xbb\xbf{"type":"ping"}',
        b'{"type":"ping"',
        b'{"type":"ping"}{"type":"ping"}',
        b"{'type':'ping'}",
        b'{"type":"ping",}',
        b'{"type":"ping","x":01}',
        b'{"type":"ping","x":"\n"}',
        b"[]",
        b'"ping"',
        b"7",
        b"null",
        b" ",
        b"\x00",
        b'{"type":"ping","x":NaN}',
        b'{"type":"ping","x":Infinity}',
        b'{"type":"ping","x":-Infinity}',
        b'{"type":"ping","x":9007199254740992}',
        b'{"type":"ping","x":[-9007199254740992]}',
        b'{"type":"ping","x":' + b"9" * 3_000 + b"}",
        nested(17),
        nested(1_000),
        b'{"type":"ping","x":' + b'{"x":' * 500 + b"1" + b"}" * 500 + b"}",
    ],
    ids=lambda payload: repr(payload[:40]),
)
def test_what_is_no_strict_json_object_is_refused(stranger: RawClient, payload: bytes) -> None:
    stranger.send_bytes(frame(payload))
    assert refused(stranger, "bad_json")["fatal"]


@pytest.mark.parametrize(
    "payload",
    [
        nested(16),
        b'{"type":"ping","x":%d,"y":%d}' % (ROOF, -ROOF),
        b'{"type":"pong","type":"ping"}',
        b' {"type" : "ping" , "x" : [1.5, -0, 1e3, true, null, {}]}\n',
        b'{"\\u0074ype":"\\u0070ing"}',
        b'{"type":"ping","x":"\\ud83d\\ude00"}',
        '{"type":"ping","ünbekannt":"Grüße"}'.encode(),
    ],
    ids=lambda payload: repr(payload[:40]),
)
def test_what_is_a_strict_json_object_is_served(stranger: RawClient, payload: bytes) -> None:
    stranger.send_bytes(frame(payload))
    assert stranger.recv() == {"type": "pong"}


# -- fields --------------------------------------------------------------------------------


def test_an_unknown_type_is_refused_with_its_ref_and_the_connection_lives(ana: RawClient) -> None:
    error = ana.ask({"type": "dance", "ref": "x" * 64})
    assert error["code"] == "unknown_type" and error["ref"] == "x" * 64
    assert "fatal" not in error and ana.is_silent()


def test_every_error_echoes_the_ref_and_a_posts_id(ana: RawClient, room: str) -> None:
    error = ana.ask({"type": "post", "room": room, "text": "x", "id": "p-1", "ref": "r"})
    assert (error["code"], error["id"], error["ref"]) == ("no_such_room", "p-1", "r")


REQUESTS: list[tuple[Object, str]] = [
    ({}, "type"),
    ({"type": 7}, "type"),
    ({"type": None}, "type"),
    ({"type": "ping", "ref": ""}, "ref"),
    ({"type": "ping", "ref": "x" * 65}, "ref"),
    ({"type": "ping", "ref": 1}, "ref"),
    ({"type": "join"}, "room"),
    ({"type": "join", "room": 1}, "room"),
    ({"type": "join", "room": "ROOM", "after": -1}, "after"),
    ({"type": "join", "room": "ROOM", "after": 1.5}, "after"),
    ({"type": "join", "room": "ROOM", "after": "1"}, "after"),
    ({"type": "join", "room": "ROOM", "after": True}, "after"),
    ({"type": "join", "room": "ROOM", "backlog": -1}, "backlog"),
    ({"type": "join", "room": "ROOM", "backlog": 301}, "backlog"),
    ({"type": "join", "room": "ROOM", "after": 0, "backlog": 0}, "backlog"),
    ({"type": "join", "room": "ROOM", "after": 0, "epoch": 1}, "epoch"),
    ({"type": "post", "room": "ROOM", "id": "1"}, "text"),
    ({"type": "post", "room": "ROOM", "text": "x"}, "id"),
    ({"type": "post", "room": "ROOM", "text": "", "id": "1"}, "text"),
    ({"type": "post", "room": "ROOM", "text": "x", "id": ""}, "id"),
    ({"type": "post", "room": "ROOM", "text": "x", "id": "x" * 65}, "id"),
    ({"type": "post", "text": "x", "id": "1"}, "room"),
    ({"type": "post", "room": "ROOM", "to": "ROOM", "text": "x", "id": "1"}, "room"),
    ({"type": "post", "to": "SELF", "text": "x", "id": "1"}, "to"),
    ({"type": "history", "room": "ROOM", "limit": 0}, "limit"),
    ({"type": "history", "room": "ROOM", "limit": 301}, "limit"),
    ({"type": "history", "room": "ROOM", "limit": 10.5}, "limit"),
    ({"type": "history", "room": "ROOM", "before": -1}, "before"),
    ({"type": "history", "room": "ROOM", "before": 1, "after": 1}, "before"),
    ({"type": "who", "room": "ROOM", "after": 1}, "after"),
    ({"type": "rooms", "after": []}, "after"),
    ({"type": "rooms", "talks": "yes"}, "talks"),
]


@pytest.mark.parametrize(("request_", "field"), REQUESTS, ids=lambda value: json.dumps(value))
def test_a_wrong_field_is_named(
    server: ServerProcess, ana: RawClient, room: str, request_: Object, field: str
) -> None:
    ana.join(room)
    names = {"ROOM": room, "SELF": ana.name}
    filled = {key: names.get(str(value), value) for key, value in request_.items()}
    error = ana.ask(filled)
    assert (error["type"], error["code"], error["field"]) == ("error", "bad_request", field)
    assert "fatal" not in error and ana.is_silent()


def doubled(room: str, first: Object, last: Object, id: str) -> bytes:
    """A post in which each of these fields stands twice."""
    fields = [*first.items(), ("type", "post"), ("room", room), ("id", id), *last.items()]
    pairs = (f"{json.dumps(key)}:{json.dumps(value)}" for key, value in fields)
    return frame(f"{{{','.join(pairs)}}}".encode())


@pytest.mark.parametrize("name", ["text", "id", "room", "type"])
def test_the_last_of_a_duplicate_key_is_what_is_checked_and_what_is_told(
    ana: RawClient, room: str, name: str
) -> None:
    ana.join(room)
    good = {"text": "hola", "id": "x-1", "room": room, "type": "post"}
    for first in (7, "", "elsewhere"):
        ana.send_bytes(doubled(room, {"text": "hola", name: first}, {name: good[name]}, "x-1"))
        assert ana.until("accepted")["id"] == "x-1"
    ana.send_bytes(doubled(room, {"text": "hola", name: good[name]}, {name: 7}, "x-2"))
    assert ana.until("error")["field"] == name
    history = ana.ask({"type": "history", "room": room})["messages"]
    assert [(message["id"], message["text"]) for message in history] == [("x-1", "hola")]


def test_a_number_at_the_end_of_its_range_is_taken(ana: RawClient, room: str) -> None:
    ana.join(room, backlog=300)
    ana.join(room, backlog=0)
    for limits in ({"limit": 1}, {"limit": 300}, {"before": ROOF}, {"after": 0}, {"before": 0}):
        assert ana.ask({"type": "history", "room": room, **limits})["complete"] is True


# -- text, names, rooms --------------------------------------------------------------------

TEXTS = [
    "x" * 4_000,
    "\U0001f600" * 4_000,
    "a\tb\nc",
    "\n",
    " ",
    "e\u0301 is not \u00e9",
    "\u202eright to left\u202c \u200d \ufeff \uffff \U0010ffff",
    "\x7f",
    '{"type":"bye"}',
    "\\u0000 <b>&amp;</b> %s {} '; --",
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:20]))
def test_a_text_arrives_exactly_as_it_came(
    ana: RawClient, ben: RawClient, room: str, text: str
) -> None:
    ana.join(room)
    ben.join(room)
    ana.post(room, text, "t-1")
    assert ana.until("message")["text"] == text
    assert ben.until("message")["text"] == text
    assert ben.ask({"type": "history", "room": room})["messages"][0]["text"] == text


@pytest.mark.parametrize("text", ["\x00", "a\rb", "\x1b[31m", "\x0b", "\x1f", "\x80", "\x9f"])
def test_a_control_character_is_refused(ana: RawClient, room: str, text: str) -> None:
    ana.join(room)
    error = ana.ask({"type": "post", "room": room, "text": text, "id": "c"})
    assert (error["code"], error["field"], error["id"]) == ("bad_request", "text", "c")


@pytest.mark.parametrize("letter", ["x", "\U0001f600"])
def test_a_text_of_4001_code_points_is_too_long(ana: RawClient, room: str, letter: str) -> None:
    ana.join(room)
    error = ana.ask({"type": "post", "room": room, "text": letter * 4_001, "id": "l"})
    assert (error["code"], error["id"]) == ("text_too_long", "l")


BAD_ROOMS = ["", "x" * 65, "a b", "a,b", "a\tb", "a\nb", "a\x00b", "a\u2003b", "a\x85b", " a"]


@pytest.mark.parametrize("name", BAD_ROOMS, ids=ascii)
def test_a_bad_name_of_a_room_is_refused(ana: RawClient, name: str) -> None:
    assert ana.ask({"type": "join", "room": name})["code"] == "room_invalid"


def test_the_name_of_a_room_may_have_64_code_points(ana: RawClient) -> None:
    name = "\U0001f600" * 64
    assert ana.join(name)["room"] == name


def test_a_room_that_starts_with_an_at_is_nobodys(ana: RawClient) -> None:
    assert ana.ask({"type": "join", "room": "@lobby"})["code"] == "no_such_room"


def test_a_room_is_one_however_it_is_spelled(ana: RawClient, ben: RawClient, room: str) -> None:
    spelled = f"GRÖSSE-{room}"
    assert ana.join(spelled)["room"] == spelled
    other = ben.join(spelled.lower())
    assert other["room"] == spelled and other["count"] == 2
    ben.send({"type": "post", "room": spelled.title(), "text": "x", "id": "1"})
    assert ana.until("message")["room"] == spelled
    assert ben.until("accepted")["room"] == spelled


BAD_NAMES = [
    "", "x" * 33, "a b", "a/b", "@ana", "a:b", "a\u200db", "a\x00", "\U0001f600", "\u00bd", "a,b",
    "日" * 22, "\u202eana",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_a_bad_user_name_is_refused(stranger: RawClient, name: str) -> None:
    error = stranger.ask({"type": "hello", "version": 1, "name": name, "ref": "h"})
    assert (error["code"], error["ref"]) == ("name_invalid", "h")


@pytest.mark.parametrize("name", ["x" * 32, "José_1.x-y", "日" * 21, "Ωmega", "नमस्ते"])
def test_a_good_user_name_is_spelled_as_it_came(stranger: RawClient, name: str) -> None:
    assert stranger.hello(name)["name"] == name


@pytest.mark.parametrize("other", ["MARÍA", "maría", "mari\u0301a", "Ｍaría"], ids=ascii)  # noqa: RUF001
def test_names_are_one_whatever_their_case_and_composition(
    server: ServerProcess, stranger: RawClient, other: str
) -> None:
    with server.client("María") as maria:
        request: dict[str, Any] = {"type": "hello", "version": 1, "name": other}
        assert stranger.ask(request)["code"] == "name_taken"
        maria.bye()
