"""Hub: the chat's one door. A session's Request comes in, state changes, Events go to Outgoing.

Rules of this file.
1. Replies leave in the order of their requests. Posts in a row travel to the log together;
   any other request is served only once everything before it has been answered and its own
   posts have been handed out (`may_serve`). A refusal behind posts waits in their queue.
2. The log assigns seq and time. The hub keeps who waits for which result; when a session has
   vanished its reply is dropped, its message is not.
3. Nothing here sends: `outgoing` says what is to be told, delivery makes bytes of it.
"""

from __future__ import annotations

from collections.abc import Callable

from netchat.chat import requests
from netchat.chat.accounts import Accounts
from netchat.chat.attendance import Attendance
from netchat.chat.bots import Bots
from netchat.chat.directory import Directory, put_on_record
from netchat.chat.events import Bye as ByeEvent
from netchat.chat.events import Error, Event, Message
from netchat.chat.handlers import BEFORE_WELCOME, HANDLERS
from netchat.chat.log import Reader, Result, State, Store, Stored, Worker
from netchat.chat.moderation import Moderation
from netchat.chat.names import prepare_name, utf8_size
from netchat.chat.now import Later, Now
from netchat.chat.outgoing import Outgoing
from netchat.chat.passwords import Hashing, Pool
from netchat.chat.people import People
from netchat.chat.posting import POST_OVERHEAD, Pending, Posting, Refused, reply_of
from netchat.chat.presence import Presence
from netchat.chat.refusals import Refusals
from netchat.chat.requests import Post
from netchat.chat.rooms import Room
from netchat.chat.session import Session
from netchat.chat.settings import (
    MAX_HELD_REQUESTS,
    MAX_HELD_REQUESTS_BYTES,
    MAX_REFUSED_HELLOS,
    ChatSettings,
)
from netchat.chat.trimming import Trimming
from netchat.chat.users import Identity
from netchat.errors import (
    FatalError,
    NameInvalid,
    NoSuchRoom,
    NoSuchUser,
    NotInRoom,
    NotWelcome,
    RefusedError,
    Replaced,
)

LEAVING = frozenset({requests.Leave, requests.Bye})
"""The requests behind which nothing of a room comes any more."""


