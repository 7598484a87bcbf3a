"""What is kept of a room: clients are told what is gone, and nothing else is."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.client import RawClient, fill, seqs, until_true
from tests.e2e.support import UNLIMITED, ServerProcess


def first_of(client: RawClient, room: str) -> int:
    return int(client.join(room, backlog=0)["first"])


def test_a_room_is_trimmed_to_its_newest_messages_and_who_returns_is_told(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, *UNLIMITED) as server:
        ana = server.client("ana")
        fill(ana, "lobby", 1_200)
        fill(ana, "attic", 5)
        ana.close()
        server.args = (*UNLIMITED, "--set", "retention.messages=10")
        server.restart()
        with server.client("ben") as ben:
            until_true(lambda: first_of(ben, "lobby") == 1_191)
            ben.send({"type": "join", "room": "lobby", "after": 40, "epoch": ana.epoch})
            joined, gap, *messages = [ben.recv() for _ in range(12)]
            assert (joined["first"], joined["head"]) == (1_191, 1_200)
            assert gap == {
                "type": "gap", "room": "lobby", "from": 41, "to": 1_190,
                "reason": "retention", "epoch": ana.epoch,
            }  # fmt: skip
            assert seqs(messages) == list(range(1_191, 1_201))
            ben.join("attic", after=0, epoch=ana.epoch)
            assert seqs(ben.collect("message", 5)) == [1, 2, 3, 4, 5]
            assert ben.is_silent()
            assert ben.post("lobby", "on", "on")["seq"] == 1_201
        server.restart()
        with server.client("cleo") as cleo:
            until_true(lambda: first_of(cleo, "lobby") == 1_192)
