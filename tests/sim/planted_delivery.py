"""Planted bugs in how bytes and messages get to their readers."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from netchat.chat.handlers import joining
from netchat.chat.rooms import Room
from netchat.net.fanout import FanOut
from netchat.net.reactor import WRITE
from netchat.net.transport import Transport
from netchat.sessions.delivery import Delivery
from netchat.sessions.door import DoorSession
from netchat.sessions.tail import Tails
from netchat.storage.memory import MemoryLog

from .planting import Patch, around, bug, nothing
from .ring import SimRing

# -- bytes on their way out ----------------------------------------------------------------------


@bug
def the_tail_is_lost_after_a_partial_send(patch: Patch) -> None:
    def account(inner: Any, transport: Any, queue: Any, sent: int, now: float) -> None:
        inner(transport, queue, transport.pending, now)

    around(patch, Transport, "_account", account)


@bug
def a_partial_send_begins_again(patch: Patch) -> None:
    def advance(inner: Any, transport: Any, queue: Any, sent: int) -> int:
        done: int = inner(transport, queue, sent)
        if isinstance(queue[0], memoryview):
            whole = bytes(queue[0].obj)
            transport.pending += len(whole) - len(queue[0])
            queue[0] = whole
        return done

    around(patch, Transport, "_advance", advance)


@bug
def what_a_ring_sent_in_part_counts_as_sent(patch: Patch) -> None:
    def send(inner: Any, ring: Any, numbers: Any, data: bytes) -> Any:
        return [refused for refused in inner(ring, numbers, data) if refused[1] <= 0]

    around(patch, SimRing, "send", send)


@bug
def whom_a_ring_did_not_reach_counts_as_sent(patch: Patch) -> None:
    def send(inner: Any, ring: Any, numbers: Any, data: bytes) -> Any:
        return [refused for refused in inner(ring, numbers, data) if refused[1] > 0]

    around(patch, SimRing, "send", send)


@bug
def a_fan_out_goes_past_what_is_queued(patch: Patch) -> None:
    def flush(inner: Any, fanout: Any, most: int, now: float, failed: Any) -> None:
        for transport in fanout._waiting[:most]:
            if isinstance(transport._queue, list) and transport._queue[0] is fanout._blob:
                with suppress(OSError):
                    transport._sock.send(fanout._blob)
        inner(fanout, most, now, failed)

    around(patch, FanOut, "flush", flush)


@bug
def a_fan_out_sends_to_those_who_have_had_it(patch: Patch) -> None:
    def flush(inner: Any, fanout: Any, most: int, now: float, failed: Any) -> None:
        for transport in fanout._waiting[:most]:
            if transport._queue is None:
                transport.write(fanout._blob)
        inner(fanout, most, now, failed)

    around(patch, FanOut, "flush", flush)


@bug
def write_interest_is_not_armed_again(patch: Patch) -> None:
    def watch(inner: Any, transport: Any, events: int, pollable: Any = None) -> None:
        inner(transport, events & ~WRITE, pollable)

    around(patch, Transport, "_watch", watch)


@bug
def write_interest_is_never_given_up(patch: Patch) -> None:
    def watch(inner: Any, transport: Any, events: int, pollable: Any = None) -> None:
        inner(transport, events | WRITE if events else 0, pollable)

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
def another_epoch_is_taken_for_this_one(patch: Patch) -> None:
    def first(inner: Any, hub: Any, session: Any, room: Any, request: Any) -> int:
        request.epoch = None
        start: int = inner(hub, session, room, request)
        return start

    around(patch, joining, "_first_to_send", first)


@bug
def whoever_has_left_is_still_fed(patch: Patch) -> None:
    around(patch, Room, "detach", nothing)
