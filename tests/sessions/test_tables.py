"""Tables that strangers could fill: rooms, and guests."""

from __future__ import annotations

from netchat.chat.events import Accepted, Error, Joined, Left, Message, Welcome
from netchat.chat.requests import Hello, Join, Leave, Post
from netchat.config import Limits
from tests.chat.support import post
from tests.sessions.support import House


def test_there_are_so_many_rooms_in_all_and_the_empty_ones_make_room() -> None:
    house = House(limits=Limits(enabled=False, rooms_in_all=2))
    ana = house.enter("ana")
    ana.heard()
    ana.says(Join(room="one"), Join(room="two"), Join(room="three"))
    assert [error.code for error in ana.got(Error)] == ["too_many_rooms"]
    ana.says(Leave(room="two"), Join(room="three"))
    ana.gets(Left, Joined)


def test_a_room_in_which_something_was_said_keeps_its_place() -> None:
    house = House(limits=Limits(enabled=False, rooms_in_all=1))
    ana = house.enter("ana", "one")
    ana.says(post("x", room="one"), Leave(room="one"))
    ana.heard()
    ana.says(Join(room="two"))
    assert ana.gets(Error).code == "too_many_rooms"
    ana.says(Join(room="one"))
    ana.gets(Joined, Message)


def test_private_talks_are_counted_too_and_those_that_there_are_go_on() -> None:
    house = House(limits=Limits(enabled=False, rooms_in_all=1))
    ana, _, _ = house.enter("ana"), house.enter("ben"), house.enter("eve")
    ana.heard()
    ana.says(Post(to="ben", text="x", id="1"), Post(to="eve", text="x", id="2"))
    ana.says(Post(to="ben", text="y", id="3"))
    answers = [event for event in ana.heard() if isinstance(event, Accepted | Error)]
    assert [getattr(event, "code", "") for event in answers] == ["", "too_many_rooms", ""]


def test_rooms_that_were_joined_and_left_leave_nothing_behind() -> None:
    house = House(limits=Limits(enabled=False))
    ana = house.enter("ana")
    for number in range(1_000):
        ana.says(Join(room=f"room{number}"), Leave(room=f"room{number}"))
    assert len(house.hub.directory) == 0


def test_an_address_brings_so_many_new_guests_an_hour_and_no_limit_on_those_who_return() -> None:
    house = House(limits=Limits())
    guard = house.hub.accounts.guard
    assert guard is not None
    guard._guests_per_address = 3
    for number in range(3):
        client = house.enter(f"guest{number}")
        client.drops()
    late = house.connect()
    late.says(Hello(version=1, name="late"))
    error = late.gets(Error)
    assert (error.code, error.fatal) == ("rate_limited", False)
    assert 1_000 < error.retry_after <= 1_200
    back = house.connect()
    back.says(Hello(version=1, name="guest2", token=client.token))
    back.gets(Welcome)
    house.advance(error.retry_after)
    new = house.connect()
    new.says(Hello(version=1, name="late"))
    new.gets(Welcome)
