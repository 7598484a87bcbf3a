"""Binding: listening sockets for all entrances, or one sentence about the address that is wrong;
and the gate behind them."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from socket import socket
from typing import TYPE_CHECKING

from netchat.errors import BadFrame, ConfigError, StartError
from netchat.net.addresses import parse_address
from netchat.net.gate import Gate
from netchat.net.proxy import Proxies
from netchat.net.reactor import Reactor
from netchat.sessions.entrance import Entrance

if TYPE_CHECKING:
    import ssl

log = logging.getLogger("netchat.server")

Listen = Callable[[str, int], list[socket]]


def over_tls(entrance: Entrance, setting: str, addresses: Sequence[str], ready: str) -> Entrance:
    """The same entrance once more, with TLS, at addresses of its own."""
    return replace(
        entrance, setting=setting, addresses=addresses, ready=ready, tls=True, optional=False
    )


def not_tls(entrance: Entrance) -> bytes | None:
    """What somebody is told who should speak TLS here and does not."""
    if not entrance.tls:
        return None
    return entrance.refusal(BadFrame("This address speaks TLS, and what came is not TLS."))


def open_gate(
    reactor: Reactor,
    proxies: Sequence[str],
    context: ssl.SSLContext | None,
    is_committing: Callable[[], bool],
) -> Gate:
    """The gate for all of them. Raises ConfigError."""
    try:
        networks = Proxies(proxies) if proxies else None
    except ValueError as exc:
        raise ConfigError(f"server.proxies: {exc}") from None
    return Gate(reactor, networks, context, is_committing)


def bind(
    entrances: Sequence[Entrance], listen: Listen, *, certified: bool
) -> list[tuple[Entrance, socket]]:
    """Bind every address of every entrance. Raises StartError; nothing is left open then."""
    safe = [entrance.setting for entrance in entrances if entrance.tls and entrance.addresses]
    if safe and not certified:
        raise ConfigError(f"{safe[0]} needs tls.cert and tls.key")
    if certified and not safe:
        raise ConfigError("tls.cert and tls.key are used by no address: give tls.listen")
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
