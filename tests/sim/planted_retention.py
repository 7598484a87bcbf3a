"""Planted bugs in what is said of messages that are gone, and in which ones go."""

from __future__ import annotations

from typing import Any

from netchat.chat.handlers import joining
from netchat.chat.hub import Hub
from netchat.chat.rooms import Room
from netchat.sessions.delivery import Delivery
from netchat.storage import tables

from .planting import Patch, around, bug, nothing


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
    patch.setattr(Room, "first", property(lambda room: room.oldest))


@bug
def a_gap_reaches_one_too_far(patch: Patch) -> None:
    def skip(inner: Any, delivery: Any, cursor: Any, session: Any, first: int) -> None:
        inner(delivery, cursor, session, min(first + 1, cursor.room.published + 1))

    around(patch, Delivery, "_skip_trimmed", skip)


@bug
def whoever_returns_is_told_of_no_gap(patch: Patch) -> None:
    def first(inner: Any, hub: Any, session: Any, room: Any, request: Any) -> int:
        with patch.context() as briefly:
            briefly.setattr(hub, "answer", nothing)
            start: int = inner(hub, session, room, request)
        return start

    around(patch, joining, "_first_to_send", first)


@bug
def a_rooms_first_seq_is_told_one_too_high(patch: Patch) -> None:
    def on_firsts(inner: Any, hub: Any, firsts: dict[int, int]) -> None:
        inner(hub, {room: first + 1 for room, first in firsts.items()})

    around(patch, Hub, "_on_firsts", on_firsts)


@bug
def what_went_before_it_was_published_is_forgotten(patch: Patch) -> None:
    def on_firsts(inner: Any, hub: Any, firsts: dict[int, int]) -> None:
        for number, first in firsts.items():
            room = hub.directory.by_id(number)
            room.oldest = min(first, room.published + 1)

    around(patch, Hub, "_on_firsts", on_firsts)


@bug
def one_message_fewer_is_kept(patch: Patch) -> None:
    def old(inner: Any, db: Any, after: int, limit: int, keep: int, *others: Any) -> Any:
        return inner(db, after, limit, keep and keep - 1, *others)

    around(patch, tables, "old", old)


@bug
def nothing_ever_goes(patch: Patch) -> None:
    patch.setattr(tables, "old", lambda *_: [])
