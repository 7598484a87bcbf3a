"""A peer: the `websockets` library, with its own `broadcast`.

The first message of a client names its room, the rest is for everybody in it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from importlib import import_module
from typing import Any

LIBRARY = import_module("websockets.asyncio.server")

BACKLOG = 4_096

ROOMS: defaultdict[str, set[Any]] = defaultdict(set)


async def client(connection: Any) -> None:
    """One connection, from its room's name to its end."""
    room = ROOMS[str(await connection.recv())]
    room.add(connection)
    try:
        await connection.send("in")
        async for text in connection:
            LIBRARY.broadcast(room, text)
    finally:
        room.discard(connection)


async def main() -> None:
    """Serve on a free port, for ever; without compression and pings, which others lack."""
    async with LIBRARY.serve(
        client, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=BACKLOG
    ) as server:
        host, port = next(iter(server.sockets)).getsockname()
        print(f"websockets ready native={host}:{port}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
