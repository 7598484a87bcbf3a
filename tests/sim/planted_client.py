"""Planted bugs of a client that is killed and started again."""

from __future__ import annotations

from typing import Any

from netchat.client.journal import Known, Settled
from netchat.client.outbox import Outbox

from .person import Notes
from .planting import Patch, around, bug


def without(patch: Patch, kind: type) -> None:
    """No record of this kind is ever written."""

    def write(inner: Any, notes: Notes, *records: Any) -> None:
        inner(notes, *(record for record in records if not isinstance(record, kind)))

    around(patch, Notes, "write", write)


@bug
def a_killed_client_forgets_who_it_was(patch: Patch) -> None:
    without(patch, Known)


@bug
def what_is_answered_is_sent_again_for_ever(patch: Patch) -> None:
    without(patch, Settled)


@bug
def a_killed_client_forgets_its_posts(patch: Patch) -> None:
    def keep(inner: Any, outbox: Outbox, journal: Any) -> None:
        journal.kept.posts.clear()
        inner(outbox, journal)

    around(patch, Outbox, "keep", keep)
