"""Rights: owners, moderators, members; private rooms, invitations, slow mode, topics."""

from __future__ import annotations

from typing import Any

import pytest

from netchat.chat.events import (
    Accepted,
    Done,
    Error,
    Invited,
    Joined,
    Left,
    Message,
    Rights,
    RoomList,
)
from netchat.chat.requests import (
    Acts,
    Ban,
    Bye,
    History,
    Invite,
    Join,
    Leave,
    Request,
    Rooms,
    Set,
    SetRole,
    Typing,
    Who,
)
from netchat.chat.requests import Rights as AskRights
from netchat.chat.rights import MAX_INVITED, MAX_MEMBERS, MAX_MODERATORS, MAX_PACED
from netchat.chat.rights import Rights as RoomRights
from netchat.chat.rooms import Member
from netchat.chat.settings import ChatSettings
from netchat.chat.users import User
from tests.chat.cast import ROOM, UNLIMITED, Cast, account, operator
from tests.chat.support import Chat, Peer, post

PRIVATE = Set(room=ROOM, private=True)


def answer(peer: Peer, request: Request) -> Any:
    """What a request gets: its error, or its reply."""
    peer.skip()
    peer.says(request)
    told = [e for e in peer.skip() if isinstance(e, Error | Done | Rights | Joined | RoomList)]
    return next((event for event in told if isinstance(event, Rights)), told[0])


def refused(peer: Peer, request: Request) -> Error:
    error = answer(peer, request)
    assert isinstance(error, Error), error
    return error


def may_enter(peer: Peer, room: str = ROOM) -> bool:
    return isinstance(answer(peer, Join(room=room)), Joined)


# -- whose a room is -----------------------------------------------------------------------


def test_who_makes_a_room_with_an_account_owns_it() -> None:
    chat = Chat()
    olga, una = account(chat, "olga"), account(chat, "una")
    assert answer(olga, Join(room=ROOM)).role == "owner"
    assert answer(una, Join(room=ROOM)).role is None
    assert answer(una, AskRights(room=ROOM)).owner == "olga"


def test_a_guests_room_is_nobodys_and_so_are_the_lobby_and_configured_rooms() -> None:
    chat = Chat(settings=ChatSettings(topics={"News": "hear, hear"}))
    gus, una = chat.enter("gus"), account(chat, "una")
    assert answer(gus, Join(room=ROOM)).role is None
    assert answer(una, Join(room=ROOM)).role is None
    for room in ("lobby", "news"):
        assert answer(una, Join(room=room)).role is None
        assert refused(una, Set(room=room, topic="mine")).code == "forbidden"


def test_a_room_in_which_nothing_happened_is_forgotten_with_its_owner() -> None:
    chat = Chat()
    olga, una = account(chat, "olga", ROOM), account(chat, "una")
    olga.says(Leave(room=ROOM))
    assert answer(una, Join(room=ROOM)).role == "owner"


def test_an_owner_is_one_after_a_restart_too_and_on_a_second_device() -> None:
    chat = Chat()
    olga = account(chat, "olga", ROOM)
    olga.says(post("hola", room=ROOM))
    assert answer(account(chat, "olga"), Join(room=ROOM)).role == "owner"
    again = chat.restarted()
    assert answer(account(again, "olga"), Join(room=ROOM)).role == "owner"
    assert answer(account(again, "una"), Join(room=ROOM)).role is None


def test_an_operator_is_one_everywhere() -> None:
    chat = Chat()
    account(chat, "olga", ROOM)
    oda = operator(chat)
    assert answer(oda, Join(room="lobby")).role == "operator"
    assert isinstance(answer(oda, Set(room=ROOM, topic="dark")), Done)
    assert answer(oda, AskRights(room=ROOM)).topic == "dark"
    again = account(chat.restarted(), "oda")
    assert answer(again, Join(room="lobby")).role == "operator"


# -- roles ---------------------------------------------------------------------------------

