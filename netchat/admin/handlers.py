"""What an operator's requests do to the chat: one function each, and the table of them.

A function answers through its call, now or later, or raises a RefusedError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from netchat.admin import requests
from netchat.admin.requests import AdminReply, AdminRequest
from netchat.chat.hub import Hub
from netchat.chat.now import Now
from netchat.chat.session import Session
from netchat.errors import Kicked, NoSuchUser


class Call(NamedTuple):
    """One request's surroundings. `answer` takes its reply, once."""

    hub: Hub
    now: Now
    answer: Callable[[AdminReply], None]


def sessions(call: Call, request: requests.Sessions) -> None:
    if request.name is None:
        page, after = _page_of_names(call.hub, request.after)
        rows = [row for key in page for row in _rows(call.hub, key)]
    else:
        rows, after = list(_rows(call.hub, call.hub.holder(request.name).key)), ""
    call.answer(requests.SessionPage(rows=rows, after=after))


def _page_of_names(hub: Hub, after: str) -> tuple[list[str], str]:
    names = sorted(key for key in hub.people.names if key > after)
    page = names[: requests.PAGE]
    return page, page[-1] if len(page) < len(names) else ""


def _rows(hub: Hub, key: str) -> Iterator[requests.SessionRow]:
    user = hub.people.names[key].user
    for session in user.sessions if user else ():
        yield requests.SessionRow(
            session=session.id,
            name=session.identity.name,
            address=session.address,
            rooms=len(session.cursors),
        )


def kick(call: Call, request: requests.Kick) -> None:
    sent_away = 0
    for session in _sessions_of(call.hub, request.name):
        if request.session in (None, session.id):
            call.hub.kick(session, Kicked(request.reason or None), call.now)
            sent_away += 1
    if not sent_away:
        raise NoSuchUser(f"{request.name} has no such connection.")
    call.answer(requests.Done(note=f"{sent_away} closed"))


def _sessions_of(hub: Hub, name: str) -> tuple[Session, ...]:
    user = hub.holder(name).user
    return user.sessions if user else ()


Handler = Callable[[Call, Any], None]

HANDLERS: dict[type[AdminRequest], Handler] = {
    requests.Sessions: sessions,
    requests.Kick: kick,
}
