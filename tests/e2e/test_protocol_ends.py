"""How connections end, or do not: bye, half-close, silence, and readers that are slow."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Ended, Object, RawClient, fill, framed, seqs, types, until_true
from tests.e2e.support import UNLIMITED, ServerProcess

HEARTBEAT, PONG = 0.5, 1.0


@pytest.fixture(scope="module")
def anxious(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that asks after half a second of silence, and waits for one."""
    times = ("--set", f"limits.heartbeat={HEARTBEAT}", "--set", f"limits.pong_timeout={PONG}")
    with ServerProcess(tmp_path_factory.mktemp("anxious"), *UNLIMITED, *times) as server:
        yield server


def rest(client: RawClient, within: float = 10) -> list[Object]:
    """Everything up to the end of the connection."""
    events = []
    try:
        while True:
            events.append(client.recv(within))
    except Ended:
        return events


# -- bye -----------------------------------------------------------------------------------


def test_bye_is_answered_and_the_connection_closed(ana: RawClient, room: str) -> None:
    ana.join(room)
    ana.send({"type": "bye", "ref": "b"}, {"type": "ping"})
    bye = ana.recv()
    assert (bye["type"], bye["ref"]) == ("bye", "b") and bye["reason"]
    assert ana.is_ended()


def test_bye_waits_for_what_was_posted_before_it(ana: RawClient, ben: RawClient, room: str) -> None:
    ana.join(room)
    ben.join(room)
    posts = [{"type": "post", "room": room, "text": "x", "id": f"{n}"} for n in range(1_000)]
    ana.send(*posts, {"type": "bye"})
    events = rest(ana)
    assert types(events).count("accepted") == 1_000
    assert seqs(events) == list(range(1, 1_001))
    assert types(events)[-1] == "bye"
    assert seqs(ben.collect("message", 1_000)) == list(range(1, 1_001))


# -- half-close ----------------------------------------------------------------------------


def test_after_the_end_of_input_replies_and_backlogs_still_come(
    ana: RawClient, ben: RawClient, room: str
) -> None:
    fill(ana, room, 2_000, lambda _: "x" * 200)
    ben.send(
        {"type": "join", "room": room, "after": 0},
        {"type": "post", "room": room, "text": "last", "id": "1"},
        {"type": "history", "room": room, "limit": 1},
    )
    ben.end_input()
    events = rest(ben)
    assert [name for name in types(events) if name != "message"] == [
        "joined",
        "accepted",
        "history",
    ]
    assert seqs(events)[:2_000] == list(range(1, 2_001))
    assert seqs(events)[2_000:] in ([], [2_001])
    assert ana.until("message")["text"] == "last"


def test_after_the_end_of_input_no_live_messages_come(
    server: ServerProcess, ana: RawClient, room: str
) -> None:
    ana.join(room)
    with server.client(f"half-{room}") as half:
        half.join(room)
        half.end_input()
        assert half.is_ended()
        ana.post(room, "x", "1")


def test_a_stranger_that_ends_its_input_is_closed(stranger: RawClient) -> None:
    stranger.send({"type": "ping"})
    stranger.end_input()
    assert types(rest(stranger)) == ["pong"]


def test_a_frame_cut_short_by_the_end_is_dropped_without_an_error(
    ana: RawClient, room: str
) -> None:
    ana.join(room)
    whole = framed({"type": "post", "room": room, "text": "whole", "id": "1"})
    cut = framed({"type": "post", "room": room, "text": "cut", "id": "2"})[:-1]
    ana.send_bytes(whole + cut)
    ana.end_input()
    events = rest(ana)
    assert "error" not in types(events)
    assert [event["id"] for event in events if event["type"] == "accepted"] == ["1"]


def test_the_end_of_input_holds_the_name_unless_bye_was_said(server: ServerProcess) -> None:
    for name, farewell, code in (("half-gone", [], "name_taken"), ("gone", [{"type": "bye"}], "")):
        client = server.client(name)
        client.send({"type": "ping"}, *farewell)
        client.end_input()
        rest(client)
        with server.client() as other:
            reply = other.ask({"type": "hello", "version": 1, "name": name})
            assert reply.get("code", "") == code


# -- silence -------------------------------------------------------------------------------


def test_silence_is_asked_about_and_an_answer_is_enough(anxious: ServerProcess) -> None:
    with anxious.client("answering") as client:
        for _ in range(2):
            assert client.recv() == {"type": "ping"}
            client.send({"type": "pong"})
        client.bye()


def test_any_byte_is_a_sign_of_life(anxious: ServerProcess) -> None:
    with anxious.client("bytewise") as client:
        whole = framed({"type": "ping", "ref": "done"})
        for start in range(0, len(whole), 3):
            client.send_bytes(whole[start : start + 3])
            time.sleep(HEARTBEAT / 2)
        assert types(client.upto("pong", ref="done")) == ["pong"]
        client.bye()


def test_one_that_never_answers_is_closed(anxious: ServerProcess) -> None:
    with anxious.client("silent") as client:
        begun = time.monotonic()
        events = rest(client)
        assert types(events) == ["ping", "error"]
        assert (events[1]["code"], events[1]["fatal"]) == ("heartbeat_timeout", True)
        assert 0.9 * HEARTBEAT + 0.9 * PONG < time.monotonic() - begun < 8


