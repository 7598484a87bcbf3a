"""Who is here, who fell away, who is writing: told as state, never more often than it changes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.client import Object, RawClient
from tests.e2e.support import UNLIMITED, ServerProcess, crowd

HOLD = 1.5
SOON = 0.9
"""Seconds before which no presence may come: its timer runs for one."""

EVERYTHING = ()


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that holds names for a moment only."""
    arguments = (*UNLIMITED, "--set", f"limits.hold={HOLD}")
    with ServerProcess(tmp_path_factory.mktemp("brief"), *arguments) as server:
        yield server


def watcher(server: ServerProcess, room: str) -> RawClient:
    """A member that has read the presence of its own coming."""
    client = server.client(f"watcher-{room}", noise=EVERYTHING)
    client.join(room)
    own = client.until("presence")
    assert own == {"type": "presence", "room": room, "joined": [client.name], "count": 1}
    return client


def test_the_first_change_goes_out_a_second_later_with_the_net_change(
    server: ServerProcess, ben: RawClient, room: str
) -> None:
    with watcher(server, room) as client:
        begun = time.monotonic()
        ben.join(room)
        for _ in range(3):
            ben.ask({"type": "leave", "room": room})
            ben.join(room)
        presence = client.recv()
        assert presence == {"type": "presence", "room": room, "joined": [ben.name], "count": 2}
        assert SOON < time.monotonic() - begun < 5
        assert client.is_silent()


def test_one_who_saw_somebody_that_left_at_once_is_told_so(
    ana: RawClient, ben: RawClient, room: str
) -> None:
    ana.join(room)
    assert ben.join(room)["members"] == [ana.name, ben.name]
    ana.ask({"type": "leave", "room": room})
    ben.noise = EVERYTHING
    presence = ben.until("presence")
    assert presence["left"] == [ana.name] and presence["count"] == 1


def test_what_comes_to_nothing_is_not_told(
    server: ServerProcess, ana: RawClient, ben: RawClient, room: str
) -> None:
    with watcher(server, room) as client:
        ana.join(room)
        ana.ask({"type": "leave", "room": room})
        ben.join(f"{room}-other")
        ben.noise = EVERYTHING
        ben.until("presence")  # its timer began after the other's
        assert client.is_silent()


def test_a_drop_is_away_and_the_end_of_its_hold_is_left(brief: ServerProcess, room: str) -> None:
    with watcher(brief, room) as client:
        dropping = brief.client("dropping")
        dropping.join(room)
        assert client.recv()["joined"] == ["dropping"]
        dropped = time.monotonic()
        dropping.close()
        away = client.recv()
        assert away == {"type": "presence", "room": room, "away": ["dropping"], "count": 2}
        assert time.monotonic() - dropped < HOLD
        who = client.ask({"type": "who", "room": room})["members"]
        assert [row.get("away", False) for row in who] == [True, False]
        assert client.join(room, backlog=0)["members"] == [client.name, "dropping"]
        left = client.recv()
        assert left == {"type": "presence", "room": room, "left": ["dropping"], "count": 1}
        assert time.monotonic() - dropped > HOLD
        assert len(client.ask({"type": "who", "room": room})["members"]) == 1
        client.bye()


def test_one_that_comes_back_stands_away_until_it_joins(brief: ServerProcess, room: str) -> None:
    with watcher(brief, room) as client, brief.client("back") as first, brief.client() as second:
        first.join(room)
        assert client.recv()["joined"] == ["back"]
        first.close()
        assert client.recv()["away"] == ["back"]
        second.hello("back", token=first.token)
        rows = client.ask({"type": "who", "room": room})["members"]
        assert [row.get("away") for row in rows] == [True, None]
        second.join(room)
        assert client.recv() == {"type": "presence", "room": room, "joined": ["back"], "count": 2}
        second.bye()
        assert client.recv()["left"] == ["back"]
        client.bye()


def test_one_that_comes_back_and_does_not_join_has_left_when_the_hold_ends(
    brief: ServerProcess, room: str
) -> None:
    with watcher(brief, room) as client, brief.client("shy") as first, brief.client() as second:
        first.join(room)
        assert client.recv()["joined"] == ["shy"]
        first.close()
        second.hello("shy", token=first.token)
        assert client.until("presence", left=["shy"])["count"] == 1
        assert second.is_silent()
        client.bye()
        second.bye()


