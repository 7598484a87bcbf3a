"""A server that means harm: the page as the real one serves it, and any event at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from netchat.sessions.page import load_page
from netchat.sessions.web import SECURITY

Event = dict[str, Any]
Answer = Callable[[Event], list[Event]]


@contextmanager
def hostile(answer: Answer) -> Iterator[str]:
    """Its address. `answer` says what it sends for each request."""
    page = load_page()

    def file(_connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0].lstrip("/")
        if path == "ws":
            return None
        if path not in page:
            return Response(404, "Not Found", Headers())
        asset = page[path]
        head = Headers([*SECURITY, ("Content-Type", asset.type)])
        head["Content-Length"] = str(len(asset.body))
        return Response(200, "OK", head, asset.body)

    def talk(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            for text in connection:
                for event in answer(json.loads(text)):
                    connection.send(json.dumps(event))

    with serve(
        talk,
        "127.0.0.1",
        0,
        process_request=file,
        subprotocols=["netchat.v1"],  # type: ignore[list-item]
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "http://{}:{}/".format(*server.socket.getsockname()[:2])
