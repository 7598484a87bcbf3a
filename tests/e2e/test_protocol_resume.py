"""Promise 4 and the fine print on epochs: a position in a log, and what a join does with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.client import RawClient, fill, seqs, texts, types
from tests.e2e.support import UNLIMITED, ServerProcess


def test_a_new_rooms_log_starts_at_one(ana: RawClient, room: str) -> None:
    joined = ana.join(room)
    assert (joined["head"], joined["first"]) == (0, 1)
    assert joined["epoch"] == ana.epoch and ana.is_silent()


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({}, 351),
        ({"backlog": 0}, 401),
        ({"backlog": 1}, 400),
        ({"backlog": 300}, 101),
        ({"after": 0}, 1),
        ({"after": 1}, 2),
        ({"after": 399}, 400),
        ({"after": 400}, 401),
    ],
    ids=str,
)
def test_a_join_brings_the_messages_that_it_asked_for(
    ana: RawClient, ben: RawClient, room: str, fields: dict[str, int], first: int
) -> None:
    fill(ana, room, 400)
    joined = ben.join(room, **fields, epoch=ben.epoch)
    assert (joined["head"], joined["first"]) == (400, 1)
    assert seqs(ben.collect("message", 401 - first)) == list(range(first, 401))
    assert ben.is_silent()
    ana.post(room, "live", "live")
    assert ben.recv()["seq"] == 401


def test_between_backlog_and_live_there_is_neither_hole_nor_repeat(
    server: ServerProcess, ana: RawClient, room: str
) -> None:
    fill(ana, room, 1_500, lambda n: "x" * 500)
    readers = [server.client(f"reader-{room}-{n}") for n in range(5)]
    for n in range(1_501, 2_001):
        ana.send({"type": "post", "room": room, "text": f"{n}", "id": f"{room}-{n}"})
        if n % 100 == 0:
            reader = readers[n // 100 - 16]
            reader.send({"type": "join", "room": room, "after": 0, "epoch": ana.epoch})
    for reader in readers:
        assert reader.recv()["type"] == "joined"
        assert [reader.recv()["seq"] for _ in range(2_000)] == list(range(1, 2_001))
        assert reader.is_silent()
        reader.close()


def test_a_reconnect_resumes_behind_what_the_client_holds(
    server: ServerProcess, ana: RawClient, ben: RawClient, room: str
) -> None:
    fill(ana, room, 100)
    ben.join(room, after=0)
    held = [ben.recv()["seq"] for _ in range(40)][-1]
    ben.close()
    fill(ana, room, 200)
    with server.client() as again:
        again.hello(ben.name, token=ben.token)
        again.join(room, after=held, epoch=ben.epoch)
        assert [again.recv()["seq"] for _ in range(160)] == list(range(41, 201))
        assert again.is_silent()


def test_joining_again_repeats_the_backlog_and_live_messages_come_once(
    ana: RawClient, ben: RawClient, room: str
) -> None:
    fill(ana, room, 10)
    ben.join(room)
    assert seqs(ben.collect("message", 10)) == list(range(1, 11))
    again = ben.join(room, backlog=3)
    assert again["count"] == 2
    assert seqs(ben.collect("message", 3)) == [8, 9, 10]
    ana.post(room, "live", "live")
    assert ben.recv()["seq"] == 11
    assert ben.is_silent()


def test_after_leaving_nothing_of_the_room_comes(ana: RawClient, ben: RawClient, room: str) -> None:
    ana.join(room)
    ben.join(room)
    assert ben.ask({"type": "leave", "room": room, "ref": "1"}) == {
        "type": "left",
        "room": room,
        "ref": "1",
    }
    ana.post(room, "x", "1")
    ana.post(room, "y", "2")
    assert ben.is_silent()
    assert ben.ask({"type": "leave", "room": room})["code"] == "not_in_room"


def test_another_epoch_is_answered_by_a_gap_and_the_whole_log(
    ana: RawClient, ben: RawClient, room: str
) -> None:
    fill(ana, room, 5)
    ben.join(room, after=3, epoch="0123456789abcdef")
    gap = ben.recv()
    assert gap == {
        "type": "gap", "room": room, "from": 1, "to": 3, "reason": "epoch_changed",
        "epoch": ben.epoch,
    }  # fmt: skip
    assert seqs(ben.collect("message", 5)) == [1, 2, 3, 4, 5]
    assert ben.is_silent()


@pytest.mark.parametrize("epoch", [True, False])
def test_a_position_beyond_the_head_is_of_another_epoch(
    ana: RawClient, ben: RawClient, room: str, epoch: bool
) -> None:
    fill(ana, room, 5)
    ben.join(room, after=9, **({"epoch": ben.epoch} if epoch else {}))
    gap = ben.recv()
    assert (gap["from"], gap["to"], gap["reason"]) == (1, 9, "epoch_changed")
    assert seqs(ben.collect("message", 5)) == [1, 2, 3, 4, 5]
    assert ben.is_silent()


def test_after_zero_knows_no_gap(ana: RawClient, ben: RawClient, room: str) -> None:
    fill(ana, room, 5)
    ben.join(room, after=0, epoch="0123456789abcdef")
    assert seqs(ben.collect("message", 5)) == [1, 2, 3, 4, 5]
    assert ben.is_silent()


def test_the_next_request_need_not_wait_for_the_backlog(
    ana: RawClient, ben: RawClient, room: str
) -> None:
    fill(ana, room, 1_000, lambda n: "x" * 1_000)
    ben.send({"type": "join", "room": room, "after": 0}, {"type": "ping", "ref": "p"})
    events = ben.upto("pong")
    assert types(events)[0] == "joined" and len(events) < 1_000
    rest = ben.collect("message", 1_000 - len(seqs(events)))
    assert seqs([*events, *rest]) == list(range(1, 1_001))


def test_a_memory_servers_epoch_is_new_at_every_start(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, *UNLIMITED, "--durability", "memory") as server:
        ana = server.client("ana")
        fill(ana, "lobby", 7)
        ana.close()
        server.restart()
        with server.client("ana") as again:
            assert again.epoch != ana.epoch
            assert again.join("lobby", after=7, epoch=ana.epoch)["head"] == 0
            gap = again.recv()
            assert (gap["from"], gap["to"], gap["epoch"]) == (1, 7, again.epoch)
            assert again.is_silent()


@pytest.mark.parametrize("durability", ["fsync", "wal"])
def test_a_stored_logs_epoch_outlives_restarts_and_crashes(tmp_path: Path, durability: str) -> None:
    with ServerProcess(tmp_path, *UNLIMITED, "--durability", durability) as server:
        ana = server.client("ana")
        fill(ana, "lobby", 7)
        ana.close()
        server.restart()
        with server.client("ben") as ben:
            assert ben.epoch == ana.epoch
        server.kill()
        server.start()
        with server.client("cleo") as cleo:
            joined = cleo.join("lobby", after=5, epoch=ana.epoch)
            assert joined["epoch"] == ana.epoch
            assert texts(cleo.collect("message", 2)) == ["6", "7"]
            assert cleo.is_silent()
