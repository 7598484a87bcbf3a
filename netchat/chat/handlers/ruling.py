"""What holds in a room: its rights, who is what in it, who is invited."""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING

from netchat.chat import events, requests
from netchat.chat.acts import INVITE, ROLE, ROOM, SET, USER, Act
from netchat.chat.names import check_line, page_key
from netchat.chat.now import Now
from netchat.chat.rights import MAX_MEMBERS, MAX_MODERATORS, Rank, Rights, rank_of
from netchat.chat.rooms import Room
from netchat.chat.session import Session
from netchat.chat.settings import PAGE_ROWS
from netchat.chat.users import Identity
from netchat.errors import BadRequest, Forbidden

if TYPE_CHECKING:
    from netchat.chat.hub import Hub


def room_to_rule(hub: Hub, session: Session, name: str, least: Rank) -> tuple[Room, Rank]:
    """A room in which a session's user is this at least, and what it is.

    Raises NoSuchRoom, Forbidden.
    """
    room = hub.room_of(session, name)
    if room.talk:
        raise Forbidden("A private talk is its two parties'.")
    rank = rank_of(session.identity, room)
    if rank < least:
        who = "moderators" if least == Rank.MODERATOR else "owner"
        raise Forbidden(f"Only this room's {who} may do this.")
    return room, rank


def note(
    session: Session,
    room: Room | None,
    rank: Rank,
    now: Now,
    what: str,
    kind: str,
    target: int | str,
    named: str,
    *,
    reason: str = "",
    detail: str = "",
    seconds: int | None = None,
) -> Act:
    """An act of a session's user, not yet on record."""
    identity = session.identity
    return Act(
        what=what,
        room=room.id if room is not None else 0,
        kind=kind,
        target=target,
        named=named,
        by=identity.name,
        actor=identity.id,
        rank=rank,
        at=now.wall,
        reason=reason,
        detail=detail,
        until=now.wall + seconds * 1_000 if seconds is not None else None,
    )


def check_above(rank: Rank, other: Identity, room: Room | None) -> None:
    """One acts on those below oneself only. Raises Forbidden."""
    if rank_of(other, room) >= rank:
        raise Forbidden(f"{other.name} has as many rights here as you.")


# -- rights --------------------------------------------------------------------------------


def rights(hub: Hub, session: Session, request: requests.Rights, now: Now) -> None:
    room = hub.room_of(session, request.room)
    if room.talk:
        raise Forbidden("A private talk is its two parties'.")
    if not session.has_joined(room):
        hub.moderation.check_entry(session.identity, session.address, room, now.wall)
    event = rights_event(hub, room, session.identity)
    event.ref = request.ref
    if rank_of(session.identity, room) >= Rank.MEMBER:
        after = "" if request.after is None else page_key(request.after, room=False)
        members = _identities(hub, room.rights.members if room.rights else ())
        behind = [identity for identity in members if identity.key > after]
        page = nsmallest(PAGE_ROWS, behind, key=lambda identity: identity.key)
        event.members = [identity.name for identity in page]
        event.complete = len(page) == len(behind)
    hub.answer(session, event)


def rights_event(hub: Hub, room: Room, identity: Identity | None) -> events.Rights:
    """What holds in a room; with what `identity` is there."""
    held = room.rights or Rights()
    owner = hub.people.identities.get(held.owner) if held.owner is not None else None
    return events.Rights(
        room=room.name,
        owner=owner.name if owner is not None else None,
        moderators=sorted(identity.name for identity in _identities(hub, held.moderators)),
        private=held.private,
        slow=held.slow,
        topic=room.topic,
        role=rank_of(identity, room).role if identity is not None else None,
    )


def _identities(hub: Hub, numbers: set[int] | tuple[()]) -> list[Identity]:
    people = hub.people.identities
    return [people[number] for number in numbers if number in people]


def tell_rights(hub: Hub, room: Room) -> None:
    """What holds has changed: those who are there are told; not in a crowd."""
    if room.count <= events.LISTED_MEMBERS:
        hub.outgoing.notices.append((room, rights_event(hub, room, None)))


# -- changing them -------------------------------------------------------------------------


