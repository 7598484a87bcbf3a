"""Promises 1, 2, 3 and 6: one order, accepted means committed, an id counts once."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from tests.e2e.client import Object, RawClient, errors, seqs, texts, types
from tests.e2e.support import ServerProcess, crowd

MANY = 3_000


def post(room: str, n: int | str, **fields: str) -> Object:
    return {"type": "post", "room": room, "text": f"text {n}", "id": f"p-{n}", **fields}


# -- order ---------------------------------------------------------------------------------


def test_all_members_see_the_same_messages_in_the_same_order(
    server: ServerProcess, room: str
) -> None:
    names = [f"order-{n}" for n in range(8)]
    with crowd(server, names, room) as clients:
        for n in range(50):
            for client in clients:
                client.send(post(room, n))
        logs = [client.collect("message", 400) for client in clients]
        assert all(log == logs[0] for log in logs)
        assert seqs(logs[0]) == list(range(1, 401))
        times = [message["time"] for message in logs[0]]
        assert times == sorted(times)
        for name in names:
            own = [message["id"] for message in logs[0] if message["from"] == name]
            assert own == [f"p-{n}" for n in range(50)]
        for client in clients:
            client.noise = ("presence",)
            assert client.is_silent()


def test_thousands_of_posts_in_a_row_are_all_taken_in_order(
    ana: RawClient, ben: RawClient, room: str
) -> None:
    ana.join(room)
    ben.join(room)
    ana.send(*(post(room, n) for n in range(MANY)), {"type": "ping"})
    events = ana.upto("pong", within=30)
    accepted = [event for event in events if event["type"] == "accepted"]
    assert [event["id"] for event in accepted] == [f"p-{n}" for n in range(MANY)]
    assert [event["seq"] for event in accepted] == list(range(1, MANY + 1))
    assert seqs(events) == list(range(1, MANY + 1))
    assert seqs(ben.collect("message", MANY)) == list(range(1, MANY + 1))
    assert ana.is_silent() and ben.is_silent()


def test_an_accepted_comes_before_its_message(ana: RawClient, room: str) -> None:
    ana.join(room)
    ana.send(*(post(room, n) for n in range(500)), {"type": "ping"})
    accepted: set[int] = set()
    for event in ana.upto("pong"):
        if event["type"] == "accepted":
            accepted.add(event["seq"])
        elif event["type"] == "message":
            assert event["seq"] in accepted


def test_each_reply_waits_for_the_posts_before_it(ana: RawClient, room: str) -> None:
    ana.join(room)
    ana.send(
        post(room, 1),
        post(room, 2),
        {"type": "history", "room": room, "ref": "h"},
        post(room, 3),
        {"type": "ping", "ref": "p"},
        post(room, 4),
        {"type": "leave", "room": room, "ref": "l"},
        post(room, 5),
        {"type": "join", "room": room, "backlog": 1, "ref": "j"},
        post(room, 6),
        {"type": "bye", "ref": "b"},
    )
    events = ana.upto("bye")
    replies = [event for event in events if event["type"] != "message"]
    assert [event.get("ref", event.get("id")) for event in replies] == [
        "p-1", "p-2", "h", "p-3", "p", "p-4", "l", "p-5", "j", "p-6", "b",
    ]  # fmt: skip
    assert texts(next(e for e in events if e["type"] == "history")["messages"]) == [
        "text 1",
        "text 2",
    ]
    assert errors(events) == ["not_in_room"]
    before_leaving = events[: types(events).index("left")]
    assert seqs(before_leaving) == [1, 2, 3, 4]
    assert seqs(events) == [1, 2, 3, 4, 4, 5]
    assert ana.is_ended()


def test_a_refused_post_keeps_its_place_among_the_others(ana: RawClient, room: str) -> None:
    ana.join(room)
    ana.send(
        post(room, 1),
        post(room, 2, text="\x00"),
        post("nowhere", 3),
        {"type": "post"},
        post(room, 4),
        {"type": "ping"},
    )
    replies = [event for event in ana.upto("pong") if event["type"] in {"accepted", "error"}]
    assert [reply.get("id") for reply in replies] == ["p-1", "p-2", "p-3", None, "p-4"]
    assert errors(replies) == ["bad_request", "no_such_room", "bad_request"]
    assert replies[-1]["seq"] == 2


def test_the_sender_gets_its_message_like_everyone_once(
    ana: RawClient, ben: RawClient, room: str
) -> None:
    ana.join(room)
    ben.join(room)
    accepted = ana.post(room, "hola", "1")
    message = ana.until("message")
    assert message == ben.until("message")
    assert message == {
        "type": "message", "room": room, "seq": 1, "time": accepted["time"], "from": ana.name,
        "text": "hola", "id": "1",
    }  # fmt: skip
    assert ana.is_silent() and ben.is_silent()


def test_replies_come_before_the_events_of_the_same_moment(
    ana: RawClient, ben: RawClient, room: str
) -> None:
    ana.join(room)
    ben.join(room)
    for round_ in range(20):
        ana.send(*(post(room, f"a{round_}-{n}") for n in range(20)))
        ben.send(*(post(room, f"b{round_}-{n}") for n in range(20)))
    ana.send({"type": "ping"})
    ben.send({"type": "ping"})
    for client in (ana, ben):
        seen = 0
        for event in client.upto("pong"):
            if event["type"] == "accepted":
                assert event["seq"] > seen
            elif event["type"] == "message":
                assert event["seq"] == seen + 1
                seen = event["seq"]


def test_posts_to_several_rooms_are_ordered_in_each(ana: RawClient, room: str) -> None:
    rooms = [f"{room}-{n}" for n in range(10)]
    for each in rooms:
        ana.join(each)
    ana.send(*(post(rooms[n % 10], n) for n in range(1_000)), {"type": "ping"})
    events = ana.upto("pong")
    accepted = [event["id"] for event in events if event["type"] == "accepted"]
    assert accepted == [f"p-{n}" for n in range(1_000)]
    messages = [event for event in events if event["type"] == "message"]
    by_room = groupby(sorted(messages, key=lambda m: m["room"]), key=lambda m: m["room"])
    for _, log in by_room:
        assert seqs(list(log)) == list(range(1, 101))


# -- ids -----------------------------------------------------------------------------------


def test_an_id_that_is_sent_again_is_stored_once(ana: RawClient, room: str) -> None:
    ana.join(room)
    first = ana.post(room, "once", "1")
    ana.until("message")
    again = ana.post(room, "once", "1")
    assert again == {**first, "duplicate": True}
    assert ana.is_silent()


def test_an_id_is_stored_once_also_while_the_first_is_being_committed(
    ana: RawClient, room: str
) -> None:
    ana.join(room)
    ana.send(*[post(room, "same")] * 100, {"type": "ping"})
    events = ana.upto("pong")
    accepted = [event for event in events if event["type"] == "accepted"]
    assert [event["seq"] for event in accepted] == [1] * 100
    assert [event.get("duplicate", False) for event in accepted] == [False] + [True] * 99
    assert seqs(events) == [1]


def test_an_id_with_another_text_or_room_is_a_conflict(ana: RawClient, room: str) -> None:
    ana.join(room)
    ana.join(f"{room}-b")
    ana.post(room, "one", "1")
    ana.until("message")
    for other in (
        {"type": "post", "room": room, "text": "two", "id": "1", "ref": "r"},
        {"type": "post", "room": f"{room}-b", "text": "one", "id": "1", "ref": "r"},
    ):
        error = ana.ask(other)
        assert (error["code"], error["id"], error["ref"]) == ("id_conflict", "1", "r")
    assert ana.is_silent()
    assert ana.post(room, "one", "1")["duplicate"] is True


def test_the_same_id_of_two_senders_is_two_ids(ana: RawClient, ben: RawClient, room: str) -> None:
    ana.join(room)
    ben.join(room)
    ana.send(post(room, 1))
    ben.send(post(room, 1))
    assert {ana.until("accepted")["seq"], ben.until("accepted")["seq"]} == {1, 2}


def test_a_refused_post_does_not_use_up_its_id(ana: RawClient, room: str) -> None:
    assert ana.ask(post(room, 1))["code"] == "no_such_room"
    ana.join(room)
    assert ana.ask(post(room, 1, text="\x01"))["code"] == "bad_request"
    assert ana.ask(post(room, 1, text="x" * 4_001))["code"] == "text_too_long"
    assert ana.ask(post(room, 1)).items() >= {"type": "accepted", "seq": 1}.items()


@pytest.mark.parametrize("durability", ["fsync", "wal"])
@pytest.mark.parametrize("crash", [False, True], ids=["stop", "kill -9"])
def test_what_was_accepted_outlives_the_server_and_is_stored_once(
    tmp_path: Path, durability: str, crash: bool
) -> None:
    arguments = ("--durability", durability, "--set", "limits.enabled=false")
    with ServerProcess(tmp_path, *arguments) as server:
        ana = server.client("ana")
        ana.join("lobby", backlog=0)
        posts = [post("lobby", n) for n in range(2_000)]
        ana.send(*posts)
        accepted = ana.collect("accepted", 300)
        if crash:
            server.kill()
            server.start()
        else:
            server.restart()
        with server.client() as again:
            again.hello("ana", token=ana.token)
            assert again.epoch == ana.epoch
            head = again.join("lobby", after=0, epoch=ana.epoch)["head"]
            assert 300 <= head <= 2_000
            stored = again.collect("message", head)
            assert seqs(stored) == list(range(1, head + 1))
            for one, other in zip(accepted, stored, strict=False):
                assert one.items() - other.items() == {("type", "accepted")}
            again.send(*posts)
            repeated = again.collect("accepted", 2_000)
            assert [event["seq"] for event in repeated] == list(range(1, 2_001))
            assert sum(event.get("duplicate", False) for event in repeated) == head
            assert [event["time"] for event in repeated[:300]] == [e["time"] for e in accepted]


def test_nothing_that_was_accepted_is_lost_by_a_crash_amid_posts(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--set", "limits.enabled=false") as server:
        clients = [server.client(f"writer-{n}") for n in range(5)]
        accepted: dict[tuple[str, str], int] = {}
        for client in clients:
            client.join("lobby", backlog=0)
            client.send(*(post("lobby", n) for n in range(500)))
        for client in clients:
            for event in client.collect("accepted", 50):
                accepted[client.name, event["id"]] = event["seq"]
        server.kill()
        server.start()
        with server.client("reader") as reader:
            head = reader.join("lobby", after=0)["head"]
            stored = reader.collect("message", head)
            assert seqs(stored) == list(range(1, head + 1))
            places = {(message["from"], message["id"]): message["seq"] for message in stored}
            assert places.items() >= accepted.items()
