"""One question to the running server, one answer: the operator's side of its socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from netchat.admin.place import SOCKET_NAME, check_length
from netchat.admin.requests import AdminReply, AdminRequest, decode_reply, encode
from netchat.errors import NetchatError
from netchat.wire.framing import LengthPrefixed, frame

TIMEOUT = 10.0
"""Seconds for an answer; the slowest is that of a password that waits to be hashed."""

MAX_REPLY = 16 * 2**20
"""Bytes; the server sends pages, so this only bounds what a bug could do."""


class NoServer(NetchatError):
    """No server runs on this data folder, or it does not answer."""


class NotAllowed(NetchatError):
    """The socket is another user's."""


def ask(folder: Path, request: AdminRequest) -> AdminReply:
    """The server's answer. Raises NoServer, NotAllowed, StartError."""
    path = folder / SOCKET_NAME
    check_length(path)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(TIMEOUT)
            sock.connect(os.fspath(path))
            sock.sendall(frame(encode(request)))
            return decode_reply(_receive(sock))
    except PermissionError as exc:
        raise NotAllowed(f"{path} belongs to another user.") from exc
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as exc:
        raise NoServer(f"No server runs on {folder}.") from exc
    except OSError as exc:
        raise NoServer(f"The server on {folder} does not answer: {exc}.") from exc


def _receive(sock: socket.socket) -> bytes:
    framing = LengthPrefixed(MAX_REPLY)
    while (payload := framing.next_payload()) is None:
        data = sock.recv(65_536)
        if not data:
            raise ConnectionResetError("it has closed the connection")
        framing.receive_data(data)
    return payload