def set_room(hub: Hub, session: Session, request: requests.Set, now: Now) -> None:
    least = Rank.MODERATOR if request.private is None else Rank.OWNER
    room, rank = room_to_rule(hub, session, request.room, least)
    check_line(request.topic or "", "topic")
    changes = _changes(request)
    if not changes:
        raise BadRequest("Say what to set: private, slow or topic.", field="private")
    if request.private and len(room.members) > MAX_MEMBERS:
        crowd = f"A private room has {MAX_MEMBERS:,} members at most, and more are here."
        raise BadRequest(crowd, field="private")
    detail = ", ".join(changes)
    act = note(session, room, rank, now, SET, ROOM, room.id, room.name, detail=detail)
    hub.moderation.acts.add(act)
    if request.slow is not None:
        hub.moderation.rights(room).slow = request.slow
        hub.moderation.rights(room).paced.clear()
        hub.moderation.keep(room)
    if request.topic is not None:
        hub.moderation.set_topic(room, request.topic)
    if request.private is not None:
        hub.moderation.set_private(room, request.private)
    hub.answer(session, events.Done(ref=request.ref, act=act.number))
    tell_rights(hub, room)


def _changes(request: requests.Set) -> list[str]:
    """What is to be changed, in words."""
    changes = []
    if request.private is not None:
        changes.append("private" if request.private else "public")
    if request.slow is not None:
        changes.append(f"slow {request.slow}")
    if request.topic is not None:
        changes.append(f"topic {request.topic}")
    return changes


def set_role(hub: Hub, session: Session, request: requests.SetRole, now: Now) -> None:
    new = Rank[request.role.upper()]
    room, rank = room_to_rule(hub, session, request.room, Rank.MODERATOR)
    other = hub.known(request.user)
    old = hub.moderation.rights(room).rank(other.id)
    if rank < Rank.OPERATOR:
        _check_role(rank, old, new, own=other is session.identity)
    _check_place(hub, room, other, new)
    act = note(session, room, rank, now, ROLE, USER, other.id, other.name, detail=request.role)
    hub.moderation.acts.add(act)
    hub.moderation.place(room, other, new)
    if other.user is not None:
        name = session.identity.name
        hub.moderation.enforce(room, [other.user], name, "You are no longer a member.", now.wall)
    hub.answer(session, events.Done(ref=request.ref, act=act.number))
    tell_rights(hub, room)


def _check_role(rank: Rank, old: Rank, new: Rank, *, own: bool) -> None:
    """May one who is `rank` make an `old` a `new`, or oneself (`own`)? Raises Forbidden."""
    if old == Rank.OWNER:
        raise Forbidden("An owner goes by making somebody else the owner.")
    handed_over = new == rank == Rank.OWNER
    if (new >= old) if own else (old >= rank or (new >= rank and not handed_over)):
        raise Forbidden("Only this room's owner may do this.")


def _check_place(hub: Hub, room: Room, other: Identity, new: Rank) -> None:
    """Raises BadRequest where somebody cannot be this, Forbidden where there are too many."""
    held = hub.moderation.rights(room)
    if new > Rank.MEMBER and other.account is None:
        raise BadRequest(f"{other.name} has no account, and would be forgotten.", field="user")
    if new == Rank.MODERATOR and len(held.moderators) >= MAX_MODERATORS:
        raise Forbidden(f"A room has {MAX_MODERATORS} moderators at most.")
    if new == Rank.MEMBER and len(held.members) >= MAX_MEMBERS:
        raise Forbidden(f"A room has {MAX_MEMBERS:,} members at most.")


def invite(hub: Hub, session: Session, request: requests.Invite, now: Now) -> None:
    room, rank = room_to_rule(hub, session, request.room, Rank.MODERATOR)
    other = hub.known(request.user)
    if rank_of(other, room) < Rank.MEMBER:
        _check_place(hub, room, other, Rank.MEMBER)
        if (ban := hub.moderation.ban_of(other, room, now.wall)) is not None:
            raise Forbidden(f"{other.name} is banned here; undo no. {ban.number} first.")
    act = note(session, room, rank, now, INVITE, USER, other.id, other.name)
    hub.moderation.acts.add(act)
    hub.moderation.invite(room, other, session.identity.name)
    hub.answer(session, events.Done(ref=request.ref, act=act.number))
