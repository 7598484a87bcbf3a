"""What is done to somebody: kicked, banned, muted, and that undone; and the list of it all.

With a room it is for its moderators, without one for operators.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from netchat.chat import events, requests
from netchat.chat.acts import ADDRESS, BAN, KICK, LASTING, MUTE, NAME, SERVER, USER, Act, sentence
from netchat.chat.handlers.ruling import check_above, note, room_to_rule
from netchat.chat.limits import address_class
from netchat.chat.names import check_line, prepare_name
from netchat.chat.now import Now
from netchat.chat.rights import Rank, rank_of
from netchat.chat.rooms import Room
from netchat.chat.session import Session
from netchat.chat.settings import PAGE_ROWS
from netchat.chat.users import Identity
from netchat.errors import BadRequest, Forbidden, Kicked, NoSuchUser

if TYPE_CHECKING:
    from netchat.chat.hub import Hub


def _place(hub: Hub, session: Session, name: str | None) -> tuple[Room | None, Rank]:
    """Where a session's user may act, and as what. Raises NoSuchRoom, Forbidden."""
    if name is not None:
        return room_to_rule(hub, session, name, Rank.MODERATOR)
    if rank_of(session.identity) < Rank.OPERATOR:
        raise Forbidden("Only operators may do this; name a room that is yours.")
    return None, Rank.OPERATOR


def kick(hub: Hub, session: Session, request: requests.Kick, now: Now) -> None:
    room, rank = _place(hub, session, request.room)
    check_line(request.reason, "reason")
    other = hub.holder(request.user)
    check_above(rank, other, room)
    user = other.user
    if user is None or (room is not None and user not in room.members):
        raise NoSuchUser(f"{other.name} is not here.")
    reason = request.reason
    act = note(session, room, rank, now, KICK, USER, other.id, other.name, reason=reason)
    hub.moderation.acts.add(act)
    if room is None:
        hub.moderation.send_away(user, Kicked(reason or None), now)
    else:
        hub.moderation.put_out(room, user, session.identity.name, reason)
        _tell(hub, room, act, KICK)
    hub.answer(session, events.Done(ref=request.ref, act=act.number))


def ban(hub: Hub, session: Session, request: requests.Ban, now: Now) -> None:
    room, rank = _place(hub, session, request.room)
    check_line(request.reason, "reason")
    kind, target, named, other = whom(hub, request.user, request.name, request.address)
    if kind == ADDRESS:
        _check_address(session, str(target), rank)
    if other is not None:
        check_above(rank, other, room)
    act = note(
        session, room, rank, now, BAN, kind, target, named,
        reason=request.reason, seconds=request.seconds,
    )  # fmt: skip
    hub.moderation.acts.add(act)
    if room is None:
        hub.moderation.send_banned_away(act, now)
    else:
        if other is not None and rank_of(other, room) > Rank.NONE:
            hub.moderation.place(room, other, Rank.NONE)
        hub.moderation.keep(room)
        here = list(room.members) if other is None else [other.user] if other.user else []
        why = sentence("banned", act, now.wall)
        hub.moderation.enforce(room, here, session.identity.name, why, now.wall)
        if kind != ADDRESS:
            _tell(hub, room, act, BAN)
    hub.answer(session, events.Done(ref=request.ref, act=act.number))


def whom(
    hub: Hub, user: str | None, name: str | None, address: str | None
) -> tuple[str, int | str, str, Identity | None]:
    """Whom a ban is for: its kind, target and wording, and who that is now.

    Raises BadRequest, NoSuchUser, NameInvalid.
    """
    if sum(given is not None for given in (user, name, address)) != 1:
        raise BadRequest("Give either 'user', 'name' or 'address'.", field="user")
    if user is not None:
        other = hub.known(user)
        return USER, other.id, other.name, other
    if name is not None:
        key, spelling = prepare_name(name)
        book = hub.people.book
        return NAME, key, spelling, book.owners.get(key) or book.holders.get(key)
    named = address or ""
    try:
        ip_address(named)
    except ValueError:
        raise BadRequest("This is no IP address.", field="address") from None
    return ADDRESS, address_class(named), named, None


