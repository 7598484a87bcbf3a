"""Addresses, as people write and read them."""

from __future__ import annotations

import errno
import socket
from ipaddress import ip_address
from typing import Any

WEB_PORT = 7338
TLS_PORT = 7339
DEFAULT_PORT = 7337
"""The project's own: nothing is registered there (IANA)."""

SCHEMES = {"netchat": DEFAULT_PORT, "netchats": TLS_PORT}
"""How a server's address may begin, and its port where it has none."""


def parse_server(text: str) -> tuple[str, int, bool]:
    """(host, port, whether TLS is spoken) of "netchats://host:port", "netchat://host:port", or
    what parse_address takes. Raises ValueError with a sentence."""
    scheme, found, rest = text.partition("://")
    if not found:
        return *parse_address(text), False
    if scheme.lower() not in SCHEMES:
        raise ValueError(f"An address begins with netchat:// or netchats://, not {scheme}://.")
    scheme = scheme.lower()
    return *parse_address(rest.removesuffix("/"), SCHEMES[scheme]), scheme == "netchats"


def parse_address(text: str, default_port: int = DEFAULT_PORT) -> tuple[str, int]:
    """(host, port) of "host:port", "[v6]:port", ":port", "host" or "[v6]".

    The host is "" where none is given: everywhere, for a listener. Port 0: the system's
    choice. Raises ValueError with a sentence.
    """
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or not host or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is not an address like [::1]:7000.")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = text.partition(":")
        if ":" in port:
            raise ValueError(f"An IPv6 address stands in brackets, like [::1]:7000, not {text!r}.")
    if not (host or colon) or any(c.isspace() or c in "[]/" for c in host):
        raise ValueError(f"{text!r} is not an address like 127.0.0.1:7000.")
    return host, _port(port) if colon else default_port


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65_535):
        raise ValueError(f"A port is a number from 0 to 65535, not {text!r}.")
    return int(text)


def resolve(host: str, port: int, *, passive: bool = False) -> list[tuple[int, Any]]:
    """(family, address) of everything that `host` stands for, in the system's order.

    "" is this machine, or with `passive` (to listen) everywhere. Raises OSError. May block as
    long as the system's resolver does; an address in figures never does.
    """
    flags = socket.AI_PASSIVE if passive else 0
    try:
        infos = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)
    except ValueError as exc:  # what cannot even be written as a name of the DNS
        raise OSError(errno.EINVAL, f"{host!r} is not a host name.") from exc
    return [(family, address) for family, _, _, _, address in dict.fromkeys(infos)]


def is_this_machine(host: str) -> bool:
    """Whether a host, as somebody wrote it, is reached without a network (RFC 1122, 4291, 6761)."""
    if host.lower() in ("", "localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def format_address(address: Any) -> str:
    """ "host:port" or "[v6]:port" of a socket's address; parse_address takes it back."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
