"""What the simulator holds against a server, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from netchat.chat.events import Accepted

from .ledger import Ledger
from .retention import Retention
from .world import Violation

NEW = Accepted("a-1", "lobby", 7, 1000)
REPEATED = Accepted("a-1", "lobby", 7, 1000, True)


def ledger(first: int = 1) -> Ledger:
    world: Any = None
    retention = Retention(world, 0, 0, lambda room: (first, 9))
    return Ledger(lambda room, seq, id: False, retention)


def test_a_repeat_may_be_heard_of_before_the_first_by_a_faster_connection() -> None:
    books = ledger()
    for event in (REPEATED, NEW, REPEATED):
        books.acknowledged(1, "hola", event)
    assert books.posted == 1


def test_a_post_is_told_as_new_once() -> None:
    books = ledger()
    books.acknowledged(1, "hola", NEW)
    with pytest.raises(Violation, match="twice as new"):
        books.acknowledged(1, "hola", NEW)


def test_a_repeat_has_the_place_of_the_first() -> None:
    books = ledger()
    books.acknowledged(1, "hola", NEW)
    with pytest.raises(Violation, match="stored once"):
        books.acknowledged(1, "hola", Accepted("a-1", "lobby", 8, 1000, True))


def test_what_is_gone_may_be_stored_again_and_that_heard_of_before_the_first() -> None:
    books = ledger(first=8)
    for event in (Accepted("a-1", "lobby", 9, 2000), NEW, Accepted("a-1", "lobby", 9, 2000, True)):
        books.acknowledged(1, "hola", event)
    with pytest.raises(Violation, match="stored once"):
        books.acknowledged(1, "hola", Accepted("a-1", "lobby", 8, 1000))
