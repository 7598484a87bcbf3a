"""The PROXY protocol, versions 1 and 2: whom a proxy speaks for. Pure.

A proxy that forwards a connection says in front of it, in a line of text (1) or in a few bytes
(2), where it really comes from (haproxy.org, proxy-protocol.txt). Whoever may say that may be
anybody, so it is only listened to from addresses that the operator has named.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

V1 = b"PROXY "
MAX_V1 = 107
"""Bytes of a version 1 line, with its CRLF (the specification, 2.1)."""

V2 = b"\r\n\r\n\0\r\nQUIT\n"
FIXED_V2 = 16
MAX_V2 = 2_048
"""Bytes of a version 2 header. The specification asks receivers for 536 at least; a proxy that
adds what it knows of the client's certificate sends a little more."""

SIZES = {0x11: 4, 0x21: 16}
"""Bytes of an address, by family: TCP over IPv4 and IPv6."""

Source = tuple[str, int]


class ProxyError(ValueError):
    """This is no header; the message says why."""


def header_length(data: bytes) -> int | None:
    """How long the header at the head of `data` is, which may be more than there is of it.

    None: that cannot be said yet, and all of `data` belongs to the header. Raises ProxyError.
    """
    if V2.startswith(data[: len(V2)]):
        return _length_v2(data)
    if V1.startswith(data[: len(V1)]):
        return _length_v1(data)
    raise ProxyError("There is no PROXY header.")


def _length_v1(data: bytes) -> int | None:
    end = data.find(b"\r\n", 0, MAX_V1)
    if end >= 0:
        return end + 2
    if len(data) >= MAX_V1:
        raise ProxyError(f"A PROXY line has at most {MAX_V1} bytes.")
    return None


def _length_v2(data: bytes) -> int | None:
    if len(data) < FIXED_V2:
        return None
    length = FIXED_V2 + int.from_bytes(data[14:16])
    if length > MAX_V2:
        raise ProxyError(f"A PROXY header has at most {MAX_V2} bytes here.")
    return length


def source(header: bytes) -> Source | None:
    """(address, port) of the client that a whole header names; None where it names none, as in
    a proxy's own check of our health. Raises ProxyError."""
    return _source_v2(header) if header.startswith(V2) else _source_v1(header)


def _source_v1(header: bytes) -> Source | None:
    try:
        words = header.removesuffix(b"\r\n").decode("ascii").split(" ")
        if words[1] == "UNKNOWN":
            return None
        _, family, client, server, client_port, server_port = words
        kind = {"TCP4": IPv4Address, "TCP6": IPv6Address}[family]
        for address in (client, server):
            if "%" in address:
                raise ProxyError("An address in a PROXY line has no zone.")
            kind(address)
        _port(server_port)
        return _plain(ip_address(client)), _port(client_port)
    except (ValueError, LookupError):
        raise ProxyError("The PROXY line is malformed.") from None


def _port(text: str) -> int:
    if str(number := int(text)) != text or not 0 <= number <= 65_535:
        raise ProxyError("A port in a PROXY line is out of range.")
    return number


def _source_v2(header: bytes) -> Source | None:
    command, family = header[12], header[13]
    if command not in (0x20, 0x21):
        raise ProxyError("The PROXY header has an unknown version or command.")
    if command == 0x20 or family not in SIZES:  # LOCAL; no TCP: the proxy speaks for itself
        return None
    size = SIZES[family]
    if len(header) < FIXED_V2 + 2 * size + 4:
        raise ProxyError("The PROXY header is too short for its addresses.")
    at = FIXED_V2 + 2 * size
    client = ip_address(header[FIXED_V2 : FIXED_V2 + size])
    return _plain(client), int.from_bytes(header[at : at + 2])


def _plain(address: IPv4Address | IPv6Address) -> str:
    """As text; an IPv4 address in IPv6's clothes as what it is, or all would share a network."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


class Proxies:
    """The addresses and networks that may speak for others. Raises ValueError for what is
    neither, with a sentence."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(text) for text in networks]

    def __contains__(self, host: str) -> bool:
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:  # not of the Internet
            return False
        return any(address in network for network in self._networks)