def _check_address(session: Session, target: str, rank: Rank) -> None:
    """May a session's user ban this address? Raises Forbidden, BadRequest."""
    if rank < Rank.OPERATOR:
        raise Forbidden("Only operators ban addresses, as nobody else knows them.")
    if target == address_class(session.address):
        raise BadRequest("This is your own address.", field="address")


def mute(hub: Hub, session: Session, request: requests.Mute, now: Now) -> None:
    room, rank = _place(hub, session, request.room)
    check_line(request.reason, "reason")
    other = hub.known(request.user)
    check_above(rank, other, room)
    act = note(
        session, room, rank, now, MUTE, USER, other.id, other.name,
        reason=request.reason, seconds=request.seconds,
    )  # fmt: skip
    hub.moderation.acts.add(act)
    if room is not None:
        if rank_of(other, room) == Rank.MODERATOR:
            hub.moderation.place(room, other, Rank.MEMBER)
        hub.moderation.keep(room)
        _tell(hub, room, act, MUTE)
    hub.answer(session, events.Done(ref=request.ref, act=act.number))


def undo(hub: Hub, session: Session, request: requests.Undo, now: Now) -> None:
    act = hub.moderation.acts.get(request.act)
    room = hub.directory.by_id(act.room) if act is not None else None
    rank = rank_of(session.identity, room)
    if act is None or rank < (Rank.MODERATOR if room is not None else Rank.OPERATOR):
        raise BadRequest("There is no such act of yours.", field="act")
    if rank < act.rank:
        raise Forbidden(f"{act.by} has more rights here than you.")
    end(hub, act, session.identity.name, now)
    hub.answer(session, events.Done(ref=request.ref, act=act.number))


def end(hub: Hub, act: Act, by: str, now: Now) -> None:
    """A ban or a mute holds no longer; those who are in its room are told. Raises BadRequest."""
    if not act.holds(now.wall):
        what = "It is over" if act.what in LASTING else "Only bans and mutes can be undone"
        raise BadRequest(f"{what}.", field="act")
    hub.moderation.acts.undo(act, by)
    room = hub.directory.by_id(act.room)
    if room is not None and act.kind != ADDRESS:
        _tell(hub, room, act, f"un{act.what}", by=by)


def acts(hub: Hub, session: Session, request: requests.Acts, now: Now) -> None:
    room, rank = _place(hub, session, request.room)
    number = room.id if room is not None else SERVER
    found = hub.moderation.acts.page(number, request.after, PAGE_ROWS + 1)
    rows = [_row(act, room, rank, now) for act in found[:PAGE_ROWS]]
    complete = len(rows) == len(found)
    hub.answer(session, events.ActPage(ref=request.ref, acts=rows, complete=complete))


def _row(act: Act, room: Room | None, rank: Rank, now: Now) -> events.ActInfo:
    """An act as those may see it who may act there: addresses are for operators only."""
    hidden = act.kind == ADDRESS and rank < Rank.OPERATOR
    return events.ActInfo(
        act=act.number,
        what=act.what,
        by=act.by,
        at=act.at,
        kind=act.kind,
        whom="" if hidden else act.named,
        detail=act.detail,
        reason=act.reason,
        until=act.until,
        room=room.name if room is not None else None,
        active=act.holds(now.wall),
        undone_by=act.undone_by,
    )


def _tell(hub: Hub, room: Room, act: Act, what: str, by: str | None = None) -> None:
    """Those who are in the room are told of it; not in a crowd."""
    if room.count > events.LISTED_MEMBERS:
        return
    event = events.ActTold(
        room=room.name,
        what=what,
        user=act.named,
        by=by or act.by,
        reason="" if by else act.reason,
        until=None if by else act.until,
    )
    hub.outgoing.notices.append((room, event))
