"""The machine as scripts: what the server says, and what the client makes of it."""

from __future__ import annotations

import pytest

from netchat.chat import events, requests
from netchat.client.notices import (
    CaughtUp,
    Closed,
    Delayed,
    Failed,
    NameRefused,
    Offline,
    Online,
)
from netchat.client.silence import BYE_PATIENCE
from netchat.client.stages import State

from .support import Conversation, accepted, joined, message, refused, welcome


def post(text: str = "hola", room: str = "lobby") -> requests.Post:
    return requests.Post(text=text, id="-", room=room)


def test_it_says_hello_as_soon_as_it_is_connected() -> None:
    talk = Conversation()
    (hello,) = talk.connect()
    assert isinstance(hello, requests.Hello)
    assert (hello.name, hello.version, hello.token) == ("ana", 1, None)
    assert talk.tell(welcome("Ana")) == [Online(name="Ana", resumed=False)]
    assert talk.machine.name == "Ana"


def test_without_a_name_it_does_not_want_to_connect() -> None:
    talk = Conversation(None)
    talk.machine.tick(talk.now)
    assert talk.machine.deadline is None
    talk.machine.login("ana")
    talk.machine.tick(talk.now)
    assert talk.machine.state is State.CONNECTING


def test_what_is_asked_before_there_is_a_connection_leaves_in_that_order() -> None:
    talk = Conversation()
    talk.machine.ask(requests.Join(room="lobby"))
    talk.machine.ask(post())
    talk.machine.ask(requests.Leave(room="lobby"))
    assert [type(r).__name__ for r in talk.connect()] == ["Hello"]
    talk.tell(welcome())
    assert [type(r).__name__ for r in talk.sent()] == ["Join", "Post", "Leave"]


def test_a_post_cut_off_before_its_acknowledgement_is_sent_again_with_its_id() -> None:
    talk = Conversation()
    talk.online("lobby")
    id = talk.machine.ask(post())
    assert [r.id for r in talk.sent() if isinstance(r, requests.Post)] == [id]
    assert isinstance(talk.lose()[0], Offline)
    (hello,) = talk.connect()
    assert isinstance(hello, requests.Hello)
    assert hello.token == "t1"
    assert talk.tell(welcome(token="t2")) == [Online(name="ana", resumed=True)]
    join, ping, again = talk.sent()
    assert isinstance(join, requests.Join)
    assert (join.room, join.after, join.epoch) == ("lobby", 0, "e1")
    assert isinstance(again, requests.Post)
    assert again.id == id
    mine = message(1, sender="ana", id=id)
    # It had been stored after all: it comes with the backlog, and is shown once.
    back = joined(join.ref, head=1)
    news = talk.tell(back, mine, events.Pong(ref=ping.ref), accepted(id, 1, duplicate=True), mine)
    assert news == [back, mine, CaughtUp(whole=True), accepted(id, 1, duplicate=True)]
    assert len(talk.machine.outbox) == 0


def test_what_was_not_sent_before_a_cut_is_not_sent_before_the_hello() -> None:
    talk = Conversation()
    talk.online("lobby")
    talk.machine.ask(post())
    talk.lose()
    assert [type(r) for r in talk.connect()] == [requests.Hello]


def test_a_taken_name_is_told_and_another_tried_on_the_same_connection() -> None:
    talk = Conversation()
    (hello,) = talk.connect()
    assert talk.tell(refused("name_taken", ref=hello.ref)) == [
        NameRefused(name="ana", code="name_taken", message="(name_taken)")
    ]
    talk.machine.login("bea")
    (hello,) = talk.sent()
    assert isinstance(hello, requests.Hello)
    assert hello.name == "bea"


def test_a_login_that_times_out_while_a_person_thinks_is_not_heard_of() -> None:
    talk = Conversation()
    (hello,) = talk.connect()
    talk.tell(refused("name_taken", ref=hello.ref))
    assert talk.tell(refused("login_timeout", fatal=True)) == []
    assert talk.machine.state is State.OFFLINE
    assert talk.machine.deadline is None
    talk.machine.login("bea")
    (hello,) = talk.connect()
    assert isinstance(hello, requests.Hello)
    assert hello.name == "bea"


def test_a_lost_token_means_a_new_identity_and_says_what_may_be_there_twice() -> None:
    talk = Conversation()
    talk.online("lobby")
    talk.tell(message(1), message(1, room="@a"))
    talk.machine.ask(post())
    talk.sent()
    talk.lose()
    (hello,) = talk.connect()
    talk.tell(refused("bad_token", ref=hello.ref))
    (again,) = talk.wait(0)
    assert isinstance(again, requests.Hello)
    assert (again.name, again.token) == ("ana", None)
    assert talk.tell(welcome()) == [Online(name="ana", resumed=False, doubtful=1)]
    join = talk.sent()[0]
    assert isinstance(join, requests.Join)
    assert (join.room, join.after) == ("lobby", 1)


def test_a_busy_login_is_tried_again_when_the_server_says() -> None:
    talk = Conversation()
    (hello,) = talk.connect()
    assert talk.tell(refused("auth_busy", ref=hello.ref, retry_after=3.0)) == [
        Delayed(code="auth_busy", message="(auth_busy)", retry_in=3.0)
    ]
    assert talk.wait(2.9) == []
    assert talk.machine.deadline == pytest.approx(talk.now + 0.1)
    assert [type(r) for r in talk.wait(0.1)] == [requests.Hello]


