"""The target of the operator's socket."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import cast

from netchat.admin.door import AdminDoor, AdminSession
from netchat.admin.place import AdminSocket
from netchat.admin.requests import Refusal, Sessions, decode_reply, encode
from netchat.net.transport import Transport
from netchat.wire.framing import LengthPrefixed, frame
from tests.sessions.support import Client, House, Socket

SERVED = 500
"""Operators after which the server is a new one."""

PLENTY = 2**20


class Operator:
    """Whatever an operator asks is answered in whole frames, once each, and breaks nothing.

    Each line of the input is a payload, which is framed; one that begins with `!` is sent as it
    is. Another operator is served as ever.
    """

    def __init__(self) -> None:
        self._open()

    def _open(self) -> None:
        self._left, self._house = SERVED, House()
        house = self._house
        self._door = AdminDoor(house.reactor, _place(), house.hub, house.clock.wall)
        house.enter("neighbour", "lobby")

    def __call__(self, data: bytes) -> None:
        if self._left == 0:
            self._house.dissolve()
            self._open()
        self._left -= 1
        lines = data.split(b"\n")
        replies = self._asked(
            [line[1:] if line.startswith(b"!") else frame(line or b"\n") for line in lines]
        )
        if b"!" not in data:
            assert len(replies) == len(lines)
        assert not any(isinstance(each, Refusal) and each.code == "internal" for each in replies)
        assert len(self._asked([frame(encode(Sessions()))])) == 1

    def _asked(self, pieces: list[bytes]) -> list[object]:
        house, sock = self._house, Socket()
        transport = Transport(house.reactor, sock, "admin")  # type: ignore[arg-type]
        session = AdminSession(self._door, transport)
        house.clients.append(cast(Client, _Seat(sock)))
        transport.start(session)
        for piece in pieces:
            sock.inbox += piece
            house.settle()
        transport.abort()
        house.settle()
        house.clients.pop()
        return _replies(bytes(sock.outbox))


class _Seat:
    """Where a house looks for a socket."""

    def __init__(self, sock: Socket) -> None:
        self.sock = sock


def _place() -> AdminSocket:
    return AdminSocket(cast(socket.socket, Socket()), Path("/nowhere/netchat.sock"))


def _replies(data: bytes) -> list[object]:
    framing = LengthPrefixed(PLENTY)
    framing.receive_data(data)
    replies: list[object] = []
    while (payload := framing.next_payload()) is not None:
        replies.append(decode_reply(payload))
    assert len(framing._data) == 0, "a frame was cut"
    return replies
