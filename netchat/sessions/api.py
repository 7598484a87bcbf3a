"""The HTTP interface for programs: `/api`. What it is to others is written in `openapi.json`.

    POST /api/rooms/{room}/messages     post; `Idempotency-Key` is the post's id
    GET  /api/rooms/{room}/messages     a page of the log; `wait` holds it until there is one
    GET  /api/rooms/{room}/events       Server-Sent Events from here, or from `Last-Event-ID`, on
    POST /api/hooks/{secret}            an incoming webhook, as Slack has them
    GET  /api/openapi.json

A request is served under a token (`Authorization: Bearer ...`), which is that of an account.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from urllib.parse import unquote

import msgspec

from netchat.chat.bots import BotToken
from netchat.chat.events import Accepted, Error, Event, HistoryPage, Message
from netchat.chat.names import room_key
from netchat.chat.now import Now
from netchat.chat.requests import MAX_HISTORY, MAX_INTEGER, MAX_LABEL, History, Join, Post
from netchat.chat.rooms import Room
from netchat.errors import BadRequest, BadToken, NoSuchRoom, StoreFailed
from netchat.sessions.bots import BotCall, EventStream, OnAnswer
from netchat.sessions.common import Door
from netchat.sessions.http import HttpPeer
from netchat.sessions.polls import Polls, Watchers
from netchat.sessions.problems import problem_of
from netchat.sessions.query import Query
from netchat.sessions.slack import text_of
from netchat.wire.eventstream import stream_head
from netchat.wire.http import Headers, HttpError, HttpRequest, HttpResponse

JSON: Headers = [
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
]

MAX_WAIT = 60
"""Seconds of a long poll: proxies cut what is silent for longer."""


class NewMessage(msgspec.Struct):
    """The body of a post."""

    text: str


class MessagePage(msgspec.Struct, omit_defaults=True):
    """A page of a room's log. Who sees another `epoch` than before begins anew; messages before
    `first` are gone."""

    room: str
    epoch: str
    first: int
    head: int
    messages: list[Message]
    complete: bool


_decode = msgspec.json.Decoder(NewMessage).decode
_encode = msgspec.json.Encoder().encode

Answer = Callable[[Accepted], HttpResponse]


class Api:
    """Answers the requests below `/api`."""

    def __init__(
        self,
        *,
        door: Door,
        watchers: Watchers,
        new_key: Callable[[], str],
        document: bytes,
    ) -> None:
        self._door = door
        self._hub = door.hub
        self._new_key = new_key
        self._document = document
        self.polls = Polls(watchers, door.later)

    def serve(self, peer: HttpPeer, request: HttpRequest, path: str, now: Now) -> None:
        """Answer a request, now or later. Raises RefusedError, HttpError."""
        match path.split("/")[2:]:
            case ["openapi.json"]:
                _allow(request, "GET", "HEAD")
                peer.respond(HttpResponse(HTTPStatus.OK, JSON, self._document))
            case ["hooks", secret]:
                _allow(request, "POST")
                self._hook(peer, request, secret)
            case ["rooms", room, "messages"]:
                _allow(request, "GET", "POST")
                handler = self._post if request.method == "POST" else self._read
                handler(peer, request, unquote(room))
            case ["rooms", room, "events"]:
                _allow(request, "GET")
                self._follow(peer, request, unquote(room), now)
            case _:
                raise HttpError(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _token(self, request: HttpRequest) -> BotToken:
        scheme, _, secret = (request.header("authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            raise BadToken("Give a token, as in 'Authorization: Bearer ...'.")
        return self._find(secret.strip())

    def _find(self, secret: str, *, hook: bool = False) -> BotToken:
        token = self._hub.bots.find(secret, hook=hook)
        self._hub.moderation.check_identity(token.identity, self._door.wall())
        return token

    def _call(self, token: BotToken, request: Post | History, answered: OnAnswer) -> None:
        BotCall.begin(self._door, token, request, answered)

    # -- posting -----------------------------------------------------------------------------

    def _post(self, peer: HttpPeer, request: HttpRequest, room: str) -> None:
        token = self._token(request)
        try:
            text = _decode(request.body).text
        except (ValueError, RecursionError) as exc:  # msgspec's errors are ValueErrors
            raise BadRequest("A JSON object with a 'text' is expected.", field="text") from exc
        id = (request.header("idempotency-key") or self._new_key()).strip('"')
        if not 1 <= len(id) <= MAX_LABEL:
            raise BadRequest(f"A key has 1 to {MAX_LABEL} characters.", field="Idempotency-Key")
        self._submit(peer, token, Post(room=room, text=text, id=id), _posted)

    def _hook(self, peer: HttpPeer, request: HttpRequest, secret: str) -> None:
        token = self._find(unquote(secret), hook=True)
        text = text_of(request.body)
        post = Post(room=token.room, text=text, id=self._new_key())
        self._submit(peer, token, post, _hooked)

    def _submit(
        self,
        peer: HttpPeer,
        token: BotToken,
        post: Post,
        answer: Callable[[Accepted], HttpResponse],
    ) -> None:
        """Post into a room, which is made if need be."""
        assert post.room is not None
        directory = self._hub.directory
        room = directory.open(post.room)

        def answered(event: Event) -> None:
            if isinstance(event, Accepted):
                peer.respond(answer(event))
                return
            if room.is_idle():
                directory.forget(room)
            peer.respond(_refused(event))

        self._call(token, post, answered)

    # -- reading -----------------------------------------------------------------------------

    def _read(self, peer: HttpPeer, request: HttpRequest, name: str) -> None:
        token, query = self._token(request), Query(request.query)
        after = query.integer("after", 0, MAX_INTEGER)
        before = query.integer("before", 0, MAX_INTEGER)
        limit = query.integer("limit", 1, MAX_HISTORY)
        wait = query.integer("wait", 0, MAX_WAIT) or 0
        if after is None and wait:
            raise BadRequest("To wait, say after which message.", field="wait")
        asked = History(room=name, after=after, before=before, limit=limit or 100)
        self._page(peer, token, asked, wait)

    def _page(self, peer: HttpPeer, token: BotToken, asked: History, wait: float) -> None:
        """Answer with a page; where it is empty, once there is something or the wait is over."""

        def answered(event: Event) -> None:
            if not isinstance(event, HistoryPage):
                peer.respond(_refused(event))
                return
            room = self._hub.directory.find(event.room)
            assert room is not None
            if event.messages or not wait:
                peer.respond(self._answer(room, event))
            elif room.published > (asked.after or 0):  # something came while we looked
                self._page(peer, token, asked, 0)
            else:
                self.polls.wait(room, wait, partial(self._page, peer, token, asked, 0))

        self._call(token, asked, answered)

    def _answer(self, room: Room, page: HistoryPage) -> HttpResponse:
        body = MessagePage(
            room=room.name,
            epoch=self._hub.epoch,
            first=room.first,
            head=room.head,
            messages=page.messages,
            complete=page.complete,
        )
        return HttpResponse(HTTPStatus.OK, JSON, _encode(body))

    # -- following ---------------------------------------------------------------------------

    def _follow(self, peer: HttpPeer, request: HttpRequest, name: str, now: Now) -> None:
        token, query = self._token(request), Query(request.query)
        query.default("after", request.header("last-event-id"))
        after = query.integer("after", 0, MAX_INTEGER)
        epoch = query.text("epoch")
        room = self._hub.directory.find(name)
        if room is None:
            room_key(name)  # it must be possible to make it
        elif room.talk and token.identity not in room.talk:
            raise NoSuchRoom
        elif room.damaged:
            raise StoreFailed(room.damaged)
        else:
            address = str(peer.transport.peer)
            self._hub.moderation.check_entry(token.identity, address, room, now.wall)
        backlog = 0 if after is None else None
        transport = peer.release()
        transport.write(stream_head((), now.wall), True)
        stream = EventStream.of(self._door, transport, token)
        stream.follow(Join(room=name, after=after, epoch=epoch, backlog=backlog), now)


def _refused(event: Event) -> HttpResponse:
    assert isinstance(event, Error)
    return problem_of(event)


def _posted(event: Accepted) -> HttpResponse:
    status = HTTPStatus.OK if event.duplicate else HTTPStatus.CREATED
    return HttpResponse(status, JSON, _encode(event))


def _hooked(_event: Accepted) -> HttpResponse:
    return HttpResponse(HTTPStatus.OK, [("Content-Type", "text/plain; charset=utf-8")], b"ok")


def _allow(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        allow = [("Allow", ", ".join(methods))]
        raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, "This method does not work here.", allow)