@pytest.mark.parametrize("code", ["replaced", "kicked"])
def test_who_was_sent_away_does_not_come_back(code: str) -> None:
    talk = Conversation()
    talk.online("lobby")
    assert talk.tell(refused(code, fatal=True)) == [Closed(message=f"({code})", code=code)]
    talk.wait(3_600)
    assert talk.machine.state is State.CLOSED


def test_the_servers_goodbye_says_when_to_come_back() -> None:
    talk = Conversation()
    talk.online("lobby")
    (offline,) = talk.tell(events.Bye(reason="shutdown", retry_after=5.0))
    assert isinstance(offline, Offline)
    assert (offline.code, offline.retry_in) == ("bye", 5.5)
    assert talk.machine.deadline == talk.now + 5.5
    talk.wait(5.5)
    assert talk.machine.state is State.CONNECTING


def test_a_full_store_delays_posts_and_keeps_their_order() -> None:
    talk = Conversation()
    talk.online("lobby")
    first, second = talk.machine.ask(post("1")), talk.machine.ask(post("2"))
    talk.sent()
    news = talk.tell(
        refused("store_full", id=first, retry_after=2.0),
        refused("store_full", id=second, retry_after=2.0),
    )
    assert news == [Delayed(code="store_full", message="(store_full)", retry_in=2.0)]
    third = talk.machine.ask(post("3"))
    assert talk.wait(1.9) == []
    again = talk.wait(0.2)
    assert [r.id for r in again if isinstance(r, requests.Post)] == [first, second, third]


def test_a_post_refused_for_good_is_handed_back() -> None:
    talk = Conversation()
    talk.online("lobby")
    id = talk.machine.ask(post("too long"))
    (failed,) = talk.tell(refused("text_too_long", id=id))
    assert isinstance(failed, Failed)
    assert (failed.post.text, failed.code) == ("too long", "text_too_long")
    assert len(talk.machine.outbox) == 0


def test_a_post_longer_than_a_frame_fails_here_and_hurts_nobody() -> None:
    talk = Conversation()
    talk.online("lobby")
    talk.machine.ask(post("x" * 70_000))
    (failed,) = talk.machine.take_events()
    assert isinstance(failed, Failed)
    assert failed.code == "text_too_long"
    talk.machine.ask(post("short"))
    assert len(talk.sent()) == 1


def test_text_that_is_not_unicode_is_refused_at_once() -> None:
    talk = Conversation()
    with pytest.raises(UnicodeEncodeError):
        talk.machine.ask(post("\ud800"))
    assert len(talk.machine.outbox) == 0


def test_the_servers_ping_is_answered() -> None:
    talk = Conversation()
    talk.online()
    talk.tell(events.Ping())
    assert talk.sent() == [requests.Pong()]


def test_after_a_long_silence_it_asks_once_and_then_gives_up() -> None:
    talk = Conversation()
    talk.online()
    assert talk.wait(44.9) == []
    assert talk.wait(0.2) == [requests.Ping()]
    assert talk.wait(19.9) == []
    talk.wait(0.2)
    assert isinstance(talk.machine.take_events()[-1], Offline)
    assert talk.machine.state is State.OFFLINE


def test_a_welcome_makes_the_waits_short_again() -> None:
    talk = Conversation()
    waits = []
    for _ in range(3):
        talk.connect()
        waits += [n.retry_in for n in talk.lose() if isinstance(n, Offline)]
    talk.online()
    waits += [n.retry_in for n in talk.lose() if isinstance(n, Offline)]
    assert waits == [0.5, 1.0, 2.0, 0.5]


def test_any_byte_ends_the_silence() -> None:
    talk = Conversation()
    talk.online()
    talk.wait(45.1)
    talk.machine.receive(b"\0", talk.now + 10)
    talk.wait(30)
    assert talk.machine.state is State.ONLINE


def test_bye_leaves_behind_everything_that_was_sent() -> None:
    talk = Conversation()
    talk.online("lobby")
    id = talk.machine.ask(post())
    talk.machine.bye()
    assert [type(r).__name__ for r in talk.sent()] == ["Post", "Bye"]
    news = talk.tell(accepted(id, 1), message(1, id=id), events.Bye(reason="bye"))
    assert [type(n).__name__ for n in news] == ["Accepted", "Message", "Closed"]
    assert talk.machine.state is State.CLOSED


def test_a_drop_while_leaving_is_an_end_too() -> None:
    talk = Conversation()
    talk.online()
    talk.machine.bye()
    assert [type(n) for n in talk.lose()] == [Closed]


def test_a_refused_bye_is_an_end_too() -> None:
    talk = Conversation()
    talk.online()
    talk.machine.bye()
    (bye,) = talk.sent()
    assert [type(n) for n in talk.tell(refused("rate_limited", ref=bye.ref, retry_after=9.0))] == [
        Closed
    ]
    assert talk.machine.state is State.CLOSED


def test_a_bye_that_is_not_answered_ends_by_itself_although_the_server_lives() -> None:
    talk = Conversation()
    talk.online()
    talk.now += 3_600  # the caller's last look at the clock may be long ago
    talk.machine.bye()
    talk.wait(0)
    talk.wait(BYE_PATIENCE - 0.1)
    talk.tell(events.Ping())
    assert talk.machine.state is State.LEAVING
    assert talk.machine.deadline == pytest.approx(talk.now + 0.1)
    talk.wait(0.2)
    assert [type(n) for n in talk.machine.take_events()] == [Closed]


def test_bytes_that_are_no_protocol_end_the_connection_only() -> None:
    talk = Conversation()
    talk.online()
    talk.machine.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n", talk.now)
    assert isinstance(talk.machine.take_events()[-1], Offline)
    assert talk.machine.deadline is not None