def test_a_slow_reader_that_makes_progress_is_not_closed(anxious: ServerProcess, room: str) -> None:
    """It says nothing for many heartbeats and reads a little at a time."""
    with anxious.client("author") as author, anxious.client("sipping", receive_buffer=4_096) as sip:
        fill(author, room, 1_500, lambda _: "\u2603" * 500)
        sip.send({"type": "join", "room": room, "after": 0})
        author.bye()
        begun, taken = time.monotonic(), b""
        while time.monotonic() - begun < 3 * (HEARTBEAT + PONG):
            sip.sock.setblocking(True)
            taken += sip.sock.recv(16_384)
            time.sleep(0.05)
        sip.sock.setblocking(False)
        sip.feed(taken)
        sip.noise = ("presence", "ping")
        assert sip.recv()["type"] == "joined"
        assert seqs(sip.collect("message", 1_500)) == list(range(1, 1_501))
        sip.bye()


def test_a_reader_without_any_progress_is_closed_and_resumes_complete(
    anxious: ServerProcess, room: str
) -> None:
    stuck = anxious.client("stuck", receive_buffer=4_096)
    stuck.join(room)
    with anxious.client("writer", noise=("presence", "ping")) as writer:
        fill(writer, room, 3_000, lambda _: "x" * 1_000)
        # Both have a ping to answer meanwhile; the one that is watched does, the other cannot.
        writer.noise = ()
        until_true(lambda: is_away(writer, room), within=15)
        with anxious.client(noise=("presence", "ping")) as back:
            back.hello("stuck", token=stuck.token)
            back.join(room, after=0, epoch=stuck.epoch)
            assert seqs(back.collect("message", 3_000)) == list(range(1, 3_001))
            back.bye()
        writer.bye()
    stuck.close()


def is_away(client: RawClient, room: str) -> bool:
    client.send({"type": "who", "room": room})
    rows = client.until("members")["members"]
    return any(row.get("away") for row in rows)


# -- slow readers --------------------------------------------------------------------------

FLOOD = 20_000_000
TEXT = 3_900


def test_a_reader_that_stops_gets_everything_later_and_costs_nothing(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, *UNLIMITED, "--durability", "wal") as server:
        stopped = [server.client(f"stopped-{n}", receive_buffer=65_536) for n in range(20)]
        for client in stopped:
            client.join("lobby")
        writer = server.client("writer", noise=("presence", "message"))
        writer.join("lobby")
        before = server.memory()
        count = FLOOD // TEXT
        for start in range(0, count, 500):
            writer.send(
                *(
                    {"type": "post", "room": "lobby", "text": "x" * TEXT, "id": f"{n}"}
                    for n in range(start, min(start + 500, count))
                ),
                {"type": "ping"},
            )
            writer.until("pong", within=30)
        assert server.memory() - before < 4 * FLOOD, "20 readers' worth would be 400 MB"
        for client in stopped[:3]:
            got = [client.recv() for _ in range(count)]
            assert seqs(got) == list(range(1, count + 1))
            assert client.is_silent()
        for client in stopped:
            client.close()
        writer.close()


def test_requests_of_a_peer_that_does_not_read_are_not_read_either(
    server: ServerProcess, room: str
) -> None:
    """It asks for hundreds of pages and takes none: the server's memory does not grow."""
    greedy = server.client(f"greedy-{room}", receive_buffer=4_096)
    fill(greedy, room, 100, lambda _: "x" * 4_000)
    before = server.memory()
    page = framed({"type": "history", "room": room, "limit": 300})
    sent = 0
    greedy.sock.settimeout(0.3)
    try:
        while sent < 20_000_000:
            sent += greedy.sock.send(page * 1_000)
    except TimeoutError:
        pass
    greedy.sock.setblocking(False)
    with server.client(f"other-{room}") as other:
        assert other.is_silent()
    assert sent < 20_000_000
    assert server.memory() - before < 20_000_000
    greedy.close()


def test_a_flood_of_posts_that_is_never_read_keeps_others_served(
    server: ServerProcess, room: str
) -> None:
    with server.client(f"flooding-{room}") as flooding, server.client(f"calm-{room}") as calm:
        flooding.join(room)
        calm.join(room)
        posts = framed(
            *({"type": "post", "room": room, "text": "x", "id": f"{n}"} for n in range(5_000))
        )
        sender = threading.Thread(target=flooding.send_bytes, args=(posts,))
        sender.start()
        begun = time.monotonic()
        for n in range(20):
            calm.noise = ("presence", "message")
            assert calm.ask({"type": "ping", "ref": f"{n}"})["ref"] == f"{n}"
        assert time.monotonic() - begun < 5
        sender.join()
        flooding.collect("accepted", 5_000)


def test_a_reset_ends_the_session_like_a_drop(server: ServerProcess, room: str) -> None:
    client = server.client(f"reset-{room}")
    client.join(room)
    linger = struct.pack("ii", 1, 0)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    client.close()
    with server.client(f"witness-{room}") as witness:
        witness.join(room)
        until_true(lambda: is_away(witness, room))
