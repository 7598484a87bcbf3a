"""A machine with a journal: what the next life begins with, and what it does not do twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.chat import events, requests
from netchat.chat.events import Gap, RoomInfo
from netchat.chat.requests import Request
from netchat.client.journal import Known, Left, Posted, Settled
from netchat.client.notices import CaughtUp, Failed, NameRefused, Online
from netchat.client.stages import State

from .support import Conversation, MemoryJournal, accepted, joined, message, refused, welcome


def post(text: str = "hola", room: str | None = "lobby", to: str | None = None) -> requests.Post:
    return requests.Post(text=text, id="-", room=room, to=to)


def posts(sent: list[Request]) -> list[tuple[str, str]]:
    return [(r.id, r.text) for r in sent if isinstance(r, requests.Post)]


def joins(sent: list[Request]) -> list[tuple[str, int | None]]:
    return [(r.room, r.after) for r in sent if isinstance(r, requests.Join)]


def test_a_post_is_in_the_journal_before_anything_is_sent() -> None:
    journal = MemoryJournal()
    talk = Conversation(journal=journal)
    key = talk.machine.ask(post())
    assert journal.records == [Posted(key, "hola", "lobby")]
    talk.machine.ask(requests.Join(room="lobby"))
    assert len(journal.records) == 1


def test_the_next_life_sends_what_was_not_answered_under_the_same_ids_and_identity() -> None:
    journal = MemoryJournal()
    first = Conversation(journal=journal)
    first.online("lobby")
    keys = [first.machine.ask(post(text)) for text in ("one", "two", "three")]
    first.tell(accepted(keys[0], 1), events.Error(id=keys[1], code="forbidden", message="No."))
    second = Conversation(journal=journal)
    [hello] = second.connect()
    assert isinstance(hello, requests.Hello)
    assert (hello.name, hello.token) == ("ana", "t1")
    assert second.machine.returning
    assert second.tell(welcome()) == [Online(name="ana", resumed=True)]
    assert posts(second.sent()) == [(keys[2], "three")]
    second.tell(accepted(keys[2], 3, duplicate=True))
    assert journal.kept.posts == {}


def test_new_posts_come_behind_old_ones_and_have_other_ids() -> None:
    journal = MemoryJournal()
    first = Conversation(journal=journal)
    old = [first.machine.ask(post(f"old {n}")) for n in range(3)]
    second = Conversation(journal=journal)
    new = second.machine.ask(post("new"))
    second.connect()
    second.tell(welcome())
    ids = [id for id, _ in posts(second.sent())]
    assert ids == [*old, new]
    assert len(set(ids)) == 4
    third = Conversation(journal=journal)
    assert [p.id for p in third.machine.outbox.unsent()] == [*old, new]


def test_what_was_posted_before_there_was_a_journal_is_in_it_too() -> None:
    journal = MemoryJournal()
    journal.write(Posted("x-1", "old", "lobby"))
    talk = Conversation(None)
    key = talk.machine.ask(post("new"))
    talk.machine.keep(journal)
    assert list(journal.kept.posts) == ["x-1", key]
    assert [p.id for p in talk.machine.outbox.unsent()] == ["x-1", key]


def test_rooms_that_old_posts_are_for_are_joined_before_them() -> None:
    """The join of the earlier life may never have been answered."""
    journal = MemoryJournal()
    first = Conversation(journal=journal)
    for room, to in (("den", None), (None, "bea"), ("den", None), ("@talk", None)):
        first.machine.ask(post(room=room, to=to))
    second = Conversation(journal=journal)
    second.connect()
    second.tell(welcome())
    sent = second.sent()
    assert joins(sent) == [("den", None)]
    kinds = [type(r) for r in sent if not isinstance(r, requests.Ping)]
    assert kinds == [requests.Join, *[requests.Post] * 4]


def test_the_next_life_is_in_the_same_rooms_and_is_handed_what_came_after() -> None:
    journal = MemoryJournal()
    first = Conversation(journal=journal)
    first.online("lobby", "Den")
    first.tell(message(1), message(2), message(1, room="@t"))
    first.machine.handled()
    first.tell(message(3))  # and killed, before anybody has seen it
    second = Conversation(journal=journal)
    assert list(second.machine.positions) == ["lobby", "Den"]
    second.connect()
    second.tell(welcome(talks=[RoomInfo(room="@t", head=2, with_="bea")]))
    *asked, ping = second.sent()
    assert joins(asked) == [("lobby", 2), ("Den", 0), ("@t", 1)]
    back = joined(asked[0].ref, head=3)
    news = second.tell(back, message(2), message(3), events.Pong(ref=ping.ref))
    assert news == [back, message(3), CaughtUp(whole=True)]


def test_what_was_taken_and_not_dealt_with_is_handed_out_again() -> None:
    journal = MemoryJournal()
    first = Conversation(journal=journal)
    first.online("lobby")
    first.machine.handled()
    first.tell(message(1))
    assert journal.kept.held["lobby"].seq == 0


def test_events_that_nobody_has_taken_are_not_dealt_with() -> None:
    journal = MemoryJournal()
    talk = Conversation(journal=journal)
    talk.online("lobby")
    talk.machine.lost("gone", talk.now)
    talk.machine.handled()
    assert journal.kept.held == {}


def test_a_goodbye_leaves_the_rooms_and_keeps_the_identity_its_talks_and_its_posts() -> None:
    journal = MemoryJournal()
    first = Conversation(journal=journal)
    first.online("lobby")
    first.tell(message(1), message(4, room="@t"))
    first.machine.handled()
    first.machine.ask(post())
    first.machine.bye()
    assert journal.records[-1] == Left("lobby")
    first.tell(message(2), message(5, room="@t"))
    first.machine.handled()
    assert {room: held.seq for room, held in journal.kept.held.items()} == {"@t": 5}
    assert journal.kept.known == Known("ana", "t1")
    assert len(journal.kept.posts) == 1


def test_after_a_goodbye_only_talks_with_news_are_read_on() -> None:
    journal = MemoryJournal()
    journal.write(Known("ana", "t1"))
    first = Conversation(journal=journal)
    first.online()
    first.tell(message(4, room="@t"), message(1, room="@u"))
    first.machine.handled()
    first.machine.bye()
    second = Conversation(journal=journal)
    second.connect()
    talks = [RoomInfo(room=room, head=4, with_="x") for room in ("@t", "@u")]
    second.tell(welcome(talks=talks))
    assert joins(second.sent()) == [("@u", 1)]


def test_who_is_not_known_any_more_is_somebody_new_and_is_told_what_may_come_twice() -> None:
    journal = MemoryJournal()
    first = Conversation(journal=journal)
    first.online("lobby")
    first.machine.ask(post())
    second = Conversation(journal=journal)
    second.connect()
    assert second.tell(refused("bad_token", ref="hello")) == []
    [hello] = second.wait(0)
    assert isinstance(hello, requests.Hello) and hello.token is None
    online = Online(name="ana", resumed=False, doubtful=1)
    assert second.tell(welcome(token="t2")) == [online]
    assert journal.kept.known == Known("ana", "t2")
    assert len(posts(second.sent())) == 1


def test_what_was_never_sent_cannot_come_twice() -> None:
    """The earlier life never had a connection."""
    journal = MemoryJournal()
    Conversation(journal=journal).machine.ask(post())
    second = Conversation(journal=journal)
    second.connect()
    assert second.tell(welcome()) == [Online(name="ana", resumed=False)]


def test_a_name_that_has_gone_is_replaced_and_the_identity_stays() -> None:
    journal = MemoryJournal()
    first = Conversation(journal=journal)
    first.online("lobby")
    first.machine.ask(post())
    second = Conversation(journal=journal)
    second.connect()
    taken = second.tell(refused("name_taken", ref="hello"))
    assert taken == [NameRefused(name="ana", code="name_taken", message="(name_taken)")]
    second.machine.login("ana2")
    [hello] = second.sent()
    assert isinstance(hello, requests.Hello)
    assert (hello.name, hello.token) == ("ana2", "t1")
    second.tell(welcome("ana2"))
    assert journal.kept.known == Known("ana2", "t1")
    third = Conversation(None, journal=journal)
    assert third.machine.name == "ana2"


def test_a_refusal_for_good_is_told_and_not_repeated_in_the_next_life() -> None:
    journal = MemoryJournal()
    first = Conversation(journal=journal)
    key = first.machine.ask(post())
    second = Conversation(journal=journal)
    second.connect()
    second.tell(welcome())
    second.sent()
    conflict = events.Error(id=key, code="id_conflict", message="No.")
    [failed] = second.tell(conflict)
    assert isinstance(failed, Failed) and failed.post.text == "hola"
    assert journal.records[-1] == Settled(key)
    assert journal.kept.posts == {}


def test_a_refusal_for_now_stays_in_the_journal() -> None:
    journal = MemoryJournal()
    talk = Conversation(journal=journal)
    talk.online("lobby")
    key = talk.machine.ask(post())
    talk.tell(events.Error(id=key, code="store_full", message="No.", retry_after=1.0))
    assert list(journal.kept.posts) == [key]


def test_a_log_that_has_begun_anew_is_told_of_in_the_next_life() -> None:
    journal = MemoryJournal()
    first = Conversation(journal=journal)
    first.online("lobby")
    first.tell(message(1))
    first.machine.handled()
    second = Conversation(journal=journal)
    second.connect()
    second.tell(welcome(epoch="e2"))
    join = second.sent()[0]
    assert isinstance(join, requests.Join)
    assert (join.after, join.epoch) == (1, "e1")
    gap = Gap(room="lobby", start=1, to=1, reason="epoch_changed", epoch="e2")
    assert gap in second.tell(joined(join.ref, epoch="e2"), gap)


def test_an_unchanged_place_is_noted_once() -> None:
    journal = MemoryJournal()
    talk = Conversation(journal=journal)
    talk.online("lobby")
    talk.machine.handled()
    noted = len(journal.records)
    talk.machine.handled()
    assert len(journal.records) == noted


steps = st.lists(
    st.sampled_from(["post", "connect", "welcome", "accept", "refuse", "lose", "kill"]),
    max_size=40,
)


@given(steps)
def test_whenever_it_is_killed_every_post_is_settled_once_or_sent_again(done: list[str]) -> None:
    """A server that stores each id once, and a client that dies again and again."""
    journal = MemoryJournal()
    talk = Conversation(journal=journal)
    asked: list[str] = []
    stored: dict[str, str] = {}
    answered: set[str] = set()
    flying: list[tuple[str, str]] = []
    for step in [*done, "kill", "connect", "welcome"]:
        match step:
            case "post":
                asked.append(talk.machine.ask(post(f"text {len(asked)}")))
            case "connect" if talk.machine.state is State.OFFLINE:
                talk.connect()
            case "welcome" if talk.machine.state is State.GREETING:
                talk.tell(welcome())
            case "accept" if flying:
                id, text = flying.pop(0)
                duplicate = id in stored
                assert stored.setdefault(id, text) == text
                talk.tell(accepted(id, len(stored), duplicate=duplicate))
                answered.add(id)
            case "refuse" if flying:
                id, _ = flying.pop(0)
                talk.tell(events.Error(id=id, code="forbidden", message="No."))
                answered.add(id)
            case "lose" if talk.machine.state is State.ONLINE:
                for id, text in flying:  # they may have arrived all the same
                    stored.setdefault(id, text)
                talk.lose()
                flying = []
            case "kill":
                talk = Conversation(journal=journal)
                flying = []
        flying += posts(talk.sent())
        assert list(journal.kept.posts) == [id for id in asked if id not in answered]
    assert [id for id, _ in flying] == [id for id in asked if id not in answered]
    assert all(text == f"text {asked.index(id)}" for id, text in flying)
