"""Resuming as scripts: what a room or a talk is joined again from, and what is handed out."""

from __future__ import annotations

import pytest

from netchat.chat import events, requests
from netchat.chat.events import Gap, RoomInfo
from netchat.client.notices import CaughtUp, Online
from netchat.client.positions import LISTED_TALKS

from .support import Conversation, joined, message, refused, welcome


def resumes(talk: Conversation) -> list[tuple[str, int | None, str | None]]:
    """What it has asked to join: the room, after which seq, of which epoch."""
    return [(r.room, r.after, r.epoch) for r in talk.sent() if isinstance(r, requests.Join)]


def test_messages_come_once_however_often_they_are_sent() -> None:
    talk = Conversation()
    talk.online("lobby")
    assert talk.tell(message(1), message(2)) == [message(1), message(2)]
    talk.lose()
    talk.connect()
    talk.tell(welcome())
    join = talk.sent()[0]
    assert isinstance(join, requests.Join)
    assert join.after == 2
    news = talk.tell(joined(join.ref, head=3), message(2), message(3))
    assert news[1:] == [message(3)]


def test_a_first_join_takes_its_backlog_from_where_it_begins() -> None:
    talk = Conversation()
    talk.online()
    ref = talk.machine.ask(requests.Join(room="lobby", backlog=2))
    news = talk.tell(joined(ref, head=9), message(8), message(9), message(9), message(10))
    assert news[1:] == [message(8), message(9), message(10)]


def test_a_drop_before_any_message_resumes_behind_the_head_less_the_backlog() -> None:
    talk = Conversation()
    talk.online()
    ref = talk.machine.ask(requests.Join(room="lobby", backlog=0))
    talk.tell(joined(ref, head=9))
    talk.lose()
    talk.connect()
    talk.tell(welcome())
    join = talk.sent()[0]
    assert isinstance(join, requests.Join)
    assert join.after == 9


def test_a_gap_is_told_of_and_passed() -> None:
    talk = Conversation()
    talk.online("lobby")
    talk.tell(message(1))
    talk.lose()
    talk.connect()
    talk.tell(welcome())
    join, ping = talk.sent()
    gap = Gap(room="lobby", start=2, to=6, reason="retention", epoch="e1")
    back = joined(join.ref, head=7, first=7)
    news = talk.tell(back, gap, message(7), events.Pong(ref=ping.ref))
    assert news == [back, gap, message(7), CaughtUp(whole=False)]


def test_what_is_gone_is_not_asked_for_again() -> None:
    talk = Conversation()
    talk.online("lobby")
    talk.tell(Gap(room="lobby", start=1, to=6, reason="retention", epoch="e1"))
    talk.lose()
    talk.connect()
    talk.tell(welcome())
    join = talk.sent()[0]
    assert isinstance(join, requests.Join)
    assert join.after == 6


def test_a_new_epoch_starts_the_counting_again() -> None:
    talk = Conversation()
    talk.online("lobby")
    talk.tell(*map(message, range(1, 6)))
    talk.lose()
    talk.connect()
    talk.tell(welcome(epoch="e2"))
    join = talk.sent()[0]
    assert isinstance(join, requests.Join)
    assert (join.after, join.epoch) == (5, "e1")
    gap = Gap(room="lobby", start=1, to=5, reason="epoch_changed", epoch="e2")
    news = talk.tell(joined(join.ref, head=2, epoch="e2"), gap, message(1), message(2))
    assert news[1:] == [gap, message(1), message(2)]
    talk.lose()
    talk.connect()
    talk.tell(welcome(epoch="e2"))
    join = talk.sent()[0]
    assert isinstance(join, requests.Join)
    assert (join.after, join.epoch) == (2, "e2")


def test_a_talk_with_something_new_is_joined_on_a_resume() -> None:
    talk = Conversation()
    talk.online()
    talk.tell(message(1, room="@a"), message(4, room="@b"))
    talk.lose()
    talk.connect()
    heads = {"@a": 3, "@b": 4, "@c": 2, "@d": 0}
    talk.tell(welcome(talks=[RoomInfo(room=r, head=h, with_="x") for r, h in heads.items()]))
    joins = [(r.room, r.after) for r in talk.sent() if isinstance(r, requests.Join)]
    assert joins == [("@a", 1), ("@c", 0)]


