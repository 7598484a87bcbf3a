"""The web door: the page, the WebSocket beside it, and who may come in from where.

Every answer carries headers that keep a browser from doing more than the page needs: scripts,
styles and connections of its own place only, no frames, no guesses about types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from http import HTTPStatus
from math import ceil
from typing import Protocol
from urllib.parse import unquote

from netchat.chat.limits import Pace
from netchat.chat.now import Now
from netchat.errors import RefusedError
from netchat.net.timers import Callback, Timer
from netchat.net.transport import Transport
from netchat.sessions.api import Api
from netchat.sessions.common import Door
from netchat.sessions.http import HttpPeer
from netchat.sessions.page import load_document, load_page
from netchat.sessions.polls import Watchers
from netchat.sessions.problems import STATUSES, problem_of, problem_of_http
from netchat.sessions.websocket import WebSocketSession, new_session
from netchat.wire.http import Headers, HttpError, HttpRequest, HttpResponse, HttpServer
from netchat.wire.upgrade import shake_hands
from netchat.wire.websocket import WebSocketServer

SECURITY: Headers = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]

NewSession = Callable[[Door, Transport, WebSocketServer], WebSocketSession]

PLAIN = ("Content-Type", "text/plain; charset=utf-8")


class WebSettings(Protocol):
    """What an operator may say of the web; see the configuration."""

    @property
    def origins(self) -> Collection[str]: ...
    @property
    def prefix(self) -> str: ...
    @property
    def compression(self) -> bool: ...


def refuse_http(exc: RefusedError) -> bytes:
    """A refusal for somebody who has not asked for anything yet."""
    headers, status = [PLAIN], STATUSES.get(exc.code, HTTPStatus.BAD_REQUEST)
    if exc.retry_after is not None:
        headers.append(("Retry-After", str(ceil(exc.retry_after))))
        status = HTTPStatus.SERVICE_UNAVAILABLE
    response = HttpResponse(status, headers, f"{exc.message}\n".encode())
    return HttpServer().respond(response, None, last=True)


class Web:
    """What the connections of the web door share; it answers their requests."""

    def __init__(
        self,
        *,
        door: Door,
        later: Callable[[float, Callback], Timer],
        new_key: Callable[[], str],
        watchers: Watchers,
        settings: WebSettings,
    ) -> None:
        self.turns = door.turns
        self.later = later
        self.wall = door.wall
        self.hurry = door.hurry
        self._door = door
        self._page = load_page()
        self.api = Api(
            door=door,
            watchers=watchers,
            new_key=new_key,
            document=load_document(),
        )
        self._origins = frozenset(origin.lower() for origin in settings.origins)
        self._prefix = settings.prefix.rstrip("/")
        self._compression = settings.compression
        self.new_session: NewSession = new_session
        """What a peer becomes that has been upgraded."""
        self.peers: dict[HttpPeer, None] = {}
        """Connections that speak HTTP; they are no sessions."""
        self.opened = 0
        """How many there have been."""

    @property
    def draining(self) -> bool:
        """The server stops."""
        return self._door.draining

    def admit(self, transport: Transport, now: float) -> None:
        """Serve a new connection."""
        HttpPeer(self, transport).start(now)

    def drain(self) -> None:
        """The server stops: who has asked is answered, the others go."""
        self.api.polls.end_all()
        for peer in list(self.peers):
            peer.close_if_idle()

    # -- what a connection calls -------------------------------------------------------------

    def pace_of(self, address: str) -> Pace | None:
        paces = self._door.paces
        return None if paces is None else paces.of_address(address)

    def enter(self, peer: HttpPeer, now: float) -> None:
        self.opened += 1
        self.peers[peer] = None
        self._door.strangers.add(peer, now)
        self._door.census.enter(peer.transport.peer)

    def leave(self, peer: HttpPeer) -> None:
        del self.peers[peer]
        self._door.strangers.remove(peer)
        self._door.census.leave(peer.transport.peer)

    def serve(self, peer: HttpPeer, request: HttpRequest, now: Now) -> None:
        self._door.strangers.remove(peer)
        path = request.path
        if path == self._prefix:  # relative addresses need the slash
            location = [PLAIN, ("Location", f"{self._prefix}/")]
            peer.respond(HttpResponse(HTTPStatus.PERMANENT_REDIRECT, location))
            return
        if path.startswith(f"{self._prefix}/"):
            path = path.removeprefix(self._prefix)
        try:
            if path == "/ws":
                self._upgrade(peer, request, now)
            elif path.startswith("/api/"):
                self.api.serve(peer, request, path, now)
            else:
                peer.respond(self._file(request, path))
        except RefusedError as exc:
            self._door.hub.refusals.add(exc.code)
            peer.respond(problem_of(exc))
        except HttpError as exc:
            peer.respond(self.refuse(exc, path))

    def refuse(self, exc: HttpError, path: str) -> HttpResponse:
        if path.startswith("/api/"):
            return problem_of_http(exc)
        headers = [PLAIN, *SECURITY, *exc.headers]
        return HttpResponse(exc.status, headers, f"{exc.sentence}\n".encode())

    # -- the WebSocket -----------------------------------------------------------------------

    def _upgrade(self, peer: HttpPeer, request: HttpRequest, now: Now) -> None:
        if not self._is_welcome(request.header("origin"), request.header("host")):
            raise HttpError(HTTPStatus.FORBIDDEN, "This server does not serve that origin.")
        answer, machine = shake_hands(request, compression=self._compression)
        rest = peer.machine.rest
        transport = peer.release()
        transport.write(answer, True)
        session = self.new_session(self._door, transport, machine)
        session.start(now.monotonic)
        if rest:
            session.data_received(rest, now.monotonic)

    def _is_welcome(self, origin: str | None, host: str | None) -> bool:
        """Whether a page of this origin may connect: of our own host, or of a listed one.

        What is no browser sends no origin, and carries nothing that a page could abuse.
        """
        if origin is None or origin.lower() in self._origins or "*" in self._origins:
            return True
        found = _ORIGIN.fullmatch(origin.lower())
        if found is None or host is None:
            return False
        scheme, theirs = found.groups()
        port = _PORTS[scheme]  # a proxy may speak TLS in our place: the scheme is theirs
        return theirs.removesuffix(port) == host.lower().removesuffix(port)

    # -- the page ----------------------------------------------------------------------------

    def _file(self, request: HttpRequest, path: str) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            allow = [("Allow", "GET, HEAD")]
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET works here.", allow)
        asset = self._page.get(unquote(path).removeprefix("/"))
        if asset is None:
            raise HttpError(HTTPStatus.NOT_FOUND, "There is nothing here.")
        headers = [
            ("Content-Type", asset.type),
            ("ETag", asset.etag),
            ("Cache-Control", "no-cache"),
            *SECURITY,
        ]
        if asset.etag in (request.header("if-none-match") or ""):
            return HttpResponse(HTTPStatus.NOT_MODIFIED, headers)
        return HttpResponse(HTTPStatus.OK, headers, asset.body)


_ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)")
_PORTS = {"http": ":80", "https": ":443"}
"""The ports that a scheme implies."""
