"""The decode boundary for requests: what passes, what is refused, and with which code and field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat import requests
from netchat.chat.requests import MAX_INTEGER, REQUESTS, Request
from netchat.errors import BadJson
from netchat.wire.messages import USUAL_DEPTH, RefusedRequest, _decode_again, decode_request
from tests.wire.support import any_json

POST: dict[str, Any] = {"type": "post", "room": "lobby", "text": "hola", "id": "a-1"}


def refusal(payload: bytes | dict[str, Any]) -> RefusedRequest:
    with pytest.raises(RefusedRequest) as caught:
        decode_request(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return caught.value


def code(payload: bytes) -> str:
    """What becomes of a payload: the code of its refusal, or 'fine'."""
    try:
        decode_request(payload)
    except BadJson as error:
        return error.code
    except RefusedRequest as refused:
        return refused.error.code
    return "fine"


# Fatal: what is no strict JSON object


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"nul",
        b"[]",
        b'"hello"',
        b"1",
        b"null",
        b'{"type":"ping"',
        b'{"type":"ping"} x',
        b'{"type":"ping"}{}',
        b'{"type":"ping"}\x00',
        b'{"type":"ping",}',
        b"{'type':'ping'}",
        b'{type:"ping"}',
        b'{"type":"ping"/**/}',
        b'\xef\xbb\xbf{"type":"ping"}',
        '{"type":"ping"}'.encode("utf-16"),
        b'{"type":"ping","x":NaN}',
        b'{"type":"ping","x":Infinity}',
        b'{"type":"ping","x":-Infinity}',
        b'{"type":"ping","x":1e999}',
        b'{"type":"ping","x":01}',
        b'{"type":"ping","x":+1}',
        b'{"type":"ping","x":.5}',
        b'{"type":"ping","x":1.}',
        b'{"type":"ping","x":"\n"}',
        b'{"type":"ping","x":"\\x41"}',
        b'{"type":"ping","x":"\\ud800"}',
        b'{"type":"ping","x":"\\ud800\\u0041"}',
        b'{"type":"ping","x":"\\ud800\\ud800"}',
        b'{"type":"ping","x":"\\udc00"}',
        b'{"type":"ping","x":"\\udc00\\ud800"}',
        b'{"type":"ping","\\udc00":1}',
        b'{"type":"ping","x":"\xff"}',
        b'{"type":"ping","\xff":1}',
        b'{"type":"ping","x":"\xed\xa0\x80"}',
        b'{"type":"ping","x":"\xc0\x80"}',
        b'{"type":"ping","x":"\xf4\x90\x80\x80"}',
        b'{"type":"ping","x":"\xe2\x82"}',
        b'{"type":"ping","x":["\xed\xa0\x80"]}',
        b'{"type":"post","room":"lobby","id":"1","text":"\\ud83d"}',
        b'{"type":"ping","x":1' + b"0" * 5_000 + b"}",
    ],
)
def test_what_is_no_strict_json_object_is_bad_json(payload: bytes) -> None:
    assert code(payload) == "bad_json"


@pytest.mark.parametrize(
    ("depth", "verdict"),
    [(15, "fine"), (16, "fine"), (17, "bad_json"), (1_000, "bad_json"), (100_000, "bad_json")],
)
@pytest.mark.parametrize(
    ("opening", "core", "closing"),
    [
        (b"[", b"[]", b"]"),
        (b"[", b"[1]", b"]"),
        (b'{"x":', b"{}", b"}"),
        (b'[{"x":1},', b"[]", b"]"),
    ],
)
def test_nesting_is_bounded_with_the_outermost_object_as_one(
    depth: int, verdict: str, opening: bytes, core: bytes, closing: bytes
) -> None:
    nested = opening * (depth - 2) + core + closing * (depth - 2)
    assert code(b'{"type":"ping","x":' + nested + b"}") == verdict


def test_only_the_deepest_branch_counts() -> None:
    wide = ",".join(["[[]]"] * 100)
    assert code(f'{{"type":"ping","x":[{wide}]}}'.encode()) == "fine"


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        (str(MAX_INTEGER), "fine"),
        (str(-MAX_INTEGER), "fine"),
        (str(MAX_INTEGER + 1), "bad_json"),
        (str(-MAX_INTEGER - 1), "bad_json"),
        (str(2**64), "bad_json"),
        ("1" + "0" * 60, "bad_json"),
        ("0.12345678901234567890", "fine"),
        ("9007199254740993.0", "fine"),
        ("1e300", "fine"),
    ],
)
@pytest.mark.parametrize(
    "place", ["{}", "[{}]", '{{"y":[0,{}]}}', f"{'[' * USUAL_DEPTH}{{}}{']' * USUAL_DEPTH}"]
)
def test_integers_are_bounded_wherever_they_are(place: str, number: str, verdict: str) -> None:
    assert code(f'{{"type":"ping","x":{place.format(number)}}}'.encode()) == verdict


def test_brackets_and_digits_in_strings_are_only_text() -> None:
    text = "[" * 100 + "{" * 100 + "9" * 100
    assert code(json.dumps({**POST, "text": text}).encode()) == "fine"


def test_an_integer_out_of_all_bounds_is_bad_json_though_its_field_is_known() -> None:
    assert code(b'{"type":"join","room":"a","backlog":9007199254740992}') == "bad_json"
    assert code(b'{"type":"hello","name":"a","version":9007199254740992}') == "bad_json"


# Mild: the connection lives


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "type"),
        ({"type": None}, "type"),
        ({"type": 1}, "type"),
        ({"type": ["ping"]}, "type"),
        ({"type": "ping", "ref": ""}, "ref"),
        ({"type": "ping", "ref": "r" * 65}, "ref"),
        ({"type": "ping", "ref": 1}, "ref"),
        ({"type": "join", "room": 1, "ref": 1}, "ref"),
        ({"type": "join", "ref": 1}, "ref"),
        ({"type": "hello", "name": "ana"}, "version"),
        ({"type": "hello", "version": 1}, "name"),
        ({"type": "hello", "version": 1, "name": None}, "name"),
        ({"type": "hello", "version": 1.0, "name": "ana"}, "version"),
        ({"type": "hello", "version": "1", "name": "ana"}, "version"),
        ({"type": "hello", "version": True, "name": "ana"}, "version"),
        ({"type": "hello", "version": 1, "name": "ana", "token": 7}, "token"),
        ({"type": "join"}, "room"),
        ({"type": "join", "room": ["lobby"]}, "room"),
        ({"type": "join", "room": "lobby", "backlog": -1}, "backlog"),
        ({"type": "join", "room": "lobby", "backlog": 301}, "backlog"),
        ({"type": "join", "room": "lobby", "backlog": 1.5}, "backlog"),
        ({"type": "join", "room": "lobby", "after": -1}, "after"),
        ({"type": "history", "room": "lobby", "limit": 0}, "limit"),
        ({"type": "history", "room": "lobby", "limit": 301}, "limit"),
        ({"type": "history", "room": "lobby", "before": 3.0}, "before"),
        ({"type": "post", "room": "lobby", "id": "1"}, "text"),
        ({"type": "post", "room": "lobby", "text": "a"}, "id"),
        ({"type": "post", "room": "lobby", "text": "a", "id": ""}, "id"),
        ({"type": "post", "room": "lobby", "text": "a", "id": "i" * 65}, "id"),
        ({"type": "who", "room": {"x": 1}}, "room"),
        ({"type": "rooms", "talks": 1}, "talks"),
        ({"type": "typing", "room": "lobby", "to": 5}, "to"),
    ],
)
def test_a_bad_request_names_its_field(payload: dict[str, Any], field: str) -> None:
    error = refusal(payload).error
    assert (error.code, error.field, error.fatal) == ("bad_request", field, False)
    assert f"'{field}'" in error.message


@pytest.mark.parametrize("kind", REQUESTS.values())
def test_every_field_of_every_request_has_words_for_its_refusal(kind: type[Request]) -> None:
    tag = str(kind.__struct_config__.tag)
    sound = {"type": tag, "room": "a", "text": "a", "id": "a", "version": 1, "name": "a"}
    for name in kind.__struct_fields__:
        error = refusal({**sound, name: [{}]}).error
        assert error.field == name
        assert error.message.startswith(f"The field '{name}' must be ")


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ({**POST, "text": None}, "The field 'text' is missing."),
        ({**POST, "id": ""}, "The field 'id' must be a string of 1 to 64 characters."),
        (
            {"type": "join", "room": "a", "backlog": 301},
            "The field 'backlog' must be an integer from 0 to 300.",
        ),
        ({"type": "rooms", "talks": 1}, "The field 'talks' must be true or false."),
        ({"type": "hello", "version": "1"}, "The field 'version' must be an integer."),
        ({"type": 1}, "The field 'type' must be a string."),
    ],
)
def test_sentences_are_for_a_person(payload: dict[str, Any], sentence: str) -> None:
    assert refusal(payload).error.message == sentence


def test_an_unknown_type_is_told_apart_from_a_bad_field() -> None:
    refused = refusal({"type": "dance", "ref": "7"})
    assert (refused.error.code, refused.type, refused.ref) == ("unknown_type", "dance", "7")
    assert refused.error.field is None


def test_the_type_of_a_request_is_spelled_exactly() -> None:
    assert refusal({"type": "Ping"}).error.code == "unknown_type"
    assert refusal({"type": "welcome"}).error.code == "unknown_type"


def test_no_sentence_holds_what_the_peer_sent() -> None:
    evil = "\x1b[2J"
    for payload in (
        {"type": evil},
        {"type": "ping", "ref": evil * 100},
        {"type": "rooms", "talks": evil},
        {"type": "join", "room": {evil: evil}},
    ):
        assert evil not in refusal(payload).error.message


def test_a_refusal_carries_what_may_be_echoed() -> None:
    refused = refusal({**POST, "text": 5, "ref": "r1"})
    assert (refused.type, refused.ref, refused.id) == ("post", "r1", "a-1")


def test_a_refusal_echoes_nothing_unsound() -> None:
    refused = refusal({**POST, "id": "i" * 65, "ref": 1})
    assert (refused.type, refused.ref, refused.id) == ("post", None, None)
    refused = refusal({"type": 3, "id": "x", "ref": "r"})
    assert (refused.type, refused.ref, refused.id) == (None, "r", None)


def test_only_a_post_has_an_id_to_echo() -> None:
    assert refusal({"type": "who", "id": "x"}).id is None


def test_unknown_fields_are_ignored_and_null_stands_for_absent() -> None:
    assert decode_request(b'{"type":"ping","ref":null,"x":{"y":[1]}}') == requests.Ping()
    payload = b'{"limit":null,"before":null,"type":"history","room":"a"}'
    assert decode_request(payload) == requests.History(room="a")


def test_the_last_of_a_duplicate_key_wins() -> None:
    assert decode_request(b'{"type":"ping","type":"pong","ref":"1","ref":"2"}') == requests.Pong(
        ref="2"
    )


def test_text_comes_as_it_was_written() -> None:
    text = 'h\u00f6la \U0001f600 e\u0301 \u202e\u0000\n\t"\\/'
    for payload in (
        json.dumps({**POST, "text": text}),
        json.dumps({**POST, "text": text}, ensure_ascii=False),
    ):
        request = decode_request(payload.encode())
        assert isinstance(request, requests.Post)
        assert request.text == text


@given(st.binary())
def test_any_bytes_are_refused_in_a_known_way(payload: bytes) -> None:
    assert code(payload) in {"bad_json", "bad_request", "unknown_type"}


@given(st.dictionaries(st.sampled_from([*POST, "ref", "after", "limit", "x"]), any_json))
def test_any_object_is_refused_in_a_known_way(fields: dict[str, Any]) -> None:
    payload = json.dumps(fields, ensure_ascii=False).encode(errors="surrogatepass")
    assert code(payload) in {"bad_json", "bad_request", "unknown_type", "fine"}


@given(
    st.sampled_from(sorted(REQUESTS)),
    st.dictionaries(
        st.sampled_from(
            [
                "ref",
                "room",
                "to",
                "text",
                "id",
                "after",
                "before",
                "limit",
                "backlog",
                "epoch",
                "talks",
            ]
        ),
        any_json,
    ),
)
def test_any_fields_under_a_known_type_are_refused_in_a_known_way(
    tag: str, fields: dict[str, Any]
) -> None:
    payload = json.dumps({**fields, "type": tag}).encode()
    assert code(payload) in {"bad_json", "bad_request", "fine"}


words = ["post", "hello", "join", "history", "rooms", "a", "", "x" * 65, "\u0000\u00e9"]
numbers = [0, 1, -1, 300, 301, 1.0, 2**53, -(2**53), True]
plausible = st.sampled_from([*words, *numbers, None, [[[1]]], {"type": "post"}])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [*POST, "to", "ref", "after", "limit", "version", "name", "talks", "x"]
            ),
            plausible,
        ),
        max_size=8,
    ),
    st.sampled_from(["post", "hello", "join", "history", "rooms"]),
    st.integers(0, 8),
)
def test_what_is_taken_at_the_first_look_would_be_taken_at_the_second(
    pairs: list[tuple[str, Any]], tag: str, place: int
) -> None:
    pairs.insert(place, ("type", tag))
    fields = (f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs)
    payload = f"{{{','.join(fields)}}}".encode()
    try:
        again: Request | None = _decode_again(payload)
    except (BadJson, RefusedRequest):
        again = None
    try:
        assert decode_request(payload) == again
    except (BadJson, RefusedRequest):
        assert again is None
