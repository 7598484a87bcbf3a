from __future__ import annotations

from netchat.chat.events import Joined, Left, Presence
from netchat.client.notices import News
from netchat.client.roster import Roster


def joined(*members: str) -> Joined:
    return Joined(
        room="lobby",
        epoch="e",
        head=0,
        first=1,
        count=len(members),
        members=list(members),
        topic="",
    )


def presence(
    *,
    joined: tuple[str, ...] = (),
    left: tuple[str, ...] = (),
    away: tuple[str, ...] = (),
    members: list[str] | None = None,
) -> Presence:
    return Presence(
        room="lobby",
        count=0,
        joined=list(joined),
        left=list(left),
        away=list(away),
        members=members,
    )


def told(news: News) -> tuple[list[str], list[str], list[str]]:
    assert isinstance(news, Presence)
    return news.joined, news.left, news.away


def test_who_was_listed_on_joining_is_not_told_to_have_joined() -> None:
    roster = Roster()
    roster.take(joined("ana", "bea"))
    assert told(roster.take(presence(joined=("ana", "bea", "carl")))) == (["carl"], [], [])


def test_the_same_change_is_told_once() -> None:
    roster = Roster()
    roster.take(joined("ana", "bea"))
    assert told(roster.take(presence(left=("bea",)))) == ([], ["bea"], [])
    assert told(roster.take(presence(left=("bea",)))) == ([], [], [])


def test_away_and_back_and_away_and_gone_are_told() -> None:
    roster = Roster()
    roster.take(joined("ana", "bea"))
    assert told(roster.take(presence(away=("bea",)))) == ([], [], ["bea"])
    assert told(roster.take(presence(away=("bea",)))) == ([], [], [])
    assert told(roster.take(presence(joined=("bea",)))) == (["bea"], [], [])
    assert told(roster.take(presence(away=("bea",)))) == ([], [], ["bea"])
    assert told(roster.take(presence(left=("bea",)))) == ([], ["bea"], [])


def test_a_list_replaces_what_was_known() -> None:
    roster = Roster()
    roster.take(joined("ana"))
    roster.take(presence(members=["ana", "bea"]))
    assert told(roster.take(presence(joined=("bea",)))) == ([], [], [])


def test_a_room_that_was_left_is_forgotten() -> None:
    roster = Roster()
    roster.take(joined("ana", "bea"))
    roster.take(Left(room="lobby"))
    assert told(roster.take(presence(joined=("bea",)))) == (["bea"], [], [])
