"""Binding: listening sockets for all entrances, or one sentence about the address that is wrong."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Sequence
from socket import socket

from netchat.errors import ConfigError, StartError
from netchat.net.addresses import parse_address
from netchat.sessions.entrance import Entrance

log = logging.getLogger("netchat.server")

Listen = Callable[[str, int], list[socket]]


def bind(entrances: Sequence[Entrance], listen: Listen) -> list[tuple[Entrance, socket]]:
    """Bind every address of every entrance. Raises StartError; nothing is left open then."""
    bound: list[tuple[Entrance, socket]] = []
    try:
        for entrance in entrances:
            for text in entrance.addresses:
                bound += [(entrance, sock) for sock in _bind_one(entrance, text, listen)]
    except StartError:
        for _, sock in bound:
            sock.close()
        raise
    return bound


def _bind_one(entrance: Entrance, text: str, listen: Listen) -> list[socket]:
    try:
        return listen(*parse_address(text))
    except ValueError as exc:
        raise ConfigError(f"{entrance.setting}: {exc}") from None
    except OSError as exc:
        reason = exc.strerror or str(exc)
        if entrance.optional and exc.errno == errno.EADDRINUSE:
            log.warning("Nobody is let in at %s (%s): %s.", text, entrance.setting, reason)
            return []
        raise StartError(f"Cannot listen on {text}: {reason}.") from None
