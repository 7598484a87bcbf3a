"""Lists by page: members, rooms, talks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netchat.chat.events import Error, Members, RoomList
from netchat.chat.requests import Hello, Join, Leave, Request, Rooms, Who
from netchat.chat.settings import ChatSettings
from tests.chat.fakes import START_MS
from tests.chat.support import Chat, Peer, post


def pages(peer: Peer, ask: Callable[[str | None], Request], rows: str, name: str) -> list[Any]:
    """All rows, page by page; every page but the last is full."""
    found: list[Any] = []
    after: str | None = None
    while True:
        peer.says(ask(after))
        page = peer.skip()[-1]
        found += getattr(page, rows)
        if page.complete:
            return found
        assert len(getattr(page, rows)) == 200
        after = getattr(found[-1], name)


def test_who_lists_members_by_name_and_since_when() -> None:
    chat = Chat()
    ana = chat.enter("Bob", "lobby")
    chat.advance(1.5)
    chat.enter("ana", "lobby")
    ana.says(Who(room="LOBBY", ref="w"))
    members = ana.got(Members)[0]
    assert (members.ref, members.room, members.complete) == ("w", "lobby", True)
    assert [(row.name, row.since) for row in members.members] == [
        ("ana", START_MS + 1_500),
        ("Bob", START_MS),
    ]


def test_who_goes_through_a_crowd_in_pages_of_200() -> None:
    chat = Chat()
    names = [f"{'pP'[number % 2]}{number:03}" for number in range(450)]
    peers = [chat.connect() for _ in names]
    for peer, name in zip(peers, names, strict=True):
        peer.asks(Hello(version=1, name=name), Join(room="lobby"))
    chat.settle()
    rows = pages(peers[0], lambda after: Who(room="lobby", after=after), "members", "name")
    assert [row.name for row in rows] == names


def test_the_name_after_which_a_page_starts_need_not_exist() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    chat.enter("eve", "lobby")
    for after, names in (("B", ["eve"]), ("ana", ["eve"]), ("zzz", []), ("", ["ana", "eve"])):
        ana.says(Who(room="lobby", after=after))
        assert [row.name for row in ana.got(Members)[0].members] == names


def test_who_needs_to_be_in_the_room() -> None:
    chat = Chat()
    chat.enter("ana", "lobby")
    bob = chat.enter("bob")
    bob.says(Who(room="lobby"), Who(room="nowhere"), Who(room="@nowhere"))
    assert [e.code for e in bob.gets(Error, Error, Error)] == [
        "not_in_room",
        "no_such_room",
        "no_such_room",
    ]


def test_rooms_lists_names_topics_counts_and_heads() -> None:
    chat = Chat(settings=ChatSettings(topics={"tea": "Assam"}))
    ana = chat.enter("ana", "tea", "Lobby")
    chat.enter("bob", "lobby").says(post("hola"))
    ana.skip()
    ana.says(Rooms(ref="r"))
    page = ana.gets(RoomList)
    assert (page.ref, page.complete) == ("r", True)
    assert [(row.room, row.topic, row.count, row.head) for row in page.rooms] == [
        ("Lobby", "", 2, 1),
        ("tea", "Assam", 1, 0),
    ]


def test_rooms_come_in_pages_of_200_by_name() -> None:
    chat = Chat(settings=ChatSettings(rooms=1_000))
    ana = chat.enter("ana")
    names = [f"{'rR'[number % 2]}{number:03}" for number in range(401)]
    ana.says(*(Join(room=name) for name in reversed(names)))
    ana.skip()
    rows = pages(ana, lambda after: Rooms(after=after), "rooms", "room")
    assert [row.room for row in rows] == names
    ana.says(Rooms(after="R39"), Rooms(after="a b"))
    first, second = ana.gets(RoomList, RoomList)
    assert [row.room for row in first.rooms][:2] == ["r390", "R391"]
    assert len(second.rooms) == 200


def test_a_page_that_ends_exactly_is_complete() -> None:
    chat = Chat(settings=ChatSettings(rooms=1_000))
    ana = chat.enter("ana")
    ana.says(*(Join(room=f"r{number:03}") for number in range(200)))
    ana.skip()
    ana.says(Rooms())
    page = ana.gets(RoomList)
    assert (len(page.rooms), page.complete) == (200, True)


def test_private_talks_are_not_among_the_rooms() -> None:
    chat = Chat()
    ana, _ = chat.enter("ana"), chat.enter("bob")
    ana.says(post("psst", to="bob"))
    ana.skip()
    ana.says(Rooms())
    assert ana.gets(RoomList).rooms == []


def test_talks_are_listed_newest_first_with_whom_they_are() -> None:
    chat = Chat()
    ana = chat.enter("ana")
    for name in ("bob", "eve", "dan"):
        chat.enter(name)
        ana.says(post("one", to=name))
    ana.says(post("two", to="bob"))
    ana.skip()
    ana.says(Rooms(talks=True))
    page = ana.gets(RoomList)
    assert [(row.with_, row.head) for row in page.rooms] == [("bob", 2), ("dan", 1), ("eve", 1)]
    assert all(row.room.startswith("@") and row.count is None for row in page.rooms)


def test_talks_come_in_pages_of_200() -> None:
    chat = Chat()
    ana, names = chat.enter("ana"), [f"p{number}" for number in range(250)]
    for name in names:
        chat.enter(name)
        ana.says(post("hola", to=name))
    ana.skip()
    rows = pages(ana, lambda after: Rooms(talks=True, after=after), "rooms", "room")
    assert [row.with_ for row in rows] == names[::-1]


def test_talks_behind_one_that_is_not_there_are_no_such_room() -> None:
    ana = Chat().enter("ana")
    ana.says(Rooms(talks=True, after="@guessed"))
    assert ana.gets(Error).code == "no_such_room"


def test_a_room_that_was_left_is_still_listed_while_others_are_in_it() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    ana.says(Leave(room="lobby"))
    bob.skip()
    bob.says(Rooms())
    assert [row.count for row in bob.gets(RoomList).rooms] == [1]
