"""The operator's socket: a file in the data folder, for the server's own user and root alone.

The file's mode keeps others out; where the system says who is at the other end (Linux), that
is looked at as well. A file that a crashed server left behind is replaced; one behind which a
server answers is not.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from pathlib import Path

from netchat.errors import StartError

SOCKET_NAME = "netchat.sock"
_FRESH_NAME = ".fresh.sock"  # no longer than the name above

LONGEST_PATH = 107 if sys.platform == "linux" else 103
"""Bytes of a Unix socket's path: sun_path, without the zero at its end (unix(7))."""

_CREDENTIALS = struct.Struct("iII")
"""Linux's struct ucred: process, user, group."""


class AdminSocket:
    """A listening socket and its file."""

    def __init__(self, sock: socket.socket, path: Path) -> None:
        self.sock = sock
        self._path = path

    def close(self) -> None:
        """Let go of the socket, and of its file."""
        self.sock.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


def open_socket(folder: Path) -> AdminSocket:
    """Listen in `folder`, which is made where it is missing. Raises StartError."""
    path, fresh = folder / SOCKET_NAME, folder / _FRESH_NAME
    check_length(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_answered(path):
            raise StartError(f"{path} is in use by another server.")
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        sock.bind(os.fspath(fresh))
        fresh.chmod(0o600)
        sock.listen()
        sock.setblocking(False)
        fresh.rename(path)  # nobody can reach it before it has its mode
    except OSError as exc:
        sock.close()
        raise StartError(f"{path} cannot be listened on: {exc.strerror}.") from exc
    except StartError:
        sock.close()
        raise
    return AdminSocket(sock, path)


def check_length(path: Path) -> None:
    """Raises StartError where the system could not name such a socket."""
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise StartError(
            f"The path {path} is longer than the {LONGEST_PATH} bytes that a socket may have; "
            "choose a data folder with a shorter one."
        )


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(1.0)
        return sock.connect_ex(os.fspath(path)) == 0


def is_trusted(sock: socket.socket) -> bool:
    """Whether the peer runs as our own user or as root; where nobody can say, the file's mode
    has let it in."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    found = sock.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    _pid, user, _group = _CREDENTIALS.unpack(found)
    return user in (0, os.geteuid())
