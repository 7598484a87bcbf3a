"""Planted bugs in what becomes of posts, requests and people."""

from __future__ import annotations

from typing import Any

import apsw

from netchat.chat.attendance import Attendance
from netchat.chat.events import Accepted
from netchat.chat.hub import Hub
from netchat.chat.limits import Census
from netchat.chat.log import TokenRow
from netchat.chat.posting import Posting
from netchat.chat.rooms import Room
from netchat.errors import Replaced
from netchat.net.listener import Listener
from netchat.sessions.delivery import Delivery
from netchat.sessions.door import DoorSession
from netchat.sessions.heartbeat import Heartbeat
from netchat.shutdown import Drain
from netchat.storage import memory, sqlite, tables
from netchat.storage.place import Head

from .disk import ModelLog
from .planting import Patch, around, bug, nothing

# -- posts ---------------------------------------------------------------------------------------


@bug
def accepted_comes_before_the_commit(patch: Patch) -> None:
    def submit(inner: Any, hub: Any, session: Any, room: Any, request: Any) -> None:
        inner(hub, session, room, request)
        ahead = sum(1 for pending in hub.posting._waiting if pending.goes_to is room)
        pending = session.unanswered.pop()
        seq = room.committed + ahead
        pending.event = Accepted(
            ref=pending.ref, id=request.id, room=room.name, seq=seq, time=room.active
        )
        hub.answer(session, pending.event)
        session.unanswered_bytes -= pending.size

    def on_result(inner: Any, hub: Any, pending: Any, result: Any) -> None:
        pending.session.unanswered_bytes += pending.size
        inner(hub, pending, result)

    around(patch, Hub, "submit", submit)
    around(patch, Hub, "_on_result", on_result)


@bug
def ids_are_forgotten_at_a_restart(patch: Patch) -> None:
    class Forgetful(dict[Any, Any]):
        def __init__(self, old: dict[Any, Any]) -> None:
            super().__init__(old)
            self.old = set(old)

        def __contains__(self, key: Any) -> bool:
            return key not in self.old and super().__contains__(key)

        def __setitem__(self, key: Any, row: Any) -> None:
            self.old.discard(key)
            super().__setitem__(key, row)

    def load(inner: Any, log: Any) -> Any:
        log._held = Forgetful(log._held)
        return inner(log)

    around(patch, ModelLog, "load", load)


@bug
def repeats_are_not_looked_for(patch: Patch) -> None:
    def place(inner: Any, batch: Any, held: Any, heads: Any, now: int) -> Any:
        return inner(batch, {}, heads, now)

    around(patch, memory, "place", place)


@bug
def times_follow_the_wall_clock_back(patch: Patch) -> None:
    def place(inner: Any, batch: Any, held: Any, heads: Any, now: int) -> Any:
        return inner(batch, held, {room: Head(head.seq) for room, head in heads.items()}, now)

    around(patch, memory, "place", place)


@bug
def results_are_given_to_the_wrong_posts(patch: Patch) -> None:
    def done(inner: Any, posting: Any, posts: Any, rows: Any, outcome: Any) -> None:
        if not isinstance(outcome, BaseException):
            outcome.results.reverse()
        inner(posting, posts, rows, outcome)

    around(patch, Posting, "_done", done)


@bug
def a_store_that_failed_is_never_tried_again(patch: Patch) -> None:
    around(patch, Posting, "_probe", nothing)


@bug
def tokens_are_not_persisted(patch: Patch) -> None:
    def save(inner: Any, posting: Any, row: Any) -> None:
        if not isinstance(row, TokenRow):
            inner(posting, row)

    around(patch, Posting, "save", save)


# -- replies -------------------------------------------------------------------------------------


@bug
def a_reply_overtakes_earlier_ones(patch: Patch) -> None:
    patch.setattr(Hub, "answer", lambda hub, session, event: hub.outgoing.reply(session, event))


@bug
def everything_is_served_at_once(patch: Patch) -> None:
    patch.setattr(Hub, "may_serve", lambda hub, session, request: True)


@bug
def leave_does_not_wait_for_ones_messages(patch: Patch) -> None:
    def may_serve(inner: Any, hub: Any, session: Any, request: Any) -> Any:
        unpublished, session.unpublished = session.unpublished, 0
        may = inner(hub, session, request)
        session.unpublished = unpublished
        return may

    around(patch, Hub, "may_serve", may_serve)


@bug
def a_refusal_is_told_twice(patch: Patch) -> None:
    def refuse(inner: Any, hub: Any, session: Any, exc: Any, **named: Any) -> None:
        inner(hub, session, exc, **named)
        if exc.code == "not_in_room":
            inner(hub, session, exc, **named)

    around(patch, Hub, "refuse", refuse)


@bug
def half_close_loses_replies(patch: Patch) -> None:
    patch.setattr(DoorSession, "is_finished", lambda session: True)


@bug
def a_stop_forgets_what_waits_for_the_log(patch: Patch) -> None:
    patch.setattr(Drain, "_is_all_published", lambda drain: True)


# -- people --------------------------------------------------------------------------------------


@bug
def a_ghost_is_not_told_that_it_is_replaced(patch: Patch) -> None:
    def expel(inner: Any, hub: Any, session: Any, exc: Any) -> None:
        if not isinstance(exc, Replaced):
            inner(hub, session, exc)

    around(patch, Hub, "expel", expel)


@bug
def a_hold_never_ends(patch: Patch) -> None:
    around(patch, Attendance, "_hold_ended", nothing)


@bug
def presence_is_not_sent_after_catching_up(patch: Patch) -> None:
    def caught_up(inner: Any, delivery: Any, cursor: Any, session: Any) -> None:
        cursor.seen = cursor.room.changes.version
        inner(delivery, cursor, session)

    around(patch, Delivery, "_caught_up", caught_up)


@bug
def a_state_seen_in_between_is_never_corrected(patch: Patch) -> None:
    around(patch, Room, "shown", nothing)


@bug
def silence_is_never_asked_about(patch: Patch) -> None:
    around(patch, Heartbeat, "_look", nothing)


@bug
def connections_are_counted_up_only(patch: Patch) -> None:
    around(patch, Census, "leave", nothing)


@bug
def a_full_table_of_descriptors_ends_accepting(patch: Patch) -> None:
    around(patch, Listener, "_resume", nothing)


@bug
def a_commit_does_not_sync(patch: Patch) -> None:
    patch.setattr(sqlite, "_SYNCHRONOUS", {"fsync": "OFF", "wal": "OFF"})


@bug
def a_batch_is_committed_in_two_halves(patch: Patch) -> None:
    def save(inner: Any, db: Any, placed: Any) -> None:
        inner(db, placed)
        db.execute("COMMIT")
        db.execute("BEGIN IMMEDIATE")
        if len(placed.rows) > 1:
            raise apsw.IOError("The disk failed behind the commit.")

    around(patch, tables, "save_placed", save)
