"""Operators' connections: what is framed wrongly, asked wrongly, or by too many."""

from __future__ import annotations

import argparse
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from netchat.admin import handlers
from netchat.admin.client import NoServer, ask
from netchat.admin.commands import run_command
from netchat.admin.door import MAX_OPERATORS
from netchat.admin.place import SOCKET_NAME, open_socket
from netchat.admin.requests import Refusal, SessionPage, Sessions, decode_reply
from tests.e2e.client import WITHIN, frame, until_true
from tests.e2e.planted import ServerThread


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    with ServerThread(tmp_path, server_durability="memory") as running:
        yield running


class Operator:
    """A connection to the socket, byte by byte."""

    def __init__(self, folder: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WITHIN)
        self.sock.connect(os.fspath(folder / "data" / SOCKET_NAME))

    def says(self, payload: bytes) -> object:
        self.sock.sendall(frame(payload))
        return self.hears()

    def hears(self) -> object:
        (size,) = struct.unpack("!I", self.sock.recv(4, socket.MSG_WAITALL))
        return decode_reply(self.sock.recv(size, socket.MSG_WAITALL))


@pytest.fixture
def operator(server: ServerThread, tmp_path: Path) -> Iterator[Operator]:
    operator = Operator(tmp_path)
    yield operator
    operator.sock.close()


@pytest.mark.parametrize(
    "payload", [b"{", b"[]", b'{"type":"Dance"}', b'{"type":"Sessions","x":1}', b'"\xff"']
)
def test_what_cannot_be_understood_is_refused_and_the_next_request_served(
    operator: Operator, payload: bytes
) -> None:
    refusal = operator.says(payload)
    assert isinstance(refusal, Refusal) and refusal.code == "bad_request"
    assert operator.says(b'{"type":"Sessions"}') == SessionPage(rows=[])


def test_a_frame_that_is_too_long_ends_the_connection(operator: Operator) -> None:
    operator.sock.sendall(struct.pack("!I", 2**30))
    refusal = operator.hears()
    assert isinstance(refusal, Refusal) and refusal.code == "frame_too_large"
    assert operator.sock.recv(1) == b""


def test_a_bug_in_a_handler_ends_its_request_alone(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def buggy(*_: object) -> None:
        raise ZeroDivisionError("a bug that was planted by a test")

    with monkeypatch.context() as patch:
        patch.setitem(cast("dict[Any, Any]", handlers.HANDLERS), Sessions, buggy)
        refusal = operator.says(b'{"type":"Sessions"}')
    assert isinstance(refusal, Refusal) and refusal.code == "internal"
    assert operator.says(b'{"type":"Sessions"}') == SessionPage(rows=[])


def test_a_list_of_many_pages_is_whole(server: ServerThread, tmp_path: Path) -> None:
    names = [f"guest{number}" for number in range(5)]
    clients = [server.client(name) for name in names]
    args = argparse.Namespace(data=str(tmp_path / "data"), config=None)
    found: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netchat.admin.requests.PAGE", 2)
        code = run_command(args, lambda op: found.extend(row.name for row in op.pages(Sessions())))
    assert (code, found) == (0, names)
    for client in clients:
        client.close()


def test_there_is_a_bound_on_operators(server: ServerThread, tmp_path: Path) -> None:
    crowd = [Operator(tmp_path) for _ in range(MAX_OPERATORS)]
    assert all(each.says(b'{"type":"Sessions"}') == SessionPage(rows=[]) for each in crowd)
    late = Operator(tmp_path)
    refusal = late.hears()
    assert isinstance(refusal, Refusal) and refusal.code == "too_many_connections"
    for each in (*crowd, late):
        each.sock.close()
    until_true(lambda: Operator(tmp_path).says(b'{"type":"Sessions"}') == SessionPage(rows=[]))


def test_the_file_goes_with_the_server(tmp_path: Path) -> None:
    with ServerThread(tmp_path, server_durability="memory"):
        assert ask(tmp_path / "data", Sessions()) == SessionPage(rows=[])
    assert not (tmp_path / "data" / SOCKET_NAME).exists()
    with pytest.raises(NoServer, match="No server runs"):
        ask(tmp_path / "data", Sessions())


def test_a_server_that_does_not_answer_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netchat.admin.client.TIMEOUT", 0.05)
    place = open_socket(tmp_path)
    with pytest.raises(NoServer, match="does not answer"):
        ask(tmp_path, Sessions())
    place.close()
