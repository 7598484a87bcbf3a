"""The door for programs that watch the server.

    /healthz    200: the loop turns, or nobody would answer
    /readyz     200: posts are taken; 503 while the log refuses them, or the server stops
    /metrics    all figures, in Prometheus' text format

It asks for no password, so it belongs where only the operator's programs come. A browser on
the same machine is none: were the name of its page made to point here (DNS rebinding), it could
read along. So a request has to name an address, `localhost`, or a host that the operator
has listed (`metrics.hosts`). Nobody here counts as a connection of the chat, so the door stays
open when the chat's are full, and while the server stops.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING

from netchat.chat.limits import Pace
from netchat.chat.now import Now
from netchat.errors import TooManyConnections
from netchat.net.timers import Callback, Timer
from netchat.net.transport import Transport
from netchat.sessions.http import HttpPeer
from netchat.sessions.web import refuse_http
from netchat.wire.http import HttpError, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from netchat.server import Server

MAX_WATCHERS = 16
"""Connections at a time: a few scrapers, and whoever checks that the server is well."""

PLAIN = "text/plain; charset=utf-8"

_HOST = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([^:\[\]]+)(?::\d+)?")


class MetricsDoor:
    """Answers those requests; a Site."""

    def __init__(self, server: Server, hosts: Collection[str]) -> None:
        from netchat.metrics.families import CONTENT_TYPE, new_exposition

        self._server = server
        self._hosts = {"localhost", *(host.lower() for host in hosts)}
        self._type = CONTENT_TYPE
        self._expose = new_exposition(server)
        self._peers: set[HttpPeer] = set()
        self._pages: dict[str, Callable[[], HttpResponse]] = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/metrics": self._metrics,
        }
        self.turns = server.turns
        self.later: Callable[[float, Callback], Timer] = server.reactor.call_later
        self.hurry = server.reactor.hurry

    @property
    def draining(self) -> bool:
        """See Site."""
        return self._server.door.draining

    def wall(self) -> int:
        """See Site."""
        return self._server.reactor.wall

    def pace_of(self, address: str) -> Pace | None:
        """See Site. The operator's own programs go as fast as they like."""
        return None

    def admit(self, transport: Transport, now: float) -> None:
        """Serve a new connection."""
        if len(self._peers) < MAX_WATCHERS:
            HttpPeer(self, transport).start(now)
        else:
            transport.write(refuse_http(TooManyConnections()))
            transport.close()

    def enter(self, peer: HttpPeer, now: float) -> None:
        """See Site."""
        self._peers.add(peer)

    def leave(self, peer: HttpPeer) -> None:
        """See Site."""
        self._peers.discard(peer)

    def serve(self, peer: HttpPeer, request: HttpRequest, now: Now) -> None:
        """See Site."""
        try:
            peer.respond(self._page(request)())
        except HttpError as exc:
            peer.respond(self.refuse(exc, request.path))

    def refuse(self, exc: HttpError, path: str) -> HttpResponse:
        """See Site."""
        return _text(exc.status, exc.sentence, *exc.headers)

    def _page(self, request: HttpRequest) -> Callable[[], HttpResponse]:
        if not self._is_ours(request.header("host")):
            sentence = "This server is not known by that name; see metrics.hosts."
            raise HttpError(HTTPStatus.FORBIDDEN, sentence)
        if request.method not in ("GET", "HEAD"):
            allow = [("Allow", "GET, HEAD")]
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET works here.", allow)
        if (page := self._pages.get(request.path)) is None:
            there = ", ".join(self._pages)
            raise HttpError(HTTPStatus.NOT_FOUND, f"There is nothing here, but {there}.")
        return page

    def _is_ours(self, host: str | None) -> bool:
        """Whether a request is meant for us; what names no host at all is no browser."""
        if host is None:
            return True
        found = _HOST.fullmatch(host)
        name = (found[1] or found[2]).lower() if found else ""
        return name in self._hosts or _is_address(name)

    # -- the pages -----------------------------------------------------------------------------

    def _health(self) -> HttpResponse:
        return _text(HTTPStatus.OK, "The loop turns.")

    def _readiness(self) -> HttpResponse:
        if self.draining:
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, "The server is stopping.")
        if not self._server.hub.posting.is_working:
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, "The log refuses posts.")
        return _text(HTTPStatus.OK, "Posts are accepted.")

    def _metrics(self) -> HttpResponse:
        return _response(HTTPStatus.OK, self._type, self._expose())


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _text(status: int, sentence: str, *headers: tuple[str, str]) -> HttpResponse:
    return _response(status, PLAIN, f"{sentence}\n".encode(), *headers)


def _response(status: int, kind: str, body: bytes, *headers: tuple[str, str]) -> HttpResponse:
    always = [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return HttpResponse(status, [*always, *headers], body)
