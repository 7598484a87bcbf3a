"""The targets of the web door: frames, requests, and whole connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netchat.errors import FatalError
from netchat.wire.http import HttpError, HttpResponse, HttpServer
from netchat.wire.messages import RefusedRequest
from netchat.wire.websocket import Control, WebSocketServer
from tests.sessions.browser import Browser
from tests.sessions.support import House

SERVED = 500
"""Connections after which the server is a new one."""


def websocket(data: bytes) -> None:
    """However the bytes are cut up, the same comes out, and a failure is the last of it."""
    _same(_frames, data)


def _frames(pieces: Sequence[bytes]) -> list[object]:
    machine = WebSocketServer(max_message=256)
    out: list[object] = []
    for piece in pieces:
        machine.receive_data(piece)
        while True:
            try:
                request = machine.next_request()
            except RefusedRequest as exc:
                out.append(exc.error.code)
                continue
            except FatalError as exc:
                out.append((type(exc), machine.close_code))
                assert not machine.pending and machine.next_request() is None
                return out
            if request is None:
                if machine.pending:
                    continue
                break
            out.append(request)
            if isinstance(request, Control) and request.closes:
                assert not machine.pending and machine.next_request() is None
                return out
    return out


def http(data: bytes) -> None:
    """However the bytes are cut up, the same requests come out, and the same refusal."""
    _same(_requests, data)


def _requests(pieces: Sequence[bytes]) -> list[object]:
    machine = HttpServer()
    out: list[object] = []
    for piece in pieces:
        machine.receive_data(piece)
        while True:
            try:
                request = machine.next_request()
            except HttpError as exc:
                machine.respond(HttpResponse(exc.status), 0, last=True)
                assert machine.must_close
                return [*out, exc.status]
            if request is None:
                break
            out.append(request)
            machine.respond(HttpResponse(200, (), b"ok"), 0)
            if machine.must_close:
                return out
    return out


def _same(outcome: Callable[[Sequence[bytes]], list[object]], data: bytes) -> None:
    whole = outcome([data] if data else [])
    assert outcome([data[at : at + 1] for at in range(len(data))]) == whole
    cut = data[0] % len(data) if data else 0
    assert outcome([piece for piece in (data[:cut], data[cut:]) if piece]) == whole


class Door:
    """Any bytes to the web door of a whole server; a request beside it is served as ever."""

    def __init__(self) -> None:
        self._left = 0

    def __call__(self, data: bytes) -> None:
        if self._left == 0:
            self._left, self._house = SERVED, House()
        self._left -= 1
        house = self._house
        peer = Browser(house)
        for line in data.split(b"\n"):
            peer.sends(line + b"\n")
        assert peer.sock.outbox.startswith(b"HTTP/1.1 ") or not peer.sock.outbox
        healthy = Browser(house)
        assert healthy.gets(b"/nowhere")[0] == 404
        peer.sock.eof = healthy.sock.eof = True
        house.advance(20.0)
        assert peer.sock.closed and healthy.sock.closed
        assert house.door.census.total == 0
        house.clients.clear()
