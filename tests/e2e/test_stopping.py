"""Stopping the server: by signals, in good order, and within its time."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Ended, Object, RawClient, framed, seqs
from tests.e2e.support import UNLIMITED, ServerProcess, crowd


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_says_bye_to_everybody_and_ends_the_server(tmp_path: Path, signum: int) -> None:
    with (
        ServerProcess(tmp_path, *UNLIMITED) as server,
        crowd(server, [f"guest-{n}" for n in range(200)], "lobby") as clients,
    ):
        stranger = server.client()
        assert stranger.ask({"type": "ping"})
        begun = time.monotonic()
        server.send_signal(signum)
        retries = set()
        for client in clients:
            bye = client.until("bye")
            assert bye["reason"] == "shutting_down" and 0 < bye["retry_after"] < 5
            retries.add(bye["retry_after"])
            assert client.is_ended()
            client.close()
        assert len(retries) > 100, "a crowd must not come back as one"
        error = stranger.recv()
        assert (error["code"], error["fatal"]) == ("shutting_down", True)
        stranger.close()
        assert server.wait() == 0
        assert time.monotonic() - begun < 5
        assert "Traceback" not in server.logs()


def test_at_a_stop_everything_that_was_accepted_is_told_and_kept(tmp_path: Path) -> None:
    """Two hundred clients post as fast as they can while the server is told to stop. All that
    they write fits the kernel's buffers, so nobody has fallen behind."""
    names = [f"writer-{n}" for n in range(200)]
    accepted: dict[tuple[str, str], int] = {}
    told: dict[str, list[int]] = {}
    with ServerProcess(tmp_path, *UNLIMITED) as server:
        with crowd(server, names, "lobby") as clients:
            for client in clients:
                client.send_bytes(posts(5), reading=False)
            server.send_signal(signal.SIGTERM)
            for name, client in zip(names, clients, strict=True):
                told[name] = []
                for event in everything(client):
                    if event["type"] == "accepted":
                        accepted[name, event["id"]] = event["seq"]
                    elif event["type"] == "message":
                        told[name].append(event["seq"])
                client.close()
            assert server.wait() == 0
        server.start()
        with server.client("reader") as reader:
            head = reader.join("lobby", after=0)["head"]
            stored = reader.collect("message", head)
        places = {(message["from"], message["id"]): message["seq"] for message in stored}
        assert seqs(stored) == list(range(1, head + 1))
        assert places == accepted
        assert all(seqs == list(range(1, head + 1)) for seqs in told.values())


def posts(count: int) -> bytes:
    return framed(
        *({"type": "post", "room": "lobby", "text": "x", "id": f"{n}"} for n in range(count))
    )


def everything(client: RawClient) -> Iterator[Object]:
    try:
        while True:
            yield client.recv()
    except Ended:
        return


def test_everybody_is_told_at_once(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, server.client("ana") as client:
        server.send_signal(signal.SIGTERM)
        client.until("bye", within=0.5)
        client.close()
        assert server.wait(within=1) == 0


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        holding = server.client("holding")
        server.send_signal(signal.SIGINT)
        holding.until("bye")  # and it does not close, so the stop goes on
        begun = time.monotonic()
        assert server.stop(signal.SIGINT) != 0
        assert time.monotonic() - begun < 1
        assert "Traceback" not in server.logs()


def test_a_client_that_never_reads_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, *UNLIMITED) as server:
        stuck = server.client("stuck", receive_buffer=4_096)
        stuck.join("lobby")
        with server.client("writer", noise=("presence", "message")) as writer:
            writer.join("lobby")
            for n in range(500):
                writer.send({"type": "post", "room": "lobby", "text": "x" * 4_000, "id": f"{n}"})
            writer.collect("accepted", 500)
        begun = time.monotonic()
        assert server.stop(within=10) == 0
        assert time.monotonic() - begun < 10
        stuck.close()


def test_a_stop_in_the_middle_of_logins_is_in_order(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, *UNLIMITED) as server:
        clients = [server.client() for _ in range(100)]
        for n, client in enumerate(clients):
            client.send({"type": "hello", "version": 1, "name": f"late-{n}"})
        server.send_signal(signal.SIGTERM)
        for client in clients:
            last = list(everything(client))[-1]
            assert last["type"] == "bye" or last["code"] == "shutting_down"
            client.close()
        assert server.wait() == 0