def test_a_quick_return_is_no_news(brief: ServerProcess, room: str) -> None:
    with watcher(brief, room) as client, brief.client("quick") as first, brief.client() as second:
        first.join(room)
        assert client.recv()["joined"] == ["quick"]
        first.close()
        second.hello("quick", token=first.token)
        second.join(room)
        second.noise = EVERYTHING
        second.join(f"{room}-clock")
        second.until("presence")
        assert client.is_silent()
        client.bye()
        second.bye()


def test_presence_is_never_in_the_log(ana: RawClient, ben: RawClient, room: str) -> None:
    ana.join(room)
    ben.join(room)
    ben.ask({"type": "leave", "room": room})
    ana.post(room, "x", "1")
    assert ana.until("message")["seq"] == 1


# -- crowds --------------------------------------------------------------------------------


def test_a_room_of_more_than_200_tells_its_count_alone_until_it_is_smaller(
    server: ServerProcess, room: str
) -> None:
    names = [f"many-{n}" for n in range(200)]
    with watcher(server, room) as client, crowd(server, names, room) as clients:
        joined = server_count(client, 201)
        assert joined["members"] is None
        notice = client.until("presence", count=201)
        assert notice == {"type": "presence", "room": room, "count": 201}
        clients[0].send({"type": "typing", "room": room})
        clients[0].barrier()
        assert "typing" not in [event["type"] for event in client.barrier()]
        clients[0].ask({"type": "leave", "room": room})
        notice = client.recv()
        assert (notice["type"], notice["count"]) == ("presence", 200)
        assert sorted(notice["members"]) == sorted([client.name, *names[1:]])
        assert "joined" not in notice and "left" not in notice
        clients[1].ask({"type": "leave", "room": room})
        notice = client.recv()
        assert notice == {"type": "presence", "room": room, "left": [names[1]], "count": 199}


def server_count(client: RawClient, count: int) -> Object:
    """Join again; the `joined`, which must count so many."""
    client.send({"type": "join", "room": room_of(client), "backlog": 0})
    joined = client.until("joined")
    assert joined["count"] == count
    return joined


def room_of(client: RawClient) -> str:
    return client.name.removeprefix("watcher-")


# -- typing --------------------------------------------------------------------------------


def typing(client: RawClient, **where: str) -> None:
    """Say so, and wait until the server has heard it: there is no reply."""
    client.send({"type": "typing", **where})
    client.barrier()


def test_typing_reaches_the_room_once_in_three_seconds(
    ana: RawClient, ben: RawClient, room: str
) -> None:
    ana.join(room)
    ben.join(room)
    for _ in range(5):
        typing(ana, room=room)
    assert ben.barrier() == [{"type": "typing", "room": room, "from": ana.name}]
    ana.join(f"{room}-b")
    ben.join(f"{room}-b")
    typing(ana, room=f"{room}-b")
    assert ben.barrier() == [{"type": "typing", "room": f"{room}-b", "from": ana.name}]


def test_typing_to_somebody_arrives_with_from_alone(ana: RawClient, ben: RawClient) -> None:
    typing(ana, to=ben.name.upper())
    assert ben.barrier() == [{"type": "typing", "from": ana.name}]


def test_typing_never_has_a_reply(server: ServerProcess, ana: RawClient, room: str) -> None:
    with server.client(f"elsewhere-{room}") as other:
        other.join(room)
        for where in ({"room": room}, {"room": f"{room}-none"}, {"to": "nobody"}, {"to": ""}, {}):
            ana.send({"type": "typing", **where})
            ana.send({"type": "typing", **where, "ref": "t"})
        assert ana.is_silent() and other.is_silent()


def test_typing_in_a_talk_reaches_the_other(ana: RawClient, ben: RawClient) -> None:
    ana.send({"type": "post", "to": ben.name, "text": "x", "id": "1"})
    talk = ana.until("accepted")["room"]
    ben.until("message")
    typing(ana, room=talk)
    assert ben.barrier() == [{"type": "typing", "room": talk, "from": ana.name}]
