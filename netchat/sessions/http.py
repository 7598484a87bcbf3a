"""One HTTP connection: requests come out, are answered in order, and may become a WebSocket.

It is no session of the chat: it stands for nobody. It has deadlines instead of a heartbeat,
absolute ones, which no trickle of bytes puts off:

    head    from its first byte (or the connection's beginning) to the whole head
    body    from there to the whole request
    idle    between two requests
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

from netchat.chat.limits import Pace
from netchat.chat.now import Now
from netchat.net.timers import Callback, Timer
from netchat.net.transport import HIGH, Transport
from netchat.sessions.turns import Turns
from netchat.wire.http import HttpError, HttpRequest, HttpResponse, HttpServer

log = logging.getLogger("netchat.sessions")

HEAD = 5.0
"""Seconds: several round trips to anywhere, for what fits into six packets."""

BODY = 10.0
"""Seconds for 64 KiB at the most: as for a login."""

IDLE = 30.0
"""Seconds that a connection is kept for the next request: half of what proxies keep theirs."""

REQUESTS = 8
"""Requests of one connection in a turn: a page with its files. Nobody pipelines more."""


class Site(Protocol):
    """What answers the requests."""

    turns: Turns
    later: Callable[[float, Callback], Timer]

    def hurry(self) -> None:
        """The loop does not sleep before the next tick."""

    @property
    def draining(self) -> bool:
        """The server stops: no answer keeps its connection."""

    def enter(self, peer: HttpPeer, now: float) -> None:
        """A connection begins."""

    def leave(self, peer: HttpPeer) -> None:
        """It is over, or has become something else."""

    def serve(self, peer: HttpPeer, request: HttpRequest, now: Now) -> None:
        """Answer with `peer.respond`, now or later, or take its transport over."""

    def refuse(self, exc: HttpError, path: str) -> HttpResponse:
        """A refusal as a response."""

    def pace_of(self, address: str) -> Pace | None:
        """How fast those at an address may go, if that is limited."""

    def wall(self) -> int:
        """Milliseconds since the epoch."""


class HttpPeer:
    """A TransportProtocol that serves HTTP/1.1."""

    __slots__ = (
        "_busy", "_gone", "_pace", "_patience", "_timer", "machine", "site", "transport",
    )  # fmt: skip

    def __init__(self, site: Site, transport: Transport) -> None:
        self.site = site
        self.transport = transport
        self.machine = HttpServer()
        self._busy = False
        """A request has been taken and not yet answered."""
        self._gone = False
        self._pace = site.pace_of(str(transport.peer))
        self._patience = HEAD
        """Which of the deadlines runs: HEAD, BODY, IDLE, or none (0) while a request is served."""
        self._timer = site.later(HEAD, self._late)

    def start(self, now: float) -> None:
        """Begin: the transport is up."""
        self.site.enter(self, now)
        self.site.turns.enter(self)
        self.transport.start(self)

    # -- what the transport calls ------------------------------------------------------------

    def data_received(self, data: bytes, now: float) -> None:
        if self._patience == IDLE:
            self._wait(HEAD)
        self.machine.receive_data(data)
        self.site.turns.add(self)

    def eof_received(self, now: float) -> None:
        self.machine.receive_eof()
        self.site.turns.add(self)

    def connection_lost(self, exc: Exception | None, now: float) -> None:
        self._leave()

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.site.turns.add(self)
        self.site.hurry()  # this comes in phase 5, after those who will take it up

    # -- requests ----------------------------------------------------------------------------

    def serve(self, budget: int, now: Now) -> bool:
        """One turn; see Turns."""
        for _ in range(min(budget, REQUESTS)):
            if self._gone or self._busy or self._must_wait(now.monotonic):
                return False
            try:
                if not self._serve_one(now):
                    return False
            except Exception:  # a bug ends its peer, not the loop
                log.exception("Serving a request failed.")
                self.transport.abort()
                return False
        return True

    def _must_wait(self, now: float) -> bool:
        """Whether the peer has to read first, or goes too fast; it is not read meanwhile."""
        if self.transport.pending > HIGH:
            self.transport.pause_reading()
            self.transport.request_drain()
            return True
        if self._pace is None or (wait := self._pace.ask(0, now)) == 0:
            return False
        self.transport.pause_reading()
        self.site.later(wait, lambda _: self.site.turns.add(self))
        return True

    def _serve_one(self, now: Now) -> bool:
        """Serve the next request; whether there was one, and there may be another."""
        try:
            request = self.machine.next_request()
        except HttpError as exc:
            self.respond(self.site.refuse(exc, ""), last=True)
            return False
        if request is None:
            self._wait_for_more()
            return False
        if self._pace is not None:
            self._pace.ask(1, now.monotonic)
        self._wait(0)
        self._busy = True
        self.transport.pause_reading()
        self.site.serve(self, request, now)
        return True

    def _wait_for_more(self) -> None:
        if self.machine.ended:
            self.transport.close()
            return
        if interim := self.machine.interim():
            self.transport.write(interim, True)
        if self.machine.has_head:
            self._wait(BODY)
        elif self.machine.rest:
            self._wait(HEAD)
        self.transport.resume_reading()

    def respond(self, response: HttpResponse, *, last: bool = False) -> None:
        """Answer the request that is being served; the next one may follow."""
        if self._gone:
            return
        last = last or self.site.draining
        data = self.machine.respond(response, self.site.wall(), last=last)
        self.transport.write(data, True)
        self._busy = False
        if self.machine.must_close:
            self._wait(0)
            self.transport.close()
        else:
            self._wait(IDLE)
            self.site.turns.add(self)

    def release(self) -> Transport:
        """Let go of the transport: somebody else speaks with this peer from now on."""
        self._leave()
        return self.transport

    def turn_away(self) -> None:
        """It has asked for nothing yet: its own deadlines, which are shorter, see to that."""

    def close_if_idle(self) -> None:
        """The server stops: nobody waits for anything here."""
        if not self._busy:
            self.transport.close()

    # -- deadlines ---------------------------------------------------------------------------

    def _wait(self, seconds: float) -> None:
        """From now on this deadline runs. One that is running already goes on."""
        if seconds != self._patience:
            self._patience = seconds
            self._timer.cancel()
            if seconds:
                self._timer = self.site.later(seconds, self._late)

    def _late(self, _now: float) -> None:
        if self.machine.has_head or self.machine.rest:
            late = HttpError(HTTPStatus.REQUEST_TIMEOUT)
            self.respond(self.site.refuse(late, ""), last=True)
        else:
            self.transport.close()

    def _leave(self) -> None:
        if not self._gone:
            self._gone = True
            self._timer.cancel()
            self.site.turns.leave(self)
            self.site.leave(self)
