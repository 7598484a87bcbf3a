"""A server that was stopped itself (SIGSTOP, a suspended machine) blames nobody for it."""

from __future__ import annotations

import selectors
import signal
import time
from pathlib import Path

from tests.e2e.client import RawClient
from tests.e2e.support import UNLIMITED, ServerProcess, crowd

HEARTBEAT = 1.0
PONG_TIMEOUT = 1.0
STOPPED = 2.2
"""Seconds: more than both together, and more than a busy server is ever late."""

SETTINGS = (
    f"--set=limits.heartbeat={HEARTBEAT}",
    f"--set=limits.pong_timeout={PONG_TIMEOUT}",
)


class Idlers:
    """Clients that say nothing, and answer when they are asked."""

    def __init__(self, clients: list[RawClient]) -> None:
        self.clients = clients
        self.answers = dict.fromkeys(clients, 0)

    def idle(self, seconds: float) -> None:
        """Answer for so long. Fails when the server closes on anybody (Ended)."""
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for client in self.clients:
                selector.register(client.sock, selectors.EVENT_READ, client)
            while (left := until - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    self._serve(key.data)

    def _serve(self, client: RawClient) -> None:
        while client.peek():
            event = client.recv()
            assert event["type"] in {"ping", "presence"}, event
            if event["type"] == "ping":
                client.send({"type": "pong"})
                self.answers[client] += 1


def test_after_a_stop_everybody_is_still_there(tmp_path: Path) -> None:
    names = [f"idler-{n}" for n in range(100)]
    with (
        ServerProcess(tmp_path, *UNLIMITED, *SETTINGS) as server,
        crowd(server, names, "lobby") as clients,
    ):
        for client in clients:
            client.noise = ()
        idlers = Idlers(clients)
        idlers.idle(2 * HEARTBEAT)
        server.send_signal(signal.SIGSTOP)
        idlers.idle(STOPPED)
        server.send_signal(signal.SIGCONT)
        idlers.answers = dict.fromkeys(clients, 0)
        idlers.idle(2 * (HEARTBEAT + PONG_TIMEOUT))
        assert all(idlers.answers.values()), "everybody is asked again"
        assert server.figures()["connections"] == len(clients)
