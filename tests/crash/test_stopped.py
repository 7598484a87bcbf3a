"""A server that was stopped itself (SIGSTOP, a suspended machine) blames nobody for it."""

from __future__ import annotations

import selectors
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.client import WITHIN, RawClient
from tests.e2e.support import UNLIMITED, ServerProcess, crowd

STOPPED = 2.5
"""Seconds: more than heartbeat and pong timeout together, and than a busy server is ever late."""

SETTINGS = ("--set=limits.heartbeat=1", "--set=limits.pong_timeout=1")


class Idlers:
    """Clients that say nothing, and answer when they are asked."""

    def __init__(self, clients: list[RawClient]) -> None:
        self.answers = dict.fromkeys(clients, 0)
        self._selector = selectors.DefaultSelector()
        for client in clients:
            client.noise = ()
            self._selector.register(client.sock, selectors.EVENT_READ, client)

    def idle(self, done: Callable[[], bool], within: float = WITHIN) -> None:
        """Answer until it is done, or so long. Fails when the server closes on anybody."""
        until = time.monotonic() + within
        while (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._serve(key.data)
                if done():
                    return

    def _serve(self, client: RawClient) -> None:
        while client.peek():
            event = client.recv()
            assert event["type"] in {"ping", "presence"}, event
            if event["type"] == "ping":
                client.send({"type": "pong"})
                self.answers[client] += 1

    def close(self) -> None:
        self._selector.close()


def test_after_a_stop_everybody_is_still_there(tmp_path: Path) -> None:
    names = [f"idler-{n}" for n in range(100)]
    with (
        ServerProcess(tmp_path, *UNLIMITED, *SETTINGS) as server,
        crowd(server, names, "lobby") as clients,
    ):
        idlers = Idlers(clients)
        idlers.idle(lambda: any(idlers.answers.values()))
        server.send_signal(signal.SIGSTOP)  # others have been asked, their answers are not read
        idlers.idle(lambda: False, STOPPED)
        server.send_signal(signal.SIGCONT)
        idlers.answers = dict.fromkeys(clients, 0)
        idlers.idle(lambda: all(idlers.answers.values()))
        assert all(idlers.answers.values()), "everybody is asked again"
        assert server.figures()["connections"] == len(clients)
        idlers.close()