def test_in_a_new_epoch_every_talk_is_joined_to_be_told_of_it() -> None:
    talk = Conversation()
    talk.online()
    talk.tell(message(1, room="@a"), message(4, room="@b"))
    talk.lose()
    talk.connect()
    talk.tell(welcome(epoch="e2", talks=[RoomInfo(room="@b", head=4, with_="x")]))
    assert resumes(talk) == [("@b", 4, "e1"), ("@a", 1, "e1")]


def test_what_a_resumed_talk_brings_too_early_comes_in_its_place() -> None:
    talk = Conversation()
    talk.online()
    talk.tell(message(5, room="@a"))
    talk.lose()
    talk.connect()
    rows = [RoomInfo(room=room, head=8, with_="x") for room in ("@a", "@new")]
    news = talk.tell(welcome(talks=rows), message(9, room="@a"), message(9, room="@new"))
    assert news == [Online(name="ana", resumed=True)]
    known, new, _ = talk.sent()
    missed = [message(seq, room="@a") for seq in range(6, 11)]
    back = joined(known.ref, "@a", 9)
    assert talk.tell(back, *missed) == [back, *missed]
    missed = [message(seq, room="@new") for seq in range(1, 10)]
    back = joined(new.ref, "@new", 9)
    assert talk.tell(back, *missed) == [back, *missed]


def test_a_talk_without_news_goes_on_at_once() -> None:
    talk = Conversation()
    talk.online()
    talk.tell(message(5, room="@a"))
    talk.lose()
    talk.connect()
    told = welcome(talks=[RoomInfo(room="@a", head=5, with_="x")])
    assert talk.tell(told, message(6, room="@a"))[1:] == [message(6, room="@a")]


def test_a_talk_whose_join_was_cut_off_is_joined_again() -> None:
    talk = Conversation()
    talk.online()
    talk.tell(message(5, room="@a"))
    for epoch in ("e2", "e2"):
        talk.lose()
        talk.connect()
        talk.tell(welcome(epoch=epoch))
        assert resumes(talk) == [("@a", 5, "e1")]


def test_a_resume_that_is_cut_off_before_its_gap_is_told_of_the_gap_the_next_time() -> None:
    talk = Conversation()
    talk.online("lobby")
    talk.tell(*map(message, range(1, 6)))
    talk.lose()
    talk.connect()
    talk.tell(welcome(epoch="e2"))
    talk.tell(joined(talk.sent()[0].ref, head=9, epoch="e2"))
    talk.lose()
    talk.connect()
    talk.tell(welcome(epoch="e2"))
    assert resumes(talk) == [("lobby", 5, "e1")]


def overtaken(backlog: int) -> tuple[Conversation, requests.Join, str]:
    """Somebody who resumes behind message 1, and has asked for the room beside that: the resuming
    join, and the other one's ref."""
    talk = Conversation()
    talk.online("lobby")
    talk.tell(message(1))
    talk.lose()
    ref = talk.machine.ask(requests.Join(room="lobby", backlog=backlog))
    talk.connect()
    talk.tell(welcome())
    first, *_ = talk.sent()
    assert isinstance(first, requests.Join)
    return talk, first, ref


def test_a_join_that_overtakes_the_resuming_one_makes_no_hole() -> None:
    talk, first, ref = overtaken(backlog=1)
    late = joined(ref, head=5)
    told = (refused("rate_limited", ref=first.ref, retry_after=1.0), late, message(5))
    assert talk.tell(*told)[1:] == [late]
    (again,) = talk.wait(1.1)
    assert again == first
    back, missed = joined(first.ref, head=5), [message(seq) for seq in range(2, 6)]
    assert talk.tell(back, *missed) == [back, *missed]


def full_list(news: int) -> list[RoomInfo]:
    """As many talks as a welcome lists, all of length 2; `news`: how many the client lacks."""
    names = [f"@{number}" for number in range(LISTED_TALKS)]
    return [
        RoomInfo(room=name, head=1 + (place < news), with_="x") for place, name in enumerate(names)
    ]


