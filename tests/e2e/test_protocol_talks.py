"""Private talks: a log for two, whoever of them is connected."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.client import Object, RawClient, seqs, texts
from tests.e2e.support import UNLIMITED, ServerProcess


def say(client: RawClient, to: str, text: str, id: str) -> Object:
    """Write privately; the `accepted`."""
    client.send({"type": "post", "to": to, "text": text, "id": id})
    return client.until("accepted", id=id)


def test_both_parties_get_the_same_message(ana: RawClient, ben: RawClient) -> None:
    accepted = say(ana, ben.name.upper(), "psst", "1")
    assert accepted["room"].startswith("@") and accepted["seq"] == 1
    message = ana.recv()
    assert message == ben.recv()
    assert message == {
        "type": "message", "room": accepted["room"], "seq": 1, "time": accepted["time"],
        "from": ana.name, "to": ben.name, "text": "psst", "id": "1",
    }  # fmt: skip
    answer = say(ben, ana.name, "what?", "1")
    assert (answer["room"], answer["seq"]) == (accepted["room"], 2)
    assert ana.recv()["to"] == ana.name
    assert ben.recv()["text"] == "what?"
    assert ana.is_silent() and ben.is_silent()


def test_the_two_may_post_to_the_rooms_name_and_read_its_history(
    ana: RawClient, ben: RawClient
) -> None:
    room = say(ana, ben.name, "one", "1")["room"]
    ben.until("message")
    assert ben.post(room, "two", "2").items() >= {"room": room, "seq": 2}.items()
    page = ben.ask({"type": "history", "room": room})
    page = page if page["type"] == "history" else ben.until("history")
    assert texts(page["messages"]) == ["one", "two"]
    assert [message["to"] for message in page["messages"]] == [ben.name, ana.name]


def test_a_joined_talk_counts_and_lists_the_two(ana: RawClient, ben: RawClient) -> None:
    room = say(ana, ben.name, "one", "1")["room"]
    say(ana, ben.name, "two", "2")
    ana.barrier()
    joined = ana.join(room, after=0)
    assert joined["count"] == 2 and sorted(joined["members"]) == sorted([ana.name, ben.name])
    assert seqs(ana.collect("message", 2)) == [1, 2]
    say(ben, ana.name, "three", "3")
    assert ana.recv()["seq"] == 3
    assert ana.is_silent()


def test_to_anybody_else_the_room_does_not_exist(
    server: ServerProcess, ana: RawClient, ben: RawClient
) -> None:
    room = say(ana, ben.name, "secret", "1")["room"]
    with server.client(f"eve-of-{ana.name}") as eve:
        for request in (
            {"type": "join", "room": room, "after": 0},
            {"type": "leave", "room": room},
            {"type": "history", "room": room},
            {"type": "who", "room": room},
            {"type": "post", "room": room, "text": "x", "id": "1"},
        ):
            assert eve.ask(request)["code"] == "no_such_room"
        assert eve.ask({"type": "rooms", "talks": True})["rooms"] == []
        listed = eve.ask({"type": "rooms", "after": "@"})
        assert all(not row["room"].startswith("@") for row in listed["rooms"])
        say(ana, ben.name, "more", "2")
        assert eve.is_silent()
        eve.bye()


def test_a_name_that_nobody_holds_cannot_be_written_to(ana: RawClient) -> None:
    for name in ("nobody-at-all", "not a name", ""):
        reply = ana.ask({"type": "post", "to": name, "text": "x", "id": "1", "ref": "r"})
        assert (reply["code"], reply["id"], reply["ref"]) == ("no_such_user", "1", "r")


def test_one_cannot_write_to_oneself(ana: RawClient) -> None:
    reply = ana.ask({"type": "post", "to": ana.name.upper(), "text": "x", "id": "1"})
    assert (reply["code"], reply["field"]) == ("bad_request", "to")


def test_one_who_was_away_learns_of_the_talk_at_the_next_welcome(
    server: ServerProcess, ana: RawClient, ben: RawClient
) -> None:
    room = say(ana, ben.name, "before", "1")["room"]
    ben.until("message")
    ben.close()
    say(ana, ben.name, "while you were away", "2")
    with server.client() as again:
        welcome = again.hello(ben.name, token=ben.token)
        assert welcome["talks"] == [{"room": room, "with": ana.name, "head": 2}]
        again.join(room, after=1, epoch=ben.epoch)
        assert texts([again.recv()]) == ["while you were away"]
        assert again.is_silent()


def test_talks_are_listed_newest_first_in_pages(server: ServerProcess, ana: RawClient) -> None:
    others = [server.client(f"talker-{n}-of-{ana.name}") for n in range(60)]
    for other in others:
        say(ana, other.name, "hi", other.name)
    say(ana, others[7].name, "and again", "again")
    names = [other.name for other in [others[7], *reversed(others)]]
    del names[names.index(others[7].name, 1)]
    ana.barrier()
    page = ana.ask({"type": "rooms", "talks": True})
    assert [row["with"] for row in page["rooms"]] == names and page["complete"]
    assert page["rooms"][0].keys() == {"room", "with", "head"}
    assert page["rooms"][0]["head"] == 2
    behind = ana.ask({"type": "rooms", "talks": True, "after": page["rooms"][9]["room"]})
    assert [row["with"] for row in behind["rooms"]] == names[10:]
    for other in others:
        other.bye()
    with server.client() as again:
        talks = again.hello(ana.name, token=ana.token)["talks"]
        assert [row["with"] for row in talks] == names[:50]


def test_a_stranger_with_the_same_name_sees_nothing_of_a_talk(server: ServerProcess) -> None:
    one, other = server.client("Pia"), server.client("Kai")
    room = say(one, "Kai", "for Kai alone", "1")["room"]
    other.bye()
    with server.client() as stranger:
        assert stranger.hello("Kai")["talks"] == []
        assert stranger.ask({"type": "join", "room": room})["code"] == "no_such_room"
        assert say(one, "Kai", "hello stranger", "2")["room"] != room
        assert stranger.until("message")["text"] == "hello stranger"
        with server.client() as back:
            back.hello("Kai-Again", token=other.token)
            assert [row["room"] for row in back.ask({"type": "rooms", "talks": True})["rooms"]] == [
                room
            ]
            back.bye()
        stranger.bye()
    one.bye()


@pytest.mark.parametrize("crash", [False, True], ids=["stop", "kill -9"])
def test_talks_outlive_the_server(tmp_path: Path, crash: bool) -> None:
    with ServerProcess(tmp_path, *UNLIMITED) as server:
        ana, ben = server.client("ana"), server.client("ben")
        room = say(ana, "ben", "before", "1")["room"]
        if crash:
            server.kill()
            server.start()
        else:
            for client in (ana, ben):
                client.close()
            server.restart()
        with server.client() as again:
            talks = again.hello("ana", token=ana.token)["talks"]
            assert talks == [{"room": room, "with": "ben", "head": 1}]
            accepted = say(again, "ben", "after", "2")
            assert (accepted["room"], accepted["seq"]) == (room, 2)
            with server.client() as other:
                other.hello("ben", token=ben.token)
                other.join(room, after=0, epoch=ben.epoch)
                assert texts([other.recv(), other.recv()]) == ["before", "after"]
