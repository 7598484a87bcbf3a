"""What an operator's requests do to the chat: one function each, and the table of them.

A function answers through its call, now or later, or raises a RefusedError. What changes
something is answered once the change is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from netchat.admin import requests
from netchat.admin.requests import AdminReply, AdminRequest, Done
from netchat.chat.accounts import account_of
from netchat.chat.acts import BAN, SERVER, THE_OPERATOR, Act
from netchat.chat.handlers.acting import end, whom
from netchat.chat.handlers.ruling import check_above
from netchat.chat.hub import Hub
from netchat.chat.names import check_line, prepare_name
from netchat.chat.now import Now
from netchat.chat.passwords import BUSY_RETRY, check_strength, prepare_password
from netchat.chat.rights import Rank
from netchat.chat.rooms import Room
from netchat.chat.users import Identity
from netchat.errors import AuthBusy, BadRequest, Kicked, NoSuchRoom, NoSuchUser, RefusedError

SHOWN = 12
"""Hexadecimal digits of a token's hash by which a device is called: it cannot be taken back to
the token, and no account has two that begin so."""


class Call(NamedTuple):
    """One request's surroundings. `answer` takes its reply, once; `refuse` a refusal instead."""

    hub: Hub
    now: Now
    answer: Callable[[AdminReply], None]
    refuse: Callable[[RefusedError], None]

    def done(self, note: str = "") -> None:
        """Answer as soon as what was changed is committed."""
        self.hub.posting.when_saved(partial(self.answer, Done(note=note)))


# -- who there is --------------------------------------------------------------------------


def sessions(call: Call, request: requests.Sessions) -> None:
    names, owners = call.hub.people.names, call.hub.people.book.owners
    if request.name is None:
        page, after = _page(names, request.after)
        rows = [row for key in page for row in _rows(names[key]) if row.here]
    else:
        key, after = prepare_name(request.name)[0], ""
        identity = owners.get(key) or names.get(key)
        if identity is None:
            raise NoSuchUser
        rows = list(_rows(identity))
    call.answer(requests.SessionPage(rows=rows, after=after))


def _page(names: Mapping[str, Identity], after: str) -> tuple[list[str], str]:
    """The next keys behind `after`, and where the page behind them goes on."""
    keys = sorted(key for key in names if key > after)
    page = keys[: requests.PAGE]
    return page, page[-1] if len(page) < len(keys) else ""


def _rows(identity: Identity) -> Iterator[requests.SessionRow]:
    connected = identity.user.sessions if identity.user else ()
    if identity.account is None:
        for session in connected:
            yield requests.SessionRow(
                id=session.id, name=identity.name, address=session.address, here=True
            )
        return
    here = {session.token: session.address for session in connected}
    for digest, token in identity.account.devices.items():
        device = token.device
        yield requests.SessionRow(
            id=digest.hex()[:SHOWN],
            name=identity.name,
            address=here.get(digest) or (device.address if device else ""),
            here=digest in here,
            client=device.client if device else "",
            since=device.since if device else None,
            used=token.used,
        )


def kick(call: Call, request: requests.Kick) -> None:
    user = call.hub.holder(request.name).user
    connected = user.sessions if user else ()
    for session in connected:
        call.hub.kick(session, Kicked(request.reason or None), call.now)
    call.answer(Done(note=f"{len(connected)} closed"))


def users(call: Call, request: requests.Users) -> None:
    owners = call.hub.people.book.owners
    page, after = _page(owners, request.after)
    call.answer(requests.UserPage(rows=[_user_row(owners[key]) for key in page], after=after))


def _user_row(identity: Identity) -> requests.UserRow:
    account = account_of(identity)
    return requests.UserRow(
        name=identity.name,
        since=account.since,
        devices=len(account.devices),
        here=identity.user is not None and bool(identity.user.sessions),
        disabled=account.disabled,
        operator=account.operator,
    )


# -- accounts ------------------------------------------------------------------------------


def add_user(call: Call, request: requests.AddUser) -> None:
    key, spelling = prepare_name(request.name)
    call.hub.people.book.check_free(key, spelling)
    _hash(call, request.password, lambda kept: call.hub.accounts.add(spelling, kept, call.now))


def set_password(call: Call, request: requests.SetPassword) -> None:
    accounts = call.hub.accounts
    accounts.find(request.name)

    def decide(kept: str) -> None:
        identity = accounts.find(request.name)
        accounts.set_password(identity, kept)
        why = Kicked("The operator has changed your password.")
        accounts.log_out(identity, why, call.now)

    _hash(call, request.password, decide)


def _hash(call: Call, password: str, decide: Callable[[str], None]) -> None:
    """Have a password hashed; `decide` takes what is kept of it, and may refuse yet."""
    prepared = prepare_password(password)
    check_strength(prepared, call.hub.settings.password_length)

    def done(outcome: object) -> None:
        try:
            if not isinstance(outcome, str):
                raise AuthBusy(retry_after=BUSY_RETRY)
            decide(outcome)
        except RefusedError as exc:
            call.refuse(exc)
        else:
            call.done()

    call.hub.hashing.hash(prepared, done)