@pytest.mark.parametrize("news", [0, LISTED_TALKS - 1, LISTED_TALKS])
def test_talks_beyond_a_full_list_are_joined_whatever_is_new_in_it(news: int) -> None:
    """One may hold the newest message of a listed one, and not an older one of these."""
    talk = Conversation()
    talk.online()
    talk.tell(message(1, room="@older"), *(message(1, room=row.room) for row in full_list(0)))
    talk.lose()
    talk.connect()
    talk.tell(welcome(talks=full_list(news)))
    joins = resumes(talk)
    assert len(joins) == news + 1
    assert ("@older", 1, "e1") in joins


def test_a_talk_that_broke_off_is_joined_again_from_beyond_a_full_list() -> None:
    talk = Conversation()
    talk.online()
    talk.tell(message(1, room="@older"), *(message(1, room=row.room) for row in full_list(0)))
    talk.lose()
    talk.connect()
    talk.tell(welcome(talks=[RoomInfo(room="@older", head=3, with_="x")]))
    [join] = [r for r in talk.sent() if isinstance(r, requests.Join)]
    talk.tell(joined(join.ref, "@older", head=3), message(2, room="@older"))
    talk.lose()
    talk.connect()
    talk.tell(welcome(talks=full_list(0)))
    assert resumes(talk) == [("@older", 2, "e1")]


def test_at_the_first_login_the_talks_of_the_past_are_only_noted() -> None:
    talk = Conversation()
    talk.connect()
    talk.tell(welcome(talks=[RoomInfo(room="@a", head=3, with_="x")]))
    assert talk.sent() == []
    talk.lose()
    talk.connect()
    talk.tell(welcome(talks=[RoomInfo(room="@a", head=4, with_="x")]))
    join = talk.sent()[0]
    assert isinstance(join, requests.Join)
    assert join.after == 3


def test_a_left_room_is_not_joined_again() -> None:
    talk = Conversation()
    talk.online("lobby", "den")
    ref = talk.machine.ask(requests.Leave(room="lobby"))
    talk.tell(events.Left(ref=ref, room="lobby"))
    talk.sent()
    talk.lose()
    talk.connect()
    talk.tell(welcome())
    assert [r.room for r in talk.sent() if isinstance(r, requests.Join)] == ["den"]


def test_a_room_that_cannot_be_joined_again_is_let_go_of() -> None:
    talk = Conversation()
    talk.online("lobby")
    talk.lose()
    talk.connect()
    talk.tell(welcome())
    join = talk.sent()[0]
    error = refused("forbidden", ref=join.ref)
    assert talk.tell(error) == [error]
    assert list(talk.machine.positions) == []


def test_a_refusal_to_join_once_more_changes_nothing() -> None:
    talk = Conversation()
    talk.online("lobby")
    talk.tell(message(1))
    ref = talk.machine.ask(requests.Join(room="lobby", backlog=1))
    talk.tell(refused("bad_request", ref=ref))
    assert list(talk.machine.positions) == ["lobby"]
    assert talk.tell(message(1), message(2)) == [message(2)]


def test_a_joined_room_that_is_gone_is_let_go_of() -> None:
    talk = Conversation()
    talk.online("lobby")
    ref = talk.machine.ask(requests.Join(room="lobby", backlog=1))
    talk.tell(refused("forbidden", ref=ref))
    assert list(talk.machine.positions) == []


def test_after_says_what_is_held_already_in_a_joined_room_too() -> None:
    talk = Conversation()
    talk.online("lobby")
    ref = talk.machine.ask(requests.Join(room="lobby", after=7))
    news = talk.tell(message(1), joined(ref, head=8), message(8))
    assert news[0::2] == [message(1), message(8)]
    ref = talk.machine.ask(requests.Join(room="lobby", after=2))
    assert talk.tell(joined(ref, head=8), *map(message, range(3, 10)))[1:] == [message(9)]


def test_a_gap_from_a_join_that_overtakes_is_told_of_in_its_place() -> None:
    """Its messages are held back until the resuming `join` is answered, which brings them again."""
    talk, first, ref = overtaken(backlog=9)
    late = joined(ref, head=5)
    gap = Gap(room="lobby", start=3, to=4, reason="retention", epoch="e1")
    told = (refused("rate_limited", ref=first.ref, retry_after=1.0), late, message(2), gap)
    assert talk.tell(*told)[1:] == [late]
    talk.wait(1.1)
    again = joined(first.ref, head=5)
    brought = (again, message(2), gap, message(5))
    assert talk.tell(*brought) == [*brought]
