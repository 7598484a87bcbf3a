"""Giving oneself a password: a guest's makes it an account, an account's replaces the old one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from netchat.chat import events, requests
from netchat.chat.accounts import account_of
from netchat.chat.handlers.waiting import when_hashed
from netchat.chat.now import Now
from netchat.chat.passwords import BUSY_RETRY, Verdict, check_strength, prepare_password
from netchat.chat.session import Session
from netchat.chat.users import Device
from netchat.errors import AuthBusy, BadCredentials, Kicked

if TYPE_CHECKING:
    from netchat.chat.hub import Hub


def password(hub: Hub, session: Session, request: requests.Password, now: Now) -> None:
    prepared = prepare_password(request.password)
    check_strength(prepared, hub.settings.password_length)
    if session.identity.account is None:
        _register(hub, session, request, prepared, now)
    else:
        _change(hub, session, request, prepared, now)


def _register(
    hub: Hub, session: Session, request: requests.Password, prepared: str, now: Now
) -> None:
    hub.accounts.check_registration(session.address, now)

    def decide(outcome: object) -> None:
        if isinstance(outcome, BaseException):
            raise AuthBusy(retry_after=BUSY_RETRY)
        identity, digest = session.identity, session.token
        assert digest is not None
        hub.people.book.check(identity.key, identity.name, identity)
        hub.accounts.create(identity, str(outcome), now)
        device = Device.of(None, session.address, now.wall)
        hub.people.name_device(digest, hub.people.token(digest), device)
        hub.answer(session, events.PasswordSet(ref=request.ref, name=identity.name))

    when_hashed(hub, session, request, partial(hub.hashing.hash, prepared), decide)
    hub.accounts.registering(session.address, now)


def _change(
    hub: Hub, session: Session, request: requests.Password, prepared: str, now: Now
) -> None:
    identity = session.identity
    key, stored = identity.key, account_of(identity).password
    if request.old is None:
        raise BadCredentials("Give the old password, too.", field="old")
    old = prepare_password(request.old, field="old")
    if hub.accounts.guard is not None:
        hub.accounts.guard.check_login(key, session.address, now.monotonic, known=True)

    def decide(outcome: object) -> None:
        if not isinstance(outcome, Verdict):
            raise AuthBusy(retry_after=BUSY_RETRY)
        if outcome.renewed is None or account_of(identity).password != stored:
            hub.accounts.failed(key, session.address, now)
            raise BadCredentials("The old password is wrong.", field="old")
        hub.accounts.set_password(identity, outcome.renewed)
        why = Kicked("The password has been changed; log in with the new one.")
        hub.accounts.log_out(identity, why, now, spared=session.token)
        hub.answer(session, events.PasswordSet(ref=request.ref, name=identity.name))

    when_hashed(hub, session, request, partial(hub.hashing.change, stored, old, prepared), decide)
