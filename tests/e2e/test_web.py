"""The web door of a real server: HTTP by the standard library, WebSocket by websockets."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.client import WITHIN, RawClient
from tests.e2e.support import NETCHAT, ServerProcess, split


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("web")
    with ServerProcess(folder, "--web", "127.0.0.1:0", "--durability", "memory") as server:
        yield server


def place(server: ServerProcess) -> str:
    return re.findall(r"web=http://(\S+)/", server.ready)[0]


def dial(server: ServerProcess, **options: Any) -> ClientConnection:
    return connect(f"ws://{place(server)}/ws", compression=None, **options)


def ask(client: ClientConnection, **request: object) -> None:
    client.send(json.dumps(request))


def hears(client: ClientConnection, kind: str) -> dict[str, Any]:
    """The next event of this type."""
    while True:
        event: dict[str, Any] = json.loads(client.recv(WITHIN))
        if event["type"] == kind:
            return event


def test_a_native_and_a_websocket_client_converse(web: ServerProcess) -> None:
    native = RawClient(web.address)
    native.hello("nadia")
    with dial(web, subprotocols=["netchat.v1"]) as client:
        assert client.subprotocol == "netchat.v1"
        ask(client, type="hello", version=1, name="wera")
        hears(client, "welcome")
        ask(client, type="join", room="wired")
        hears(client, "joined")
        ask(client, type="post", room="wired", text="hola", id="1")
        assert hears(client, "accepted")["seq"] == 1
        assert hears(client, "message")["text"] == "hola"
        native.join("wired")
        native.send({"type": "post", "room": "wired", "text": "qué tal", "id": "1"})
        assert hears(client, "message") | {"time": 0} == {
            "type": "message", "room": "wired", "seq": 2, "time": 0, "from": "nadia",
            "text": "qué tal", "id": "1",
        }  # fmt: skip
        ask(client, type="bye")
        hears(client, "bye")
        with pytest.raises(ConnectionClosed):
            client.recv(WITHIN)
        assert client.close_code == 1000


@pytest.mark.parametrize(
    ("payload", "code", "close"),
    [
        ("{", "bad_json", 1007),
        (b"binary", "bad_frame", 1003),
        ("x" * 5_000, "frame_too_large", 1009),
    ],
)
def test_what_cannot_be_read_is_named_and_closes(
    web: ServerProcess, payload: str | bytes, code: str, close: int
) -> None:
    with dial(web) as client:
        client.send(payload)
        assert hears(client, "error")["code"] == code
        with pytest.raises(ConnectionClosed):
            client.recv(WITHIN)
        assert client.close_code == close


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://127.0.0.1:1"])
def test_a_page_of_elsewhere_is_refused_before_the_upgrade(web: ServerProcess, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, dial(web, origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_a_page_of_our_own_is_let_in(web: ServerProcess) -> None:
    with dial(web, origin=f"http://{place(web).upper()}"):
        pass


def test_files_are_those_of_the_page_alone(web: ServerProcess) -> None:
    http = HTTPConnection(*split(place(web)), timeout=WITHIN)
    for path in ("/nothing", "/../config.py", "/%2e%2e/config.py", "//etc/passwd"):
        http.request("GET", path)
        response = http.getresponse()
        assert response.status == 404, path
        assert response.read() == b"There is nothing here.\n"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_a_request_without_an_upgrade_is_told_to_upgrade(web: ServerProcess) -> None:
    http = HTTPConnection(*split(place(web)), timeout=WITHIN)
    http.request("GET", "/ws")
    response = http.getresponse()
    assert (response.status, response.headers["Upgrade"]) == (426, "websocket")


def test_programs_post_follow_and_wait_over_restarts(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--web", "127.0.0.1:0") as server:
        made = run(server, "token", "add", "robo")
        bearer = {"Authorization": f"Bearer {made.strip()}"}
        path = "/api/rooms/builds/messages"
        keyed = bearer | {"Idempotency-Key": "k1"}
        status, body = call(server, "POST", path, b'{"text": "green"}', keyed)
        assert (status, body["seq"]) == (201, 1)
        server.restart()
        again = call(server, "POST", path, b'{"text": "green"}', keyed)
        assert again == (200, body | {"duplicate": True})
        _, page = call(server, "GET", f"{path}?after=0", b"", bearer)
        assert [message["from"] for message in page["messages"]] == ["robo"]
        assert "robo" in run(server, "token", "list")
        token = run(server, "token", "list").splitlines()[1].split()[1]
        run(server, "token", "revoke", token)
        assert call(server, "GET", path, b"", bearer)[0] == 401
        server.restart()
        assert call(server, "GET", path, b"", bearer)[0] == 401


def run(server: ServerProcess, *words: str) -> str:
    """An operator's command to this server; what it prints."""
    command = [*NETCHAT, *words, "--data", str(server.data)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=server.env, cwd=server.folder, timeout=WITHIN
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def call(
    server: ServerProcess, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, Any]:
    http = HTTPConnection(*split(place(server)), timeout=WITHIN)
    http.request(method, path, body, headers)
    response = http.getresponse()
    return response.status, json.loads(response.read())


def test_a_stop_closes_with_the_code_of_a_restart(tmp_path: Path) -> None:
    own = ServerProcess(tmp_path, "--web", "127.0.0.1:0", "--durability", "memory")
    with own as server, dial(server) as client:
        ask(client, type="hello", version=1, name="ana")
        hears(client, "welcome")
        assert server.stop() == 0
        assert hears(client, "bye")["retry_after"] > 0
        with pytest.raises(ConnectionClosed):
            client.recv(WITHIN)
        assert client.close_code == 1012


def test_a_port_that_was_asked_for_must_be_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = ServerProcess(tmp_path, "--web", address)
        tmp_path.mkdir(exist_ok=True)
        server.launch()
        assert server.wait() == 1
        assert f"Cannot listen on {address}" in server.logs()
