"""A peer: the usual Python server, one asyncio protocol a client, on uvloop or without.

It speaks netchat's framing and as much of the protocol as the harness does, writes each
message to each member at once, and checks nothing: `asyncio_server.py uvloop|asyncio`.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from collections import defaultdict
from importlib import import_module
from typing import Any, cast

BACKLOG = 4_096

NO_TOKEN = {"token": "-"}


class Room:
    """Members, and the last seq."""

    def __init__(self) -> None:
        self.members: list[asyncio.Transport] = []
        self.seq = 0


ROOMS: defaultdict[str, Room] = defaultdict(Room)


class Client(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = cast(asyncio.Transport, transport)
        self.name = ""
        self.room = Room()
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        buffer = self.buffer + data
        at = 0
        while len(buffer) - at >= 4:
            end = at + 4 + struct.unpack_from(">I", buffer, at)[0]
            if end > len(buffer):
                break
            self.serve(json.loads(buffer[at + 4 : end]))
            at = end
        self.buffer = buffer[at:]

    def serve(self, request: dict[str, Any]) -> None:
        """Answer a request."""
        if request["type"] == "post":
            self.post(request)
        elif request["type"] == "join":
            self.room = ROOMS[request["room"]]
            self.room.members.append(self.transport)
            self.tell(
                type="joined", room=request["room"], epoch="e", head=self.room.seq, first=1,
                count=len(self.room.members), members=None, topic="",
            )  # fmt: skip
        elif request["type"] == "hello":
            self.name = request["name"]
            self.tell(
                **NO_TOKEN, type="welcome", version=1, server="asyncio", name=self.name,
                session="s", epoch="e", heartbeat=3600, limits={}, talks=[],
            )  # fmt: skip

    def post(self, request: dict[str, Any]) -> None:
        """Accept a message and hand it to everybody."""
        room, now = self.room, time.time_ns() // 1_000_000
        room.seq += 1
        about = {"id": request["id"], "room": request["room"], "seq": room.seq, "time": now}
        self.tell(type="accepted", **about)
        frame = framed({"type": "message", **about, "from": self.name, "text": request["text"]})
        for member in room.members:
            member.write(frame)

    def tell(self, **event: Any) -> None:
        """Send an event to this client."""
        self.transport.write(framed(event))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        if self.transport in self.room.members:
            self.room.members.remove(self.transport)


def framed(event: dict[str, Any]) -> bytes:
    """An event as it travels."""
    payload = json.dumps(event, separators=(",", ":")).encode()
    return struct.pack(">I", len(payload)) + payload


async def main() -> None:
    """Serve on a free port, for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Client, "127.0.0.1", 0, backlog=BACKLOG)
    host, port = server.sockets[0].getsockname()
    print(f"{sys.argv[1]} ready native={host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "uvloop":
        import_module("uvloop").run(main())
    else:
        asyncio.run(main())
