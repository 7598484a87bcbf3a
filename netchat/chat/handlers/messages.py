"""Writing, and reading what was written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from netchat.chat import events, requests
from netchat.chat.damage import close_room
from netchat.chat.log import Entry, Page
from netchat.chat.names import check_text
from netchat.chat.now import Now
from netchat.chat.rooms import Room
from netchat.chat.session import Session
from netchat.errors import BadRequest, LogDamaged, RefusedError, StoreFailed

if TYPE_CHECKING:
    from netchat.chat.hub import Hub


def post(hub: Hub, session: Session, request: requests.Post, now: Now) -> None:
    check_text(request.text)
    if request.to is None and request.room is not None:
        room = hub.open_room(session, request.room)
    else:
        room = _talk(hub, session, request)
    try:
        if room.damaged:
            raise StoreFailed(room.damaged)
        if room.rights is not None or hub.moderation.server_mutes:
            hub.moderation.check_voice(session.identity, room, now.wall)
            hub.moderation.check_pace(session.identity, room, now)
        hub.submit(session, room, request)
    except RefusedError:
        if room.talk and not room.stored:  # it was to begin with this post
            hub.directory.forget(room)
        raise


def _talk(hub: Hub, session: Session, request: requests.Post) -> Room:
    if request.room is not None or request.to is None:
        raise BadRequest("Give either 'room' or 'to'.", field="room")
    other = hub.holder(request.to)
    if other is session.identity:
        raise BadRequest("You cannot write to yourself.", field="to")
    return hub.directory.talk(session.identity, other)


def history(hub: Hub, session: Session, request: requests.History, now: Now) -> None:
    if request.before is not None and request.after is not None:
        raise BadRequest("Give either 'before' or 'after', not both.", field="before")
    room = hub.open_room(session, request.room)
    if room.damaged:
        raise StoreFailed(room.damaged)
    session.busy = True
    if request.after is not None:
        call = partial(hub.reader.after, room.id, request.after, request.limit)
    else:
        before = room.head + 1 if request.before is None else min(request.before, room.head + 1)
        call = partial(hub.reader.before, room.id, before, request.limit)
    hub.reading.submit(call, partial(_history_read, hub, session, request, room))


def _history_read(
    hub: Hub,
    session: Session,
    request: requests.History,
    room: Room,
    outcome: Page | BaseException,
) -> None:
    session.busy = False
    if isinstance(outcome, LogDamaged):
        close_room(hub, room, outcome)
    if session.closing:
        return
    try:
        if isinstance(outcome, BaseException):
            raise outcome if isinstance(outcome, RefusedError) else StoreFailed()
        hub.open_room(session, request.room)  # it may have been put out meanwhile
        hub.answer(session, _history_page(request, room, outcome))
    except RefusedError as exc:
        hub.refuse_request(session, request, exc)
    session.wake()


def _history_page(request: requests.History, room: Room, page: Page) -> events.HistoryPage:
    entries = [entry for entry in page.entries if entry.seq <= room.head]
    beyond = len(entries) < len(page.entries)
    kind = events.HistoryBefore if request.after is None else events.HistoryPage
    return kind(
        ref=request.ref,
        room=room.name,
        messages=[as_message(room, entry) for entry in entries],
        complete=beyond or not page.more,
    )


def as_message(room: Room, entry: Entry) -> events.Message:
    """An entry of the log as the event that it was."""
    return events.Message(
        room=room.name,
        seq=entry.seq,
        time=entry.time,
        sender=entry.sender,
        text=entry.text,
        id=entry.id,
        to=entry.to,
    )