ROLES = {
    # who: what they may make of whom
    "olga": {
        ("una", "moderator"), ("una", "member"), ("una", "none"), ("una", "owner"),
        ("mia", "moderator"), ("mia", "member"), ("mia", "none"), ("mia", "owner"),
        ("mo", "moderator"), ("mo", "member"), ("mo", "none"), ("mo", "owner"),
    },
    "max": {
        ("una", "member"), ("una", "none"), ("mia", "member"), ("mia", "none"),
        ("max", "member"), ("max", "none"),
    },
    "mia": set(), "una": set(), "gus": set(),
}  # fmt: skip
ROLES["oda"] = (
    ROLES["olga"]
    | {("olga", role) for role in ("moderator", "member", "none", "owner")}
    | {("max", role) for role in ("moderator", "member", "none", "owner")}
)
ROLES["olga"] |= {("max", role) for role in ("moderator", "member", "none", "owner")}


@pytest.mark.parametrize("who", ROLES)
def test_who_may_make_what_of_whom(who: str) -> None:
    allowed = {
        (whom, role)
        for whom in ("una", "mia", "mo", "max", "olga")
        for role in ("owner", "moderator", "member", "none")
        if isinstance(
            answer(Cast().named(who), SetRole(room=ROOM, user=whom, role=role)),
            Rights,
        )
    }
    assert allowed == ROLES[who]


def test_who_is_made_owner_leaves_a_moderator_behind() -> None:
    cast = Cast()
    told = answer(cast.olga, SetRole(room=ROOM, user="mia", role="owner"))
    assert (told.owner, told.moderators) == ("mia", ["max", "mo", "olga"])
    assert answer(cast.olga, AskRights(room=ROOM)).role == "moderator"
    assert answer(cast.mia, AskRights(room=ROOM)).role == "owner"


def test_a_guest_can_be_a_member_and_nothing_more() -> None:
    cast = Cast()
    assert refused(cast.olga, SetRole(room=ROOM, user="gus", role="moderator")).field == "user"
    assert answer(cast.olga, SetRole(room=ROOM, user="gus", role="member")).room == ROOM
    assert answer(cast.mia, AskRights(room=ROOM)).members == ["gus", "mia"]


def test_members_are_told_to_members_and_in_pages() -> None:
    cast = Cast()
    assert answer(cast.una, AskRights(room=ROOM)).members is None
    assert answer(cast.mia, AskRights(room=ROOM, after="gus")).members == ["mia"]
    assert answer(cast.mia, AskRights(room=ROOM, after="mia")).members == []


def test_a_room_has_so_many_moderators_and_members() -> None:
    cast = Cast()
    rights = cast.chat.hub.moderation.rights(cast.chat.hub.directory.open(ROOM))
    rights.moderators |= set(range(1_000, 1_000 + MAX_MODERATORS))
    rights.members |= set(range(2_000, 2_000 + MAX_MEMBERS))
    for role in ("moderator", "member"):
        request = SetRole(room=ROOM, user="una", role=role)
        assert refused(cast.olga, request).code == "forbidden"
    assert refused(cast.olga, Invite(room=ROOM, user="una")).code == "forbidden"


# -- private rooms -------------------------------------------------------------------------


def test_a_private_room_is_entered_by_its_people_only() -> None:
    chat = Chat()
    olga = account(chat, "olga", ROOM)
    assert answer(olga, PRIVATE).private
    una, gus, oda = account(chat, "una"), chat.enter("gus"), operator(chat)
    for outsider in (una, gus):
        error = refused(outsider, Join(room=ROOM))
        assert (error.code, error.message) == (
            "forbidden", "This room is private: one enters by invitation.",
        )  # fmt: skip
        assert refused(outsider, History(room=ROOM)).code == "not_in_room"
        assert refused(outsider, Who(room=ROOM)).code == "not_in_room"
        assert refused(outsider, post("hola", room=ROOM)).code == "not_in_room"
        assert refused(outsider, AskRights(room=ROOM)).code == "forbidden"
    olga.skip()
    gus.says(Typing(room=ROOM))
    olga.gets()
    assert may_enter(oda)


