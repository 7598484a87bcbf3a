"""Logging in and out, and signs of life.

A `hello` with a token or without a password is answered at once. One with a password waits for
it to be hashed elsewhere, and its session with it; what is decided then is decided on what is
the case then: the name may have gone, the account may have changed, the session may be away.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from netchat.chat import events, requests
from netchat.chat.accounts import account_of
from netchat.chat.handlers.listing import talks_of
from netchat.chat.handlers.waiting import when_hashed
from netchat.chat.names import prepare_name
from netchat.chat.now import Now
from netchat.chat.passwords import BUSY_RETRY, Verdict, check_strength, prepare_password
from netchat.chat.people import Login
from netchat.chat.requests import Hello
from netchat.chat.session import Session
from netchat.chat.settings import WELCOME_TALKS
from netchat.chat.users import Device, Identity
from netchat.errors import (
    AlreadyWelcome,
    AuthBusy,
    BadCredentials,
    Forbidden,
    VersionUnsupported,
)

if TYPE_CHECKING:
    from netchat.chat.hub import Hub

ACCOUNTS_ONLY = "This server is for accounts only; log in with a password."


def hello(hub: Hub, session: Session, request: Hello, now: Now) -> None:
    if session.user is not None:
        raise AlreadyWelcome
    if request.version != 1:
        raise VersionUnsupported
    hub.moderation.check_address(session.address, now.wall)
    if request.token is not None:
        _with_token(hub, session, request, request.token, now)
    elif request.password is not None:
        _with_password(hub, session, request, request.password, now)
    elif hub.settings.policy == "open":
        _as_guest(hub, session, request, now)
    else:
        raise BadCredentials(ACCOUNTS_ONLY, field="password")


def _as_guest(hub: Hub, session: Session, request: Hello, now: Now) -> None:
    key, spelling = prepare_name(request.name)
    hub.moderation.check_name(key, now.wall)
    if hub.accounts.guard is not None:  # which counts nobody whose name cannot be had
        hub.people.book.check(key, spelling)
        hub.accounts.guard.new_guest(session.address, now.monotonic)
    _welcome(hub, session, request, hub.people.enter(key, spelling, now), now)


# -- by token ------------------------------------------------------------------------------


def _with_token(hub: Hub, session: Session, request: Hello, token: str, now: Now) -> None:
    identity = hub.people.by_token(token, now)
    hub.moderation.check_identity(identity, now.wall)
    if identity.account is None and request.password is not None:
        _register(hub, session, request, request.password, now)
    elif identity.account is None and hub.settings.policy != "open":
        raise BadCredentials(ACCOUNTS_ONLY, field="password")
    else:
        _welcome(hub, session, request, hub.people.resume(request, now), now)


# -- by password ---------------------------------------------------------------------------


def _with_password(hub: Hub, session: Session, request: Hello, password: str, now: Now) -> None:
    key, _ = prepare_name(request.name)
    owner = hub.people.book.owners.get(key)
    if owner is None and hub.settings.policy != "closed":
        _register(hub, session, request, password, now)
    else:
        _log_in(hub, session, request, password, now, key, owner)


def _log_in(
    hub: Hub,
    session: Session,
    request: Hello,
    password: str,
    now: Now,
    key: str,
    owner: Identity | None,
) -> None:
    """Check the password; where there is no account, with as much work and the same words."""
    prepared = prepare_password(password)
    known = owner is not None and account_of(owner).knows(session.address)
    if hub.accounts.guard is not None:
        hub.accounts.guard.check_login(key, session.address, now.monotonic, known=known)
    stored = account_of(owner).password if owner is not None else None

    def decide(outcome: object) -> None:
        verdict = _verdict(outcome)
        account = owner.account if owner is not None else None
        if not verdict.right or account is None or account.password != stored:
            hub.accounts.failed(key, session.address, now)
            raise BadCredentials(field="password")
        assert owner is not None
        if account.disabled:
            raise Forbidden("This account has been disabled.")
        hub.moderation.check_identity(owner, now.wall)
        if verdict.renewed is not None:
            hub.accounts.set_password(owner, verdict.renewed)
        login = hub.accounts.log_in(owner, _device(session, request, now), now)
        _welcome(hub, session, request, login, now)

    when_hashed(hub, session, request, partial(hub.hashing.verify, stored, prepared), decide)


def _register(hub: Hub, session: Session, request: Hello, password: str, now: Now) -> None:
    """Make an account: of somebody new, or of the guest whose token this is."""
    prepared = prepare_password(password)
    check_strength(prepared, hub.settings.password_length)
    hub.accounts.check_registration(session.address, now)
    _check_name(hub, request, now)

    def decide(outcome: object) -> None:
        if isinstance(outcome, BaseException):
            raise AuthBusy(retry_after=BUSY_RETRY)
        _check_ban(hub, request, now)
        if request.token is None:
            login = hub.people.enter(*prepare_name(request.name), now)
        else:
            login = hub.people.resume(request, now)
        hub.accounts.create(login.identity, str(outcome), now)
        device = _device(session, request, now)
        hub.people.name_device(login.digest, hub.people.token(login.digest), device)
        _welcome(hub, session, request, login, now, registered=True)

    when_hashed(hub, session, request, partial(hub.hashing.hash, prepared), decide)
    hub.accounts.registering(session.address, now)


def _check_name(hub: Hub, request: Hello, now: Now) -> None:
    """Refuse a name that cannot be had before any work is done for it."""
    _check_ban(hub, request, now)
    if request.token is None:
        hub.people.book.check(*prepare_name(request.name))


def _check_ban(hub: Hub, request: Hello, now: Now) -> None:
    """Refuse a name that is banned, whoever asks for it."""
    hub.moderation.check_name(prepare_name(request.name)[0], now.wall)


def _verdict(outcome: object) -> Verdict:
    if isinstance(outcome, Verdict):
        return outcome
    raise AuthBusy("The password could not be checked.", retry_after=BUSY_RETRY)


def _device(session: Session, request: Hello, now: Now) -> Device:
    return Device.of(request.client, session.address, now.wall)


# -- what follows --------------------------------------------------------------------------


def _welcome(
    hub: Hub,
    session: Session,
    request: Hello,
    login: Login,
    now: Now,
    *,
    registered: bool = False,
) -> None:
    identity = login.identity
    session.token = login.digest
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
            token=login.token,
            epoch=hub.epoch,
            heartbeat=settings.heartbeat,
            limits=hub.limits,
            talks=talks_of(identity)[:WELCOME_TALKS],
            account=identity.account is not None,
            registered=registered,
        ),
    )
    hub.moderation.remind(session)


def bye(hub: Hub, session: Session, request: requests.Bye, now: Now) -> None:
    hub.answer(session, events.Bye(ref=request.ref, reason="bye"))
    hub.close(session)
    if session.user is not None:
        hub.attendance.depart(session, now, bye=True)


def ping(hub: Hub, session: Session, request: requests.Ping, now: Now) -> None:
    hub.answer(session, events.Pong(ref=request.ref))


def pong(hub: Hub, session: Session, request: requests.Pong, now: Now) -> None:
    """A sign of life: that it arrived is all that counts."""