def disable_user(call: Call, request: requests.DisableUser) -> None:
    accounts = call.hub.accounts
    identity = accounts.find(request.name)
    accounts.set_disabled(identity, True)
    why = Kicked(request.reason or "Your account has been disabled.")
    accounts.log_out(identity, why, call.now)
    call.hub.bots.send_away(identity, why, call.now)
    call.done()


def enable_user(call: Call, request: requests.EnableUser) -> None:
    accounts = call.hub.accounts
    accounts.set_disabled(accounts.find(request.name), False)
    call.done()


def set_operator(call: Call, request: requests.SetOperator) -> None:
    accounts = call.hub.accounts
    accounts.set_operator(accounts.find(request.name), request.operator)
    call.done()


def remove_user(call: Call, request: requests.RemoveUser) -> None:
    accounts = call.hub.accounts
    why = Kicked(request.reason or "Your account has been removed.")
    identity = accounts.find(request.name)
    accounts.remove(identity, why, call.now)
    call.hub.bots.forget(identity, why, call.now)
    call.done()


def revoke(call: Call, request: requests.Revoke) -> None:
    accounts = call.hub.accounts
    identity = accounts.find(request.name)
    devices = account_of(identity).devices
    found = [digest for digest in devices if digest.hex().startswith(request.device)]
    if len(found) != 1:
        raise NoSuchUser(f"{identity.name} has no such device; 'user sessions' lists them.")
    why = Kicked("The operator has logged this device out.")
    accounts.revoke(identity, found[0], why, call.now)
    call.done()


# -- tokens --------------------------------------------------------------------------------


def add_token(call: Call, request: requests.AddToken) -> None:
    secret, _ = call.hub.bots.add(request.name, request.room, call.now)
    call.hub.posting.when_saved(partial(call.answer, requests.TokenMade(secret=secret)))


def tokens(call: Call, request: requests.Tokens) -> None:
    found = {token.name: token for token in call.hub.bots}
    names = sorted(name for name in found if name > request.after)
    page = [found[name] for name in names[: requests.PAGE]]
    rows = [
        requests.TokenRow(
            id=token.name, name=token.identity.name, since=token.since, room=token.room
        )
        for token in page
    ]
    after = page[-1].name if len(page) < len(names) else ""
    call.answer(requests.TokenPage(rows=rows, after=after))


def revoke_token(call: Call, request: requests.RevokeToken) -> None:
    call.hub.bots.revoke(request.id, call.now)
    call.done()


# -- acts ----------------------------------------------------------------------------------


def acts(call: Call, request: requests.Acts) -> None:
    number = None if request.room is None else _room(call, request.room).id
    found = call.hub.moderation.acts.page(number, request.after or None, requests.PAGE + 1)
    page = found[: requests.PAGE]
    rows = [_act_row(call, act) for act in page]
    call.answer(requests.ActPage(rows=rows, after=page[-1].number if page != found else 0))


def _room(call: Call, name: str) -> Room:
    room = call.hub.directory.find(name)
    if room is None or room.talk:
        raise NoSuchRoom
    return room


def _act_row(call: Call, act: Act) -> requests.ActRow:
    room = call.hub.directory.by_id(act.room)
    gone = None if act.room == SERVER else f"no. {act.room}"
    return requests.ActRow(
        act=act.number,
        what=act.what,
        by=act.by,
        at=act.at,
        kind=act.kind,
        whom=act.named,
        room=room.name if room is not None else gone,
        detail=act.detail,
        reason=act.reason,
        until=act.until,
        active=act.holds(call.now.wall),
        undone_by=act.undone_by,
    )


def ban(call: Call, request: requests.Ban) -> None:
    check_line(request.reason, "reason")
    kind, target, named, other = whom(call.hub, request.user, request.name, request.address)
    if other is not None:
        check_above(Rank.OPERATOR, other, None)
    wall, seconds = call.now.wall, request.seconds
    act = Act(
        what=BAN, room=SERVER, kind=kind, target=target, named=named, by=THE_OPERATOR, actor=None,
        rank=Rank.OPERATOR, at=wall, reason=request.reason,
        until=wall + seconds * 1_000 if seconds is not None else None,
    )  # fmt: skip
    call.hub.moderation.acts.add(act)
    gone = call.hub.moderation.send_banned_away(act, call.now)
    call.done(f"no. {act.number}; {gone} sent away")


def undo(call: Call, request: requests.Undo) -> None:
    act = call.hub.moderation.acts.get(request.act)
    if act is None:
        raise BadRequest("There is no such act.", field="act")
    end(call.hub, act, THE_OPERATOR, call.now)
    call.done()


Handler = Callable[[Call, Any], None]

HANDLERS: dict[type[AdminRequest], Handler] = {
    requests.Sessions: sessions,
    requests.Kick: kick,
    requests.Users: users,
    requests.AddUser: add_user,
    requests.SetPassword: set_password,
    requests.DisableUser: disable_user,
    requests.EnableUser: enable_user,
    requests.SetOperator: set_operator,
    requests.RemoveUser: remove_user,
    requests.Revoke: revoke,
    requests.AddToken: add_token,
    requests.Tokens: tokens,
    requests.RevokeToken: revoke_token,
    requests.Acts: acts,
    requests.Ban: ban,
    requests.Undo: undo,
}
