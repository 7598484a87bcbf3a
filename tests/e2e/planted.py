"""A real server on real sockets, in a thread of the test: for faults that are planted in it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Self

from netchat.environment import system
from netchat.loading import load_config
from netchat.server import Server
from tests.e2e.client import WITHIN, RawClient
from tests.e2e.support import split


class ServerThread:
    """Runs until the block ends. Plant faults between requests, while the loop sleeps."""

    def __init__(self, folder: Path, **settings: str) -> None:
        flags: dict[str, str | list[str]] = {
            "server.listen": ["127.0.0.1:0"],
            "web.listen": "off",
            "limits.enabled": "false",
        }
        flags |= {key.replace("_", ".", 1): value for key, value in settings.items()}
        config = load_config(None, {}, flags)
        self.server = Server(config, system(config, folder / "data"))
        self._thread = threading.Thread(target=self.server.reactor.run, name="server")

    def __enter__(self) -> Self:
        self.server.start()
        self.address = split(self.server.addresses[0].removeprefix("native="))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        call_soon, stop = self.server.reactor.call_soon_threadsafe, self.server.stop
        call_soon(stop)
        call_soon(stop)  # the second one does not wait for clients that linger
        self._thread.join(WITHIN)
        assert not self._thread.is_alive()
        self.server.close()

    def client(self, name: str | None = None, **options: Any) -> RawClient:
        client = RawClient(self.address, **options)
        if name is not None:
            client.hello(name)
        return client
