"""Planted bugs: what the simulator must find, each put in by patching.

They are mistakes that servers of this kind have been known for. `CAUGHT_BY` names a seed that
found each; a bug that its seed misses, because the server has changed, is looked for from seed
0 on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import apsw
import pytest

from netchat.chat.attendance import Attendance
from netchat.chat.events import Accepted
from netchat.chat.handlers import joining
from netchat.chat.hub import Hub
from netchat.chat.limits import Census
from netchat.chat.log import TokenRow
from netchat.chat.outgoing import Outgoing
from netchat.chat.posting import Posting
from netchat.chat.rooms import Room
from netchat.errors import Replaced
from netchat.net.listener import Listener
from netchat.net.reactor import WRITE
from netchat.net.transport import Transport
from netchat.sessions.delivery import Delivery
from netchat.sessions.door import DoorSession
from netchat.sessions.heartbeat import Heartbeat
from netchat.sessions.tail import Tails
from netchat.shutdown import Drain
from netchat.storage import memory, sqlite, tables
from netchat.storage.memory import MemoryLog
from netchat.storage.place import Head

from .disk import ModelLog

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]

BUGS: dict[str, Plant] = {}


def bug(plant: Plant) -> Plant:
    """Put a bug on the list, under its name."""
    BUGS[plant.__name__] = plant
    return plant


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The server has this bug for a while."""
    with Patch.context() as patch:
        BUGS[name](patch)
        yield


def around(patch: Patch, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Replace a method by `wrapper`, which is given the method and its arguments."""
    inner = getattr(owner, name)
    patch.setattr(owner, name, lambda *args, **named: wrapper(inner, *args, **named))


def nothing(inner: Any, *args: Any, **named: Any) -> None:
    """Do not do it."""


# -- bytes on their way out ----------------------------------------------------------------------


@bug
def the_tail_is_lost_after_a_partial_send(patch: Patch) -> None:
    def send(inner: Any, transport: Any, queue: Any) -> int:
        inner(transport, queue)
        return transport.pending

    around(patch, Transport, "_send", send)


@bug
def a_partial_send_begins_again(patch: Patch) -> None:
    def advance(inner: Any, transport: Any, queue: Any, sent: int) -> int:
        done: int = inner(transport, queue, sent)
        transport.pending += transport._offset
        transport._offset = 0
        return done

    around(patch, Transport, "_advance", advance)


@bug
def write_interest_is_not_armed_again(patch: Patch) -> None:
    def watch(inner: Any, transport: Any, events: int, pollable: Any = None) -> None:
        inner(transport, events & ~WRITE, pollable)

    around(patch, Transport, "_watch", watch)


@bug
def unsent_bytes_are_dropped_on_pause(patch: Patch) -> None:
    def pause(inner: Any, session: Any) -> None:
        inner(session)
        session.transport._drop_queue()

    around(patch, DoorSession, "pause_writing", pause)


@bug
def nobody_ever_pauses(patch: Patch) -> None:
    around(patch, DoorSession, "pause_writing", nothing)


@bug
def whoever_drains_is_not_fed(patch: Patch) -> None:
    around(patch, DoorSession, "feed", nothing)


# -- cursors -------------------------------------------------------------------------------------


@bug
def a_joiner_is_live_without_its_backlog(patch: Patch) -> None:
    def attach(inner: Any, room: Any, session: Any, next_seq: int) -> Any:
        return inner(room, session, max(next_seq, room.published + 1))

    around(patch, Room, "attach", attach)


@bug
def a_joiner_is_told_a_head_that_is_not_published(patch: Patch) -> None:
    patch.setattr(Room, "head", property(lambda room: room.committed))


@bug
def a_live_message_is_repeated_after_lagging(patch: Patch) -> None:
    def move(inner: Any, room: Any, cursor: Any, next_seq: int) -> None:
        inner(room, cursor, max(1, next_seq - cursor.live))

    around(patch, Room, "move_to_lagging", move)


@bug
def a_live_message_is_skipped_after_lagging(patch: Patch) -> None:
    def move(inner: Any, room: Any, cursor: Any, next_seq: int) -> None:
        inner(room, cursor, next_seq + cursor.live)

    around(patch, Room, "move_to_lagging", move)


@bug
def a_page_begins_one_too_late(patch: Patch) -> None:
    def after(inner: Any, log: Any, room: int, seq: int, limit: int) -> Any:
        return inner(log, room, seq + (seq > 0), limit)

    around(patch, MemoryLog, "after", after)


@bug
def a_page_is_handed_on_one_too_far(patch: Patch) -> None:
    def hand(inner: Any, delivery: Any, cursor: Any, session: Any, blob: Any, seq: int) -> None:
        inner(delivery, cursor, session, blob, seq + 1)

    around(patch, Delivery, "_hand", hand)


@bug
def the_tail_is_off_by_one(patch: Patch) -> None:
    def read(inner: Any, tails: Any, *args: Any) -> Any:
        found = inner(tails, *args)
        return found and (found[0], found[1] - 1)

    around(patch, Tails, "read", read)


@bug
def a_gap_is_not_told(patch: Patch) -> None:
    def skip(inner: Any, delivery: Any, cursor: Any, session: Any, first: int) -> None:
        cursor.next = first

    around(patch, Delivery, "_skip_trimmed", skip)


@bug
def a_gap_reaches_as_far_as_retention_by_now(patch: Patch) -> None:
    def skip(inner: Any, delivery: Any, cursor: Any, session: Any, first: int) -> None:
        inner(delivery, cursor, session, max(first, cursor.room.first))

    around(patch, Delivery, "_skip_trimmed", skip)


@bug
def retention_overtakes_what_is_published(patch: Patch) -> None:
    def on_firsts(inner: Any, hub: Any, firsts: dict[int, int]) -> None:
        for number, first in firsts.items():
            hub.directory.by_id(number).first = first

    around(patch, Hub, "_on_firsts", on_firsts)


@bug
def another_epoch_is_taken_for_this_one(patch: Patch) -> None:
    def first(inner: Any, hub: Any, session: Any, room: Any, request: Any) -> int:
        request.epoch = None
        start: int = inner(hub, session, room, request)
        return start

    around(patch, joining, "_first_to_send", first)


@bug
def whoever_has_left_is_still_fed(patch: Patch) -> None:
    around(patch, Room, "detach", nothing)


# -- posts ---------------------------------------------------------------------------------------


@bug
def accepted_comes_before_the_commit(patch: Patch) -> None:
    def submit(inner: Any, hub: Any, session: Any, room: Any, request: Any) -> None:
        inner(hub, session, room, request)
        ahead = sum(1 for pending in hub.posting._waiting if pending.room is room)
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
    def load(inner: Any, log: Any) -> Any:
        log._held.clear()
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
def a_farewell_is_not_the_last_word(patch: Patch) -> None:
    def reply(inner: Any, outgoing: Any, session: Any, event: Any) -> None:
        closing, session.closing = session.closing, False
        inner(outgoing, session, event)
        session.closing = closing

    around(patch, Outgoing, "reply", reply)


@bug
def half_close_loses_replies(patch: Patch) -> None:
    patch.setattr(DoorSession, "is_finished", lambda session: True)


@bug
def a_stop_forgets_what_waits_for_the_log(patch: Patch) -> None:
    patch.setattr(Drain, "_is_all_told", lambda drain: True)


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
        cursor.seen = cursor.room.presences.version
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


CAUGHT_BY: dict[str, int] = {}
