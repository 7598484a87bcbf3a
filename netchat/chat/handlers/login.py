"""Logging in and out, and signs of life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.chat import events, requests
from netchat.chat.handlers.listing import talks_of
from netchat.chat.now import Now
from netchat.chat.session import Session
from netchat.chat.settings import WELCOME_TALKS
from netchat.errors import AlreadyWelcome, BadCredentials, VersionUnsupported

if TYPE_CHECKING:
    from netchat.chat.hub import Hub


def hello(hub: Hub, session: Session, request: requests.Hello, now: Now) -> None:
    if session.user is not None:
        raise AlreadyWelcome
    if request.version != 1:
        raise VersionUnsupported
    if request.password is not None:
        raise BadCredentials("This server has no accounts; leave the password out.")
    identity, token, session.token = hub.people.login(request, now)
    hub.welcome(session, identity, now)
    settings = hub.settings
    hub.answer(
        session,
        events.Welcome(
            ref=request.ref,
            version=1,
            server=settings.server,
            name=identity.name,
            session=session.id,
            token=token,
            epoch=hub.epoch,
            heartbeat=settings.heartbeat,
            limits=settings.limits(),
            talks=talks_of(identity)[:WELCOME_TALKS],
        ),
    )


def bye(hub: Hub, session: Session, request: requests.Bye, now: Now) -> None:
    hub.answer(session, events.Bye(ref=request.ref, reason="bye"))
    hub.close(session)
    if session.user is not None:
        hub.attendance.depart(session, now, bye=True)


def ping(hub: Hub, session: Session, request: requests.Ping, now: Now) -> None:
    hub.answer(session, events.Pong(ref=request.ref))


def pong(hub: Hub, session: Session, request: requests.Pong, now: Now) -> None:
    """A sign of life: that it arrived is all that counts."""