def test_a_private_room_is_listed_to_its_people_only() -> None:
    chat = Chat()
    olga, una = account(chat, "olga", "attic", ROOM, "yard"), account(chat, "una", "lobby")
    olga.says(PRIVATE)

    def listed(peer: Peer, after: str | None = None) -> list[str]:
        return [row.room for row in answer(peer, Rooms(after=after)).rooms]

    assert listed(olga) == ["attic", ROOM, "lobby", "yard"]
    assert listed(olga, after=ROOM) == ["lobby", "yard"]
    assert listed(una) == ["attic", "lobby", "yard"]
    again = chat.restarted()
    assert listed(account(again, "una")) == []
    assert listed(account(again, "olga")) == [ROOM]
    olga.says(Set(room=ROOM, private=False))
    assert listed(una) == ["attic", ROOM, "lobby", "yard"] == listed(olga)


def test_who_is_there_when_a_room_becomes_private_stays_and_may_return() -> None:
    cast = Cast()
    answer(cast.olga, PRIVATE)
    cast.gus.says(Leave(room=ROOM))
    assert may_enter(cast.gus) and may_enter(cast.una)
    assert not may_enter(cast.chat.enter("new"))


def test_a_crowd_cannot_become_private() -> None:
    cast = Cast()
    room = cast.chat.hub.directory.open(ROOM)
    here = cast.una.user
    assert here is not None
    room.members |= {User(here.identity): Member(0) for _ in range(MAX_MEMBERS)}
    assert refused(cast.olga, PRIVATE).field == "private"


def test_a_lost_membership_ends_everything_at_once() -> None:
    cast = Cast()
    answer(cast.olga, PRIVATE)
    cast.skip()
    cast.mo.asks(post("before", room=ROOM))
    cast.olga.asks(SetRole(room=ROOM, user="mia", role="none"))
    cast.mo.asks(post("after", room=ROOM))
    cast.chat.settle()
    told = cast.mia.skip()
    left = next(event for event in told if isinstance(event, Left))
    assert (left.room, left.by, left.reason) == (ROOM, "olga", "You are no longer a member.")
    assert not [e for e in told[told.index(left) :] if isinstance(e, Message)]
    assert refused(cast.mia, History(room=ROOM)).code == "not_in_room"
    assert not may_enter(cast.mia)
    assert cast.una.got(Message)


def test_a_lost_membership_ends_a_place_that_is_held() -> None:
    cast = Cast()
    answer(cast.olga, PRIVATE)
    cast.mia.drops()
    answer(cast.olga, SetRole(room=ROOM, user="mia", role="none"))
    assert "mia" not in answer(cast.olga, Join(room=ROOM)).members
    back = cast.chat.enter("mia", token=cast.mia.token_text)
    assert not may_enter(back)
    cast.chat.advance(100)


def test_a_history_that_was_asked_for_in_time_comes_too_late() -> None:
    from tests.chat.fakes import ManualWorker

    reading = ManualWorker()
    cast = Cast(Chat(reading=reading, settings=UNLIMITED))
    answer(cast.olga, PRIVATE)
    reading.stalled = True
    cast.mia.skip()
    cast.mia.says(History(room=ROOM))
    answer(cast.olga, SetRole(room=ROOM, user="mia", role="none"))
    cast.mia.gets(Left)
    reading.run()
    cast.chat.settle()
    assert cast.mia.got(Error)[0].code == "not_in_room"


# -- invitations ---------------------------------------------------------------------------


def test_who_is_invited_is_told_and_may_enter() -> None:
    chat = Chat()
    olga, una = account(chat, "olga", ROOM), account(chat, "una")
    olga.says(PRIVATE)
    assert isinstance(answer(olga, Invite(room=ROOM, user="una")), Done)
    told = una.gets(Invited)
    assert (told.room, told.by) == (ROOM, "olga")
    olga.says(Invite(room=ROOM, user="una"))
    una.gets()
    assert answer(una, Join(room=ROOM)).role == "member"


def test_who_is_banned_is_not_invited() -> None:
    cast = Cast()
    cast.olga.says(Ban(room=ROOM, user="una"))
    error = refused(cast.olga, Invite(room=ROOM, user="una"))
    assert (error.code, error.message) == ("forbidden", "una is banned here; undo no. 4 first.")


