"""Moderation: what rights and acts allow, and what becomes of those whom they no longer let in.

Rules of this file.
1. Checked is where something is asked: at login, join, post, typing, history, and each time that a
   token is used. Who is in a room already is looked at once, by the act that changes the answer: a
   ban or a lost membership ends the cursors in the same call, live, lagging and held alike, so
   that nothing later than the act is delivered.
2. The hot path pays a test of `Room.rights` and of `server_mutes`; a room in which somebody is
   banned or muted has rights, if only empty ones.
3. Bans and mutes hold for those below moderators. A moderator who is banned has lost that first.
4. A private room's name is no secret, as nobody else can have it: `join` says `forbidden`. What is
   in it, who is, and that it is there when rooms are listed, is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netchat.chat import events
from netchat.chat.accounts import Kick
from netchat.chat.acts import (
    ADDRESS,
    BAN,
    MUTE,
    NAME,
    SERVER,
    USER,
    Act,
    Acts,
    Target,
    in_words,
    sentence,
)
from netchat.chat.attendance import Attendance
from netchat.chat.directory import Directory, put_on_record
from netchat.chat.limits import address_class
from netchat.chat.log import RecordRow, RoomRow, State, TalkRow
from netchat.chat.now import Now
from netchat.chat.outgoing import Outgoing
from netchat.chat.people import People
from netchat.chat.rights import KIND, MAX_INVITED, Rank, Rights, rank_of, rights_of, rights_row
from netchat.chat.rooms import Room
from netchat.chat.session import Session
from netchat.chat.users import Identity, User
from netchat.errors import Forbidden, Kicked, RateLimited, RefusedError

Save = Callable[[RecordRow | RoomRow | TalkRow], None]


class Moderation:
    """Rights and acts together. `save` writes a row behind, `kick` sends a session away."""

    def __init__(
        self,
        state: State,
        people: People,
        directory: Directory,
        attendance: Attendance,
        outgoing: Outgoing,
        save: Save,
        kick: Kick,
    ) -> None:
        self._people = people
        self._directory = directory
        self._attendance = attendance
        self._outgoing = outgoing
        self._save = save
        self._kick = kick
        self.acts = Acts(state, save)
        self.server_mutes = self.acts.server_mutes
        self._private: dict[int, dict[str, Room]] = {}
        """The private rooms that each may enter, by key."""
        self._invited: dict[int, dict[Room, None]] = {}
        """The rooms that each has been invited to and not come to yet."""
        for row in state.records:
            room = directory.by_id(int(row.key)) if row.kind == KIND else None
            if room is not None and row.value is not None:
                self._load(room, rights_of(row.value))
        for number in self.acts.rooms:
            if (room := directory.by_id(number)) is not None:
                self.rights(room)

    def _load(self, room: Room, rights: Rights) -> None:
        room.rights = rights
        if rights.topic is not None:
            room.topic = rights.topic
        self._index(room, set())
        for identity in rights.invited:
            self._invited.setdefault(identity, {})[room] = None

    # -- rights ----------------------------------------------------------------------------

    def founded(self, room: Room, identity: Identity) -> None:
        """Somebody has made a room: it is its own if it has an account, and may last."""
        if identity.account is not None and not self._directory.is_house(room):
            room.rights = Rights(identity.id)

    def rights(self, room: Room) -> Rights:
        """A room's rights, made where it has none."""
        if room.rights is None:
            room.rights = Rights()
        return room.rights

    def keep(self, room: Room) -> None:
        """A room's rights have changed: put them on record, the room with them if need be."""
        if room.stored:
            self._save(rights_row(room.id, self.rights(room)))
        else:
            self.rights(room)
            put_on_record(room, self._save)

    def place(self, room: Room, identity: Identity, rank: Rank) -> None:
        """Somebody is this in a room from now on, and nothing else."""
        rights = self.rights(room)
        before = rights.insiders()
        rights.place(identity.id, rank)
        if rank < Rank.MEMBER:
            self._forget_invitation(room, identity)
        self._index(room, before)
        self.keep(room)

    def set_private(self, room: Room, private: bool) -> None:
        """Nobody but members may enter any more, or everybody; those who are in it are members."""
        rights = self.rights(room)
        before = rights.insiders()
        if private and not rights.private:
            here = {user.identity.id for user in room.members}
            rights.members |= here - before
        rights.private = private
        self._index(room, before)
        self.keep(room)

    def set_topic(self, room: Room, topic: str) -> None:
        """An empty one stands for that of the configuration."""
        self.rights(room).topic = topic or None
        room.topic = topic or self._directory.topic_of(room)
        self.keep(room)

    def _index(self, room: Room, before: set[int]) -> None:
        """Keep in step who may enter which private room."""
        rights = self.rights(room)
        self._directory.list_publicly(room, not rights.private)
        after = rights.insiders() if rights.private else set()
        for identity in before - after:
            rooms = self._private.get(identity, {})
            rooms.pop(room.key, None)
            if not rooms:
                self._private.pop(identity, None)
        for identity in after:
            self._private.setdefault(identity, {})[room.key] = room

    def listed(self, identity: Identity, after: str, limit: int) -> list[Room]:
        """The rooms that somebody may know of, by key: public ones, and private ones of its own."""
        rooms = self._directory.public(after, limit)
        own = self._private.get(identity.id)
        if own:
            rooms += [room for key, room in own.items() if key > after]
            rooms.sort(key=lambda room: room.key)
        return rooms[:limit]

    # -- invitations -----------------------------------------------------------------------

    def invite(self, room: Room, identity: Identity, by: str) -> None:
        """Somebody may enter, and is told: now, and at each login until it has come."""
        rights = self.rights(room)
        if rank_of(identity, room) < Rank.MEMBER:
            self.place(room, identity, Rank.MEMBER)
        waiting = self._invited.setdefault(identity.id, {})
        if room in waiting:
            return
        if len(waiting) >= MAX_INVITED:
            self._forget_invitation(next(iter(waiting)), identity)
        self._invited.setdefault(identity.id, {})[room] = None
        rights.invited[identity.id] = by
        self.keep(room)
        for session in identity.user.sessions if identity.user else ():
            self._outgoing.reply(session, events.Invited(room=room.name, by=by))

    def remind(self, session: Session) -> None:
        """Tell somebody who has logged in where it may come."""
        if not self._invited:
            return
        number = session.identity.id
        for room in self._invited.get(number, ()):
            assert room.rights is not None
            by = room.rights.invited[number]
            self._outgoing.reply(session, events.Invited(room=room.name, by=by))

    def arrived(self, room: Room, identity: Identity) -> None:
        """Somebody has come into a room with rights."""
        if self._forget_invitation(room, identity):
            self.keep(room)

    def _forget_invitation(self, room: Room, identity: Identity) -> bool:
        waiting = self._invited.get(identity.id)
        if waiting is None or room not in waiting:
            return False
        del waiting[room]
        if not waiting:
            del self._invited[identity.id]
        self.rights(room).invited.pop(identity.id, None)
        return True

    # -- what is allowed -------------------------------------------------------------------

    def check_address(self, address: str, wall: int) -> None:
        """May somebody connect from there? Raises Kicked."""
        if self.acts.server_bans:
            act = self.acts.find(SERVER, BAN, [(ADDRESS, address_class(address))], wall)
            if act is not None:
                raise Kicked(
                    sentence("Your address is banned from this server", act, wall), until=act.until
                )

    def check_name(self, key: str, wall: int) -> None:
        """May anybody be here under this name? Raises Forbidden."""
        if self.acts.server_bans:
            act = self.acts.find(SERVER, BAN, [(NAME, key)], wall)
            if act is not None:
                raise Forbidden(sentence("This name is banned", act, wall), until=act.until)

    def check_identity(self, identity: Identity, wall: int) -> None:
        """May somebody whom we know be here? Raises Kicked, Forbidden."""
        if not self.acts.server_bans or rank_of(identity) is Rank.OPERATOR:
            return
        act = self.acts.find(SERVER, BAN, [(USER, identity.id)], wall)
        if act is not None:
            what = sentence("You are banned from this server", act, wall)
            raise Kicked(what, until=act.until)
        self.check_name(identity.key, wall)

    def check_entry(self, identity: Identity, address: str, room: Room, wall: int) -> None:
        """May somebody be in this room? Raises Forbidden."""
        if room.rights is None:
            return
        rank = rank_of(identity, room)
        if rank >= Rank.MODERATOR:
            return
        act = self.acts.find(room.id, BAN, _targets(identity, address), wall)
        if act is not None:
            what = sentence("You are banned from this room", act, wall)
            raise Forbidden(what, until=act.until)
        if room.rights.private and rank < Rank.MEMBER:
            raise Forbidden("This room is private: one enters by invitation.")

    def check_voice(self, identity: Identity, room: Room, wall: int) -> None:
        """May somebody who is in a room be heard there? Raises Forbidden."""
        if self.server_mutes:
            self._check_mute(SERVER, "on this server", Rank.OPERATOR, identity, room, wall)
        if room.rights is not None and self.acts.mutes_in(room.id):
            self._check_mute(room.id, "here", Rank.MODERATOR, identity, room, wall)

    def _check_mute(
        self, place: int, where: str, least: Rank, identity: Identity, room: Room, wall: int
    ) -> None:
        act = self.acts.find(place, MUTE, [(USER, identity.id)], wall)
        if act is not None and rank_of(identity, room) < least:
            raise Forbidden(sentence(f"You are muted {where}", act, wall), until=act.until)

    def check_pace(self, identity: Identity, room: Room, now: Now) -> None:
        """May somebody write already, where the room is slowed down? Raises RateLimited."""
        rights = room.rights
        if rights is None or not rights.slow or rank_of(identity, room) >= Rank.MODERATOR:
            return
        if wait := rights.wait(identity.id, now.monotonic):
            pause = in_words(int(wait * 1_000))
            what = f"This room is slowed down; your next message may come in {pause}."
            raise RateLimited(what, field="room", retry_after=wait)
        rights.wrote(identity.id, now.monotonic)

    def ban_of(self, identity: Identity, room: Room, wall: int) -> Act | None:
        """The ban by which somebody is kept out of a room, wherever it is."""
        return self.acts.find(room.id, BAN, _targets(identity, ""), wall)

    # -- what becomes of it ----------------------------------------------------------------

    def put_out(self, room: Room, user: User, by: str, reason: str) -> None:
        """A user is out of a room, and told so."""
        told = [session for session in user.sessions if session.has_joined(room)]
        self._attendance.put_out(user, room)
        for session in told:
            self._outgoing.reply(session, events.Left(room=room.name, by=by, reason=reason))
            session.put_out()

    def enforce(self, room: Room, users: Iterable[User], by: str, reason: str, wall: int) -> None:
        """Put those out of a room who may no longer be there."""
        for user in list(users):
            if user in room.members and not self._may_stay(room, user, wall):
                self.put_out(room, user, by, reason)

    def _may_stay(self, room: Room, user: User, wall: int) -> bool:
        addresses = [session.address for session in user.sessions] or [""]
        try:
            for address in addresses:
                self.check_entry(user.identity, address, room, wall)
        except RefusedError:
            return False
        return True

    def send_away(self, user: User, exc: Kicked, now: Now) -> None:
        """A user is gone from the server; nothing is held for it."""
        for session in user.sessions:
            self._kick(session, exc, now)
        if user.identity.user is user:
            self._attendance.dismiss(user)

    def send_banned_away(self, act: Act, now: Now) -> int:
        """Those whom a ban from the server is for are gone; how many."""
        banned = [user for user in self._users_of(act) if user is not None]
        what = sentence("You are banned from this server", act, now.wall)
        for user in banned:
            self.send_away(user, Kicked(what, until=act.until), now)
        return len(banned)

    def _users_of(self, act: Act) -> list[User | None]:
        people = self._people
        if act.kind == USER:
            identity = people.identities.get(int(act.target))
            return [identity.user] if identity is not None else []
        everybody = list(people.names.values())
        if act.kind == NAME:
            return [one.user for one in everybody if one.key == act.target]
        return [one.user for one in everybody if _is_at(one.user, str(act.target))]


def _is_at(user: User | None, address: str) -> bool:
    sessions = user.sessions if user is not None else ()
    return any(address_class(session.address) == address for session in sessions)


def _targets(identity: Identity, address: str) -> list[Target]:
    """What a ban may call somebody by."""
    return [(USER, identity.id), (NAME, identity.key), (ADDRESS, address_class(address))]
