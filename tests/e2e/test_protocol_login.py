"""Before and at the hello: what a stranger may do, how often, and for how long."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import Object, RawClient, errors, types
from tests.e2e.support import ServerProcess

LOGIN_TIMEOUT = 0.5


def hello(name: str, **fields: Any) -> Object:
    return {"type": "hello", "version": 1, "name": name, **fields}


def test_welcome_tells_all_that_the_protocol_names(stranger: RawClient) -> None:
    welcome = stranger.ask(hello("Welcome-Reader", ref="h", client="raw/1"))
    assert welcome["ref"] == "h" and welcome["name"] == "Welcome-Reader"
    assert welcome["version"] == 1 and welcome["server"].startswith("netchat/")
    assert welcome["heartbeat"] == 25 and welcome["talks"] == []
    assert welcome["limits"] | {"frame": 65_536, "text": 4_000, "rooms": 100} == welcome["limits"]
    assert all(isinstance(welcome[key], str) for key in ("session", "token", "epoch"))


def test_ping_and_bye_are_legal_before_a_hello(stranger: RawClient) -> None:
    stranger.send({"type": "ping", "ref": "1"}, {"type": "bye", "ref": "2"})
    assert stranger.recv() == {"type": "pong", "ref": "1"}
    assert stranger.recv().items() >= {"type": "bye", "ref": "2"}.items()
    assert stranger.is_ended()


OTHERS: list[Object] = [
    {"type": "join", "room": "lobby"},
    {"type": "leave", "room": "lobby"},
    {"type": "post", "room": "lobby", "text": "x", "id": "1"},
    {"type": "history", "room": "lobby"},
    {"type": "who", "room": "lobby"},
    {"type": "rooms"},
    {"type": "typing", "room": "lobby"},
    {"type": "pong"},
]


@pytest.mark.parametrize("request_", OTHERS, ids=lambda request: request["type"])
def test_nothing_else_is(stranger: RawClient, request_: Object) -> None:
    error = stranger.ask(request_ | {"ref": "r"})
    assert (error["code"], error["ref"]) == ("not_welcome", "r") and "fatal" not in error
    assert stranger.is_silent()


REFUSED_HELLOS: list[tuple[Object, str]] = [
    ({"type": "hello", "name": "v"}, "bad_request"),
    ({"type": "hello", "version": "1", "name": "v"}, "bad_request"),
    ({"type": "hello", "version": 1}, "bad_request"),
    ({"type": "hello", "version": 2, "name": "v"}, "version_unsupported"),
    ({"type": "hello", "version": 0, "name": "v"}, "version_unsupported"),
    (hello("no name"), "name_invalid"),
    (hello("root"), "name_taken"),
    (hello("v", token="x"), "bad_token"),
]


@pytest.mark.parametrize(("request_", "code"), REFUSED_HELLOS, ids=lambda value: str(value))
def test_a_refused_hello_leaves_the_connection_open(
    stranger: RawClient, request_: Object, code: str
) -> None:
    error = stranger.ask(request_)
    assert error["code"] == code and "fatal" not in error
    if code == "bad_request":
        assert error["field"] in {"version", "name"}
    assert stranger.ask({"type": "ping"}) == {"type": "pong"}


def test_a_second_hello_is_refused_and_changes_nothing(ana: RawClient, room: str) -> None:
    assert ana.ask(hello("somebody-else"))["code"] == "already_welcome"
    assert ana.join(room)["members"] == [ana.name]


# -- five tries ----------------------------------------------------------------------------


def test_the_fifth_refused_hello_is_the_last(stranger: RawClient) -> None:
    refusals = [request for request, _ in REFUSED_HELLOS[-5:]]
    replies = [stranger.ask(request) for request in refusals]
    assert [reply.get("fatal", False) for reply in replies] == [False] * 4 + [True]
    assert stranger.is_ended()


def test_the_fifth_hello_may_still_be_a_good_one(stranger: RawClient) -> None:
    for _ in range(4):
        stranger.ask(hello("no name"))
    assert stranger.hello("Patient")["name"] == "Patient"


def test_of_the_tries_only_refused_hellos_count(stranger: RawClient) -> None:
    for _ in range(4):
        assert stranger.ask(hello("no name"))["code"] == "name_invalid"
        assert stranger.ask({"type": "rooms"})["code"] == "not_welcome"
        assert stranger.ask({"type": "dance"})["code"] == "unknown_type"
        assert stranger.ask({"type": 1})["code"] == "bad_request"
        assert stranger.ask({"type": "ping"})["type"] == "pong"
    assert "fatal" not in stranger.ask({"type": "rooms"})
    assert stranger.ask(hello("no name"))["fatal"] is True


# -- requests right behind a hello ---------------------------------------------------------


def test_requests_behind_a_hello_are_served_once_it_is_welcome(
    stranger: RawClient, room: str
) -> None:
    stranger.send(
        hello("Hasty", ref="1"),
        {"type": "join", "room": room, "ref": "2"},
        {"type": "post", "room": room, "text": "x", "id": "1", "ref": "3"},
        {"type": "who", "room": room, "ref": "4"},
        {"type": "ping", "ref": "5"},
    )
    events = stranger.upto("pong")
    assert types(events) == ["welcome", "joined", "accepted", "message", "members", "pong"]
    assert [event["ref"] for event in events if "ref" in event] == ["1", "2", "3", "4", "5"]


def test_requests_behind_a_refused_hello_are_not_welcome(stranger: RawClient, room: str) -> None:
    stranger.send(
        hello("no name", ref="1"),
        {"type": "join", "room": room, "ref": "2"},
        {"type": "ping", "ref": "3"},
        hello("Second-Try", ref="4"),
        {"type": "join", "room": room, "ref": "5"},
    )
    events = stranger.upto("joined")
    assert [event["ref"] for event in events] == ["1", "2", "3", "4", "5"]
    assert errors(events) == ["name_invalid", "not_welcome"]
    assert types(events)[2:] == ["pong", "welcome", "joined"]


def test_however_many_requests_stand_behind_a_hello_all_are_served(
    stranger: RawClient, room: str
) -> None:
    stranger.send(
        hello("Chatterbox"),
        {"type": "join", "room": room, "backlog": 0},
        *({"type": "ping", "ref": str(n)} for n in range(1_000)),
    )
    assert [event["ref"] for event in stranger.upto("pong", ref="999")[2:]] == [
        str(n) for n in range(1_000)
    ]


def test_the_limit_of_frames_rises_with_welcome(stranger: RawClient, room: str) -> None:
    stranger.hello("Big-Talker")
    stranger.join(room)
    text = "\U0001f600" * 4_000
    assert stranger.post(room, text, "big")["seq"] == 1


# -- the time for it -----------------------------------------------------------------------


def test_a_stranger_has_to_say_hello_in_time(tmp_path: Path) -> None:
    with (
        ServerProcess(tmp_path, "--set", f"limits.login_timeout={LOGIN_TIMEOUT}") as server,
        server.client() as silent,
        server.client() as busy,
        server.client("Settled") as settled,
    ):
        begun = time.monotonic()
        while not silent_end(busy, begun):
            assert time.monotonic() - begun < 20 * LOGIN_TIMEOUT
        error = silent.recv()
        assert (error["code"], error["fatal"]) == ("login_timeout", True)
        assert silent.is_ended()
        assert settled.is_silent()


def silent_end(busy: RawClient, begun: float) -> bool:
    """One more ping of a stranger that does everything but log in; true once it is cut off."""
    busy.send({"type": "ping"})
    event = busy.recv()
    if event["type"] == "pong":
        return False
    assert event["code"] == "login_timeout"
    assert time.monotonic() - begun > 0.8 * LOGIN_TIMEOUT
    return busy.is_ended()
