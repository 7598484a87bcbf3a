"""Requests whose answer depends on a password that is being hashed elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from netchat.chat.passwords import OnDone
from netchat.chat.requests import Request
from netchat.chat.session import Session
from netchat.errors import RefusedError

if TYPE_CHECKING:
    from netchat.chat.hub import Hub


def when_hashed(
    hub: Hub,
    session: Session,
    request: Request,
    start: Callable[[OnDone], None],
    decide: Callable[[object], None],
) -> None:
    """Have it hashed, then `decide` on the outcome, by an answer or a refusal.

    The session serves nothing else meanwhile; nothing is decided where it has gone. Raises
    AuthBusy where too much is waiting already.
    """

    def done(outcome: object) -> None:
        session.busy = False
        if session.closing:
            return
        try:
            decide(outcome)
        except RefusedError as exc:
            hub.refuse_request(session, request, exc)
        session.wake()

    session.busy = True
    try:
        start(done)
    except RefusedError:
        session.busy = False
        raise