def test_who_was_away_is_told_at_each_login_until_it_has_come() -> None:
    chat = Chat()
    olga, una = account(chat, "olga", ROOM), account(chat, "una")
    una.says(Bye())
    olga.says(PRIVATE, Invite(room=ROOM, user="una"))
    for _ in range(2):
        chat = chat.restarted()
        una = chat.connect()
        una.says(hello("una"))
        assert [e.room for e in una.got(Invited)] == [ROOM]
    assert may_enter(una)
    una = chat.restarted().connect()
    una.says(hello("una"))
    assert una.got(Invited) == []


def hello(name: str) -> Request:
    from netchat.chat.requests import Hello

    return Hello(version=1, name=name, password="correct horse")


def test_an_invitation_goes_with_the_membership_and_only_so_many_wait() -> None:
    chat = Chat()
    olga, una = account(chat, "olga", ROOM), account(chat, "una")
    olga.says(PRIVATE, Invite(room=ROOM, user="una"))
    olga.says(SetRole(room=ROOM, user="una", role="none"))
    assert not may_enter(una)
    for number in range(MAX_INVITED + 5):
        olga.says(Join(room=f"r{number}"), Set(room=f"r{number}", private=True))
        olga.says(Invite(room=f"r{number}", user="una"))
    una.says(Bye())
    una = chat.connect()
    una.says(hello("una"))
    told = [event.room for event in una.got(Invited)]
    assert told == [f"r{number}" for number in range(5, MAX_INVITED + 5)]
    assert may_enter(una, "r0")


# -- the pace and the topic ----------------------------------------------------------------


def test_slow_mode_asks_for_a_pause_and_says_how_long() -> None:
    cast = Cast()
    answer(cast.mo, Set(room=ROOM, slow=30))
    cast.skip()
    cast.una.says(post("one", room=ROOM), post("two", room=ROOM))
    _, error, _ = cast.una.gets(Accepted, Error, Message)
    assert (error.code, error.field, error.retry_after) == ("rate_limited", "room", 30.0)
    cast.mo.says(post("three", room=ROOM), post("four", room=ROOM))
    assert not cast.mo.got(Error)
    cast.chat.advance(29)
    assert refused(cast.una, post("two", room=ROOM)).retry_after == 1.0
    cast.chat.advance(1)
    cast.una.skip()
    cast.una.says(post("two", room=ROOM))
    cast.una.gets(Accepted, Message)
    answer(cast.mo, Set(room=ROOM, slow=0))
    cast.una.says(post("five", room=ROOM), post("six", room=ROOM))
    assert not cast.una.got(Error)


def test_slow_mode_remembers_no_more_than_it_must() -> None:
    rights = RoomRights()
    rights.slow = 10
    for number in range(100):
        rights.wrote(number, now=number / 2)
    assert len(rights.paced) == 20
    rights.slow = 1_000_000
    for number in range(MAX_PACED + 10):
        rights.wrote(number, now=100.0)
    assert len(rights.paced) == MAX_PACED


def test_a_topic_is_told_kept_and_taken_back() -> None:
    chat = Chat(settings=ChatSettings(topics={"news": "hear, hear"}))
    oda, una = operator(chat, "oda", "news"), account(chat, "una", "news")
    oda.says(Set(room="news", topic="quiet"))
    assert una.got(Rights)[0].topic == "quiet"
    again = chat.restarted()
    assert answer(account(again, "una"), Join(room="news")).topic == "quiet"
    oda = account(again, "oda")
    oda.says(Set(room="news", topic=""))
    assert answer(oda, AskRights(room="news")).topic == "hear, hear"


@pytest.mark.parametrize(
    "request_", [Set(room=ROOM), Set(room=ROOM, topic="two\nlines"), Set(room=ROOM, topic="\x9b")]
)
def test_what_cannot_be_set_is_refused(request_: Set) -> None:
    assert refused(Cast().olga, request_).code == "bad_request"


def test_a_talk_has_no_rights() -> None:
    cast = Cast()
    cast.una.says(post("hola", to="gus"))
    room = cast.una.got(Message)[0].room
    for request in (AskRights(room=room), Set(room=room, slow=1), Acts(room=room)):
        assert refused(cast.una, request).code == "forbidden"
        assert refused(cast.oda, request).code == "no_such_room"