class Hub:
    """All of the chat's state.

    `later` arranges timers, `new_secret` gives unguessable strings, `writing` and `reading`
    are the workers behind which the store and its reader stand.
    """

    def __init__(
        self,
        *,
        settings: ChatSettings,
        state: State,
        store: Store,
        writing: Worker,
        reader: Reader,
        reading: Worker,
        later: Later,
        new_secret: Callable[[], str],
        open_hashing: Callable[[], Pool],
    ) -> None:
        self.settings = settings
        self.limits = settings.limits()
        self.epoch = state.epoch
        self.reader = reader
        self.reading = reading
        self.later = later
        self.outgoing = Outgoing()
        self.posting = Posting(store, writing, later, self._on_result, self._on_firsts)
        self.trimming = Trimming(store, writing, later, self._on_firsts)
        self.presence = Presence(self.outgoing, later)
        self.people = People(state, self.posting.save, new_secret, settings.reserved)
        self.accounts = Accounts(state, self.people, self.posting.save, settings, self.kick)
        self.bots = Bots(
            state, self.people, self.accounts, self.posting.save, new_secret, self.kick
        )
        self.hashing = Hashing(open_hashing)
        self.directory = Directory(
            state, self.people.identities, settings.topics, new_secret, settings.rooms_in_all
        )
        self.attendance = Attendance(
            self.people, self.directory, self.presence, later, settings.hold
        )
        self.moderation = Moderation(
            state,
            self.people,
            self.directory,
            self.attendance,
            self.outgoing,
            self.posting.save,
            self.kick,
        )
        self.refusals = Refusals(later)
        self.accepted = 0
        """Posts committed since the start; duplicates are not counted."""

    # -- requests --------------------------------------------------------------------------

    def may_serve(self, session: Session, request: object) -> bool:
        """Whether this may be served yet: a request, or what will be refused as none.

        Where not, the session is woken when it is worth another try.
        """
        if session.busy:
            return False
        if type(request) is Post:
            return (
                len(session.unanswered) < MAX_HELD_REQUESTS
                and session.unanswered_bytes < MAX_HELD_REQUESTS_BYTES
                and not self.posting.is_full(session)
            )
        if session.unanswered or session.unpublished:
            return False
        if type(request) in LEAVING:
            return not any(c.owed >= c.next for c in session.cursors if not c.live)
        return True

    def handle(self, session: Session, request: requests.Request, now: Now) -> None:
        """Serve one request. Its reply goes to Outgoing, now or once the log has answered."""
        try:
            if session.user is None and type(request) not in BEFORE_WELCOME:
                raise NotWelcome
            HANDLERS[type(request)](self, session, request, now)
        except RefusedError as exc:
            self.refuse_request(session, request, exc)

    def refuse_request(
        self, session: Session, request: requests.Request, exc: RefusedError
    ) -> None:
        """Answer a request with an error, under its own ref and id."""
        id = request.id if type(request) is Post else None
        hello = type(request) is requests.Hello
        self.refuse(session, exc, ref=request.ref, id=id, hello=hello)

    def refuse(
        self,
        session: Session,
        exc: RefusedError,
        *,
        ref: str | None = None,
        id: str | None = None,
        hello: bool = False,
    ) -> None:
        """Answer a request with an error; after a fatal one the session closes."""
        if hello and session.user is None:
            session.refusals += 1
        last_try = hello and session.refusals >= MAX_REFUSED_HELLOS
        self.refusals.add(exc.code)
        self.answer(session, Error.of(exc, ref=ref, id=id, fatal=last_try))
        if last_try or exc.fatal:
            self.close(session)

    def answer(self, session: Session, event: Event) -> None:
        """Give a reply, behind those that are still due."""
        if session.unanswered:
            session.unanswered.append(Refused(event))
        else:
            self.outgoing.reply(session, event)

    def close(self, session: Session) -> None:
        """Serve nothing more of this session; it closes once its replies are flushed."""
        session.closing = True
        self.outgoing.closes[session] = None

    def expel(self, session: Session, exc: FatalError) -> None:
        """Tell a session why it ends, whatever it was waiting for."""
        self.refusals.add(exc.code)
        self.outgoing.reply(session, Error.of(exc))
        self.close(session)

    def say_bye(self, session: Session, reason: str, retry_after: float | None = None) -> None:
        """The server's own goodbye: the session closes, its name is held as after a drop."""
        self.outgoing.reply(session, ByeEvent(reason=reason, retry_after=retry_after))
        self.close(session)

    # -- rooms a session may speak of --------------------------------------------------------

    def room_of(self, session: Session, name: str) -> Room:
        """A room that exists, as far as this session may know. Raises NoSuchRoom."""
        room = self.directory.find(name)
        if room is None or (room.talk and session.identity not in room.talk):
            raise NoSuchRoom
        return room

    def joined_room(self, session: Session, name: str) -> Room:
        """A room that this session has joined. Raises NoSuchRoom, NotInRoom."""
        room = self.room_of(session, name)
        if not session.has_joined(room):
            raise NotInRoom
        return room

    def open_room(self, session: Session, name: str) -> Room:
        """A joined room, or one's own private talk, which is open without `join`."""
        room = self.directory.find(name)  # not by way of `room_of`: every post comes here
        if room is None or (room.talk and session.identity not in room.talk):
            raise NoSuchRoom
        if room.talk is None:
            cursor = room.cursors.get(session)
            if (cursor is None or not cursor.joined) and not session.has_joined(room):
                raise NotInRoom
        return room

    def holder(self, name: str) -> Identity:
        """Who holds this name now. Raises NoSuchUser."""
        try:
            identity = self.people.names.get(prepare_name(name)[0])
        except NameInvalid:
            identity = None
        if identity is None:
            raise NoSuchUser
        return identity

    def known(self, name: str) -> Identity:
        """Who holds this name, or whose account it is. Raises NoSuchUser."""
        try:
            return self.holder(name)
        except NoSuchUser:
            return self.accounts.find(name)

    # -- posts -------------------------------------------------------------------------------

    def submit(self, session: Session, room: Room, request: Post) -> None:
        """Send a post on its way into the log. Raises StoreFull, StoreFailed."""
        assert session.user is not None
        identity, id, text = session.user.identity, request.id, request.text
        to = room.other(identity).name if room.talk else None
        size = POST_OVERHEAD + utf8_size(id) + utf8_size(text)
        pending = Pending(
            room.id, identity.id, id, identity.name, to, text, session, room, request.ref, size
        )
        self.posting.add(pending)
        if not room.stored:
            put_on_record(room, self.posting.save)
        if isinstance(session.unanswered, tuple):
            session.unanswered = []
        session.unanswered.append(pending)
        session.unanswered_bytes += size

    def _on_result(self, pending: Pending, result: Result) -> None:
        """The log has answered a post: its reply is due, and its message if it is new."""
        session = pending.session
        session.unanswered_bytes -= pending.size
        if type(result) is Stored:
            self._commit(pending, result.seq, result.time)
        pending.event = reply_of(pending, result)
        unanswered = session.unanswered
        while unanswered and (event := unanswered[0].event) is not None:
            del unanswered[0]
            self.outgoing.reply(session, event)
        session.wake()

    def _commit(self, post: Pending, seq: int, time: int) -> None:
        room, session = post.goes_to, post.session
        self.accepted += 1
        room.committed = seq
        room.active = time
        room.fresh.append(Message(room.name, seq, time, post.sender, post.text, post.id, post.to))
        room.fresh_bytes += post.size
        room.authors.append(session)
        session.unpublished += 1
        self.outgoing.dirty[room] = None
        if room.talk:
            self._open_talk(room, seq)
        cursor = room.cursors.get(session)
        if cursor is not None and not session.ended:
            cursor.owed = seq

    def _open_talk(self, room: Room, seq: int) -> None:
        """A talk's messages reach both parties without `join`, wherever they are connected."""
        assert room.talk is not None
        for identity in room.talk:
            other = room.other(identity)
            identity.talked(other, room)
            if identity.user is not None:
                for session in identity.user.sessions:
                    if session not in room.cursors and not session.ended:
                        room.attach(session, seq)

    def _on_firsts(self, firsts: dict[int, int]) -> None:
        for number, first in firsts.items():
            if (room := self.directory.by_id(number)) is not None:
                room.oldest = first

    # -- coming and going --------------------------------------------------------------------

    def welcome(self, session: Session, identity: Identity, now: Now) -> None:
        """Seat a session that has logged in, by its token. An earlier connection of the same
        device is replaced; a guest has but one."""
        user = identity.user
        assert user is not None
        for ghost in user.sessions:
            if identity.account is None or ghost.token == session.token:
                self.expel(ghost, Replaced())
                self.disconnect(ghost, now)
        self.seat(session, identity)
        session.welcomed()

    def seat(self, session: Session, identity: Identity) -> None:
        """A session is one of an identity's from now on, who is here."""
        user = identity.user
        assert user is not None
        user.come(session)
        session.user = user
        for room in identity.talks():
            if room.fresh:  # committed before the `welcome`, which tells only what is published
                room.attach(session, room.published + 1)

    def disconnect(self, session: Session, now: Now) -> None:
        """A session is gone, however that came."""
        session.closing = True
        if session.user is not None:
            self.attendance.depart(session, now, bye=False)

    def kick(self, session: Session, exc: FatalError, now: Now) -> None:
        """Send somebody away: told why, and gone from its rooms at once; nothing is held."""
        self.expel(session, exc)
        if session.user is not None:
            self.attendance.depart(session, now, bye=True)

    def end_input(self, session: Session) -> None:
        """The peer sends no more: it gets what it is owed, and no new live messages."""
        session.ended = True
        for cursor in session.cursors:
            cursor.owed = 0
            if cursor.live or cursor.next > cursor.head:
                cursor.room.retire(cursor)
