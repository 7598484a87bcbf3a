"""Rights and acts over real sockets: each request's row, and what the others see of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from netchat.admin import client as admin
from netchat.admin.requests import SetOperator
from tests.e2e.client import Object, RawClient
from tests.e2e.support import UNLIMITED, ServerProcess

PASSWORD = "correct horse"
numbers = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("s"), *UNLIMITED) as running:
        admin_knows_oda(running)
        yield running


def admin_knows_oda(server: ServerProcess) -> None:
    with server.client() as oda:
        oda.hello("oda", password=PASSWORD)
        admin.ask(server.data, SetOperator(name="oda", operator=True))


@pytest.fixture
def room() -> str:
    return f"den-{next(numbers)}"


@pytest.fixture
def olga(server: ServerProcess, room: str) -> Iterator[RawClient]:
    with account(server, "olga", room) as client:
        yield client


@pytest.fixture
def gus(server: ServerProcess, olga: RawClient, room: str) -> Iterator[RawClient]:
    with server.client("gus") as client:
        client.join(room)
        yield client
        client.send({"type": "bye"})


def account(server: ServerProcess, name: str, *rooms: str) -> RawClient:
    client = server.client()
    client.hello(name, password=PASSWORD)
    for room in rooms:
        client.join(room)
    return client


def does(client: RawClient, type: str, **fields: object) -> int:
    """The number of an act that works."""
    client.send({"type": type, "ref": "act", **fields})
    answer = client.until("done", ref="act")
    assert answer.keys() == {"type", "ref", "act"}
    return int(answer["act"])


def refused(client: RawClient, type: str, **fields: object) -> Object:
    client.send({"type": type, "ref": "no", **fields})
    return client.until("error", ref="no")


def test_joined_says_what_holds_and_what_one_is(server: ServerProcess, room: str) -> None:
    with account(server, "olga") as olga, server.client() as gus:
        joined = olga.ask({"type": "join", "room": room})
        assert joined["role"] == "owner" and "private" not in joined
        does(olga, "set", room=room, slow=7, topic="hush")
        gus.hello("gus")
        joined = gus.join(room)
        assert (joined["slow"], joined["topic"]) == (7, "hush") and "role" not in joined
        gus.send({"type": "bye"})


def test_rights_are_shown_and_told_when_they_change(
    olga: RawClient, gus: RawClient, room: str
) -> None:
    does(olga, "set", room=room, private=True, slow=5, topic="hush")
    told = gus.until("rights")
    expected = {"room": room, "owner": "olga", "private": True, "slow": 5, "topic": "hush"}
    assert told == {"type": "rights", **expected}
    gus.send({"type": "rights", "room": room, "ref": "r"})
    answer = gus.until("rights", ref="r")
    assert answer == {
        "type": "rights",
        "ref": "r",
        **expected,
        "role": "member",
        "members": ["gus"],
    }
    assert refused(gus, "set", room=room, topic="mine")["code"] == "forbidden"
    assert refused(olga, "role", room=room, user="gus", role="king")["field"] == "role"


def test_who_is_invited_hears_of_it_and_others_are_kept_out(
    server: ServerProcess, olga: RawClient, room: str
) -> None:
    does(olga, "set", room=room, private=True)
    with account(server, "una") as una, server.client("eve") as eve:
        assert refused(una, "join", room=room)["code"] == "forbidden"
        does(olga, "invite", room=room, user="una")
        assert una.until("invited") == {"type": "invited", "room": room, "by": "olga"}
        una.join(room)
        rooms = [row["room"] for row in una.ask({"type": "rooms"})["rooms"]]
        assert room in rooms
        assert room not in [row["room"] for row in eve.ask({"type": "rooms"})["rooms"]]
        assert refused(eve, "join", room=room)["message"].startswith("This room is private")


def test_kick_ban_mute_and_undo(olga: RawClient, gus: RawClient, room: str) -> None:
    does(olga, "kick", room=room, user="gus", reason="spam")
    left = gus.until("left")
    assert left == {"type": "left", "room": room, "by": "olga", "reason": "spam"}
    assert gus.ask({"type": "post", "room": room, "text": "x", "id": "1"})["code"] == "not_in_room"
    gus.join(room)
    act = does(olga, "mute", room=room, user="gus", seconds=60, reason="spam")
    told = gus.until("act")
    assert {**told, "until": 0} == {
        "type": "act", "room": room, "what": "mute", "user": "gus", "by": "olga",
        "reason": "spam", "until": 0,
    }  # fmt: skip
    gus.send({"type": "post", "room": room, "text": "x", "id": "2"})
    error = gus.until("error")
    assert (error["code"], error["until"]) == ("forbidden", told["until"])
    assert error["message"].startswith("You are muted here for another ")
    does(olga, "undo", act=act)
    assert gus.until("act")["what"] == "unmute"
    gus.post(room, "hola", "2")
    act = does(olga, "ban", room=room, user="gus")
    gus.until("left")
    assert refused(gus, "join", room=room)["code"] == "forbidden"
    olga.send({"type": "acts", "room": room})
    page = olga.until("acts")
    first = page["acts"][0]
    assert (first["act"], first["what"], first["whom"], first["active"]) == (
        act,
        "ban",
        "gus",
        True,
    )
    assert [row["what"] for row in page["acts"]] == ["ban", "mute", "kick"] and page["complete"]
    assert "undone_by" in page["acts"][1]
    assert refused(olga, "ban", user="gus")["code"] == "forbidden"
    assert refused(olga, "acts")["code"] == "forbidden"


def test_a_slow_room_says_when(olga: RawClient, gus: RawClient, room: str) -> None:
    does(olga, "set", room=room, slow=3_600)
    gus.until("rights")
    gus.post(room, "one", "1")
    gus.until("message")
    error = gus.ask({"type": "post", "room": room, "text": "two", "id": "2"})
    assert (error["code"], error["field"], error["id"]) == ("rate_limited", "room", "2")
    assert 3_590 < error["retry_after"] <= 3_600


def test_an_operator_acts_on_the_whole_server(server: ServerProcess) -> None:
    with account(server, "oda") as oda, server.client("tom") as tom:
        act = does(oda, "ban", user="tom", reason="spam", seconds=7_200)
        error = tom.until("error")
        assert (error["code"], error["fatal"]) == ("kicked", True)
        assert tom.is_ended()
        with server.client() as again:
            error = again.ask({"type": "hello", "version": 1, "name": "tom", "token": tom.token})
            assert error["code"] == "kicked" and "until" in error
            assert error["message"] == "You are banned from this server for another 2 hours: spam"
            assert again.is_ended()
        does(oda, "undo", act=act)
        with server.client("tom"):
            pass


def test_an_address_is_refused_as_it_connects(server: ServerProcess) -> None:
    """Loopback is 127.0.0.0/8, so there are more addresses to be banned than one's own."""

    def from_there() -> bytes:
        host, port = server.address
        there = socket.create_connection((host, port), 5, ("127.0.0.77", 0))
        with there:
            return there.recv(4_096)

    with account(server, "oda") as oda:
        act = does(oda, "ban", address="127.0.0.77", reason="spam")
        assert b'"code":"kicked"' in from_there()
        does(oda, "undo", act=act)


def test_all_of_it_survives_kill_9(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, *UNLIMITED) as first:
        with account(first, "olga", "den") as olga, first.client("gus") as gus:
            token = gus.token
            does(olga, "set", room="den", private=True)
            does(olga, "ban", room="den", user="gus", reason="spam")
            olga.post("den", "hola", "1")
        first.kill()
    with ServerProcess(tmp_path, *UNLIMITED) as second, second.client() as gus:
        gus.hello("gus", token=token)
        error = refused(gus, "join", room="den")
        assert error["message"] == "You are banned from this room: spam"
        with account(second, "olga") as olga:
            assert olga.join("den")["role"] == "owner"
