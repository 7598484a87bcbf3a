"""HTTP/1.1 as a machine for one connection: bytes to requests, responses to bytes. h11 inside.

Rules of this file:

- A request is given out whole, its body with it, or refused: HttpError, and the connection ends
  behind the answer.
- One request at a time: the next one (pipelined) comes out after the answer to this one.
- Every size has a bound. No bound on time is kept here.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

import h11

from netchat.errors import NetchatError

MAX_HEAD = 8_192
"""Bytes of request line and headers: nginx and Apache take as much of a line."""

MAX_HEADERS = 64
"""Browsers send about 20, proxies add ten."""

MAX_BODY = 65_536
"""Bytes of a request's body: the largest payload of the protocol."""

_BODYLESS = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
_SENTENCES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "This is not HTTP/1.1 as it should be.",
    HTTPStatus.REQUEST_TIMEOUT: "The request did not come in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"A body has at most {MAX_BODY} bytes here.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The head of the request is too long.",
    HTTPStatus.NOT_IMPLEMENTED: "This transfer encoding is not understood here.",
}

Headers = Sequence[tuple[str, str]]


class HttpRequest(NamedTuple):
    """A request. `target` is as it was sent; header names are lower case."""

    method: str
    target: str
    version: str
    headers: Headers
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query, still quoted; also of one that names the host (RFC 9112,
        section 3.2.2)."""
        path = self.target.partition("?")[0]
        if path.startswith("http://"):
            path = "/" + path.removeprefix("http://").partition("/")[2]
        return path

    @property
    def query(self) -> str:
        """What stands behind the question mark."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """A header's value, of several the first; None where there is none."""
        return next((value for key, value in self.headers if key == name), None)


class HttpResponse(NamedTuple):
    """A whole response; length, date and connection are added as it is sent."""

    status: int
    headers: Headers = ()
    body: bytes = b""


class HttpError(NetchatError):
    """A request is refused with a status; the sentence is for a person."""

    def __init__(self, status: int, sentence: str | None = None, headers: Headers = ()) -> None:
        self.status = status
        self.sentence = sentence or _SENTENCES[status]
        super().__init__(self.sentence)
        self.headers = headers


class HttpServer:
    """The server's side of one connection."""

    __slots__ = ("_body", "_conn", "_head", "_without_body", "ended")

    def __init__(self) -> None:
        self._conn = h11.Connection(h11.SERVER, MAX_HEAD)
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._without_body = False
        self.ended = False
        """The peer sends nothing more, and everything that came has been given out; or what came
        follows its last request, and is nobody's."""

    @property
    def has_head(self) -> bool:
        """Whether a head has come whose body has not."""
        return self._head is not None

    @property
    def rest(self) -> bytes:
        """What came and is not read: behind an upgrade it is no longer HTTP."""
        return self._conn.trailing_data[0]

    def receive_data(self, data: bytes) -> None:
        """Take bytes."""
        self._conn.receive_data(data)

    def receive_eof(self) -> None:
        """There will be no more."""
        self._conn.receive_data(b"")

    def next_request(self) -> HttpRequest | None:
        """The next whole request, or None. Raises HttpError, after which there is no other."""
        if self._conn.our_state is h11.MUST_CLOSE:
            self.ended = True
            return None
        if not self.must_close:
            self._conn.start_next_cycle()
            self._without_body = False
        while True:
            try:
                event = self._conn.next_event()
            except h11.RemoteProtocolError as exc:
                raise _refusal(exc) from None
            if isinstance(event, h11.Request):
                self._head = self._checked(event)
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > MAX_BODY:
                    raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            elif isinstance(event, h11.EndOfMessage):
                return self._whole()
            else:
                self.ended = isinstance(event, h11.ConnectionClosed)
                return None

    def _checked(self, head: h11.Request) -> h11.Request:
        if head.method == b"CONNECT":
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, "This is no proxy.", [("Allow", "GET")])
        size = len(head.target) + sum(len(name) + len(value) for name, value in head.headers)
        if size > MAX_HEAD or len(head.headers) > MAX_HEADERS:
            raise HttpError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        for name, value in head.headers:
            if name == b"content-length" and int(value) > MAX_BODY:
                raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return head

    def _whole(self) -> HttpRequest:
        head, self._head = self._head, None
        assert head is not None
        self._without_body = head.method == b"HEAD"
        body, self._body = bytes(self._body), bytearray()
        return HttpRequest(
            head.method.decode("latin-1"),
            head.target.decode("latin-1"),
            head.http_version.decode("latin-1"),
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers],
            body,
        )

    def interim(self) -> bytes:
        """Asks for the body of a client that waits to be asked; empty for others."""
        if not self._conn.they_are_waiting_for_100_continue:
            return b""
        return self._conn.send(h11.InformationalResponse(status_code=100, headers=[]))

    def respond(self, response: HttpResponse, wall: int | None, *, last: bool = False) -> bytes:
        """The bytes of a response. `wall` is ms since the epoch; `last`: the connection ends."""
        headers = [*response.headers]
        if wall is not None:
            headers.append(("Date", formatdate(wall / 1_000, usegmt=True)))
        if response.status not in _BODYLESS:
            headers.append(("Content-Length", str(len(response.body))))
        if last:
            headers.append(("Connection", "close"))
        reason = HTTPStatus(response.status).phrase.encode()
        head = h11.Response(status_code=response.status, headers=headers, reason=reason)
        parts = [self._conn.send(head)]
        if response.body and not self._without_body:
            parts.append(self._conn.send(h11.Data(data=response.body)))
        parts.append(self._conn.send(h11.EndOfMessage()))
        return b"".join(parts)

    @property
    def must_close(self) -> bool:
        """After a response: whether no other request may follow."""
        return self._conn.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}


def _refusal(exc: h11.RemoteProtocolError) -> HttpError:
    status = exc.error_status_hint
    return HttpError(status, _SENTENCES.get(status, _SENTENCES[HTTPStatus.BAD_REQUEST]))
