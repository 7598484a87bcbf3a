"""After the end of input: what was asked is served, what is owed is sent, then it is closed."""

from __future__ import annotations

from netchat.chat.events import Accepted, Bye, HistoryPage, Joined, Left, Message, Welcome
from netchat.chat.requests import Bye as SayBye
from netchat.chat.requests import Hello, History, Join, Leave, Ping
from netchat.config import Limits
from tests.chat.fakes import ManualWorker
from tests.chat.support import post, texts
from tests.sessions.support import Client, House


def script(client: Client, *requests: object) -> None:
    """Everything in one go, and the end right behind it."""
    client.asks(*requests)  # type: ignore[arg-type]
    client.ends()


def test_a_whole_conversation_may_end_before_it_is_answered() -> None:
    house = House()
    ana = house.connect()
    script(ana, Hello(version=1, name="ana"), Join(room="lobby"), post("1"), SayBye())
    ana.gets(Welcome, Joined, Accepted, Message, Bye)
    assert ana.sock.closed


def test_without_a_bye_the_connection_is_closed_and_the_name_held() -> None:
    house = House()
    ana = house.connect()
    script(ana, Hello(version=1, name="ana"), Join(room="lobby"), post("1"))
    ana.gets(Welcome, Joined, Accepted, Message)
    assert ana.sock.closed
    assert "ana" in house.hub.people.names
    room = house.hub.directory.find("lobby")
    assert room is not None
    assert room.count == 1
    house.advance(61)
    assert "ana" not in house.hub.people.names
    assert room.count == 0


def test_hundreds_of_posts_before_the_end_are_all_accepted() -> None:
    house = House()
    ana = house.connect()
    posts = [post(str(number)) for number in range(700)]
    script(ana, Hello(version=1, name="ana"), Join(room="lobby"), *posts)
    assert len(ana.got(Accepted)) == 700
    assert ana.sock.closed


def test_every_kind_of_request_is_served_behind_the_end() -> None:
    disk = ManualWorker()
    house = House(writing=disk)
    ana = house.enter("ana", "lobby")
    ana.heard()
    disk.stalled = True
    script(ana, post("1"), History(room="lobby"), post("2"), Leave(room="lobby"), SayBye())
    assert not ana.sock.closed
    disk.stalled = False
    while disk.calls:
        disk.run()
        house.settle()
    page = ana.gets(Accepted, Message, HistoryPage, Accepted, Message, Left, Bye)[2]
    assert texts(page.messages) == ["1"]
    assert ana.sock.closed


def test_posts_in_flight_are_waited_for() -> None:
    disk = ManualWorker()
    house = House(writing=disk)
    ana = house.enter("ana", "lobby")
    ana.heard()
    disk.stalled = True
    script(ana, post("1"))
    assert not ana.sock.closed
    disk.run()
    house.settle()
    ana.gets(Accepted)
    assert ana.sock.closed


def test_a_page_in_flight_is_waited_for() -> None:
    disk = ManualWorker()
    house = House(reading=disk)
    ana = house.enter("ana", "lobby")
    ana.heard()
    disk.stalled = True
    script(ana, History(room="lobby"))
    assert not ana.sock.closed
    disk.run()
    house.settle()
    ana.gets(HistoryPage)
    assert ana.sock.closed


def test_a_backlog_is_sent_up_to_the_head_of_its_joined_and_no_further() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob")
    for _ in range(4):
        ana.says(*(post("x" * 4_000) for _ in range(50)))
    bob.stalls(10_000)
    script(bob, Join(room="lobby", after=0))
    ana.says(*(post("new") for _ in range(5)))
    assert not bob.sock.closed
    bob.reads()
    joined, *messages = bob.heard()
    assert joined.head == 200
    assert [message.seq for message in messages] == list(range(1, 201))
    assert bob.sock.closed


def test_a_bye_behind_a_post_of_a_reader_that_is_behind_is_answered() -> None:
    disk = ManualWorker()
    house = House(writing=disk)
    ana, bob = house.enter("ana", "lobby"), house.enter("bob")
    ana.says(*(post("x" * 4_000) for _ in range(50)))
    bob.stalls(10_000)
    disk.stalled = True
    script(bob, Join(room="lobby", after=0), post("mine"), SayBye())
    disk.stalled = False
    disk.run()
    house.settle()
    bob.reads()
    assert isinstance(bob.heard()[-1], Bye)
    assert bob.sock.closed


def test_no_new_live_messages_come_after_the_end() -> None:
    disk = ManualWorker()
    house = House(writing=disk)
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    for client in (ana, bob):
        client.heard()
    disk.stalled = True
    script(bob, post("1"))
    ana.says(post("2"))
    disk.run()
    house.settle()
    bob.gets(Accepted)


def test_a_frame_cut_short_is_dropped_without_an_error() -> None:
    house = House()
    ana = house.enter("ana")
    ana.heard()
    ana.sock.inbox += b"\0\0\0\x10{"
    ana.ends()
    assert ana.heard() == []
    assert ana.sock.closed


def test_a_stranger_who_ends_is_closed() -> None:
    house = House()
    peer = house.connect()
    peer.ends()
    assert peer.heard() == []
    assert peer.sock.closed
    assert not house.door.sessions


def test_delayed_requests_are_served_in_their_time() -> None:
    house = House(limits=Limits(request_rate=1, request_burst=2, patience=60))
    ana = house.connect()
    script(ana, Hello(version=1, name="ana"), Join(room="lobby"), Ping(), Ping())
    assert not ana.sock.closed
    house.advance(3)
    assert [type(e).__name__ for e in ana.heard() if type(e).__name__ != "Presence"] == [
        "Welcome",
        "Joined",
        "Pong",
        "Pong",
    ]
    assert ana.sock.closed


def test_one_who_reads_slowly_is_given_the_time() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob")
    ana.says(*(post("x" * 4_000) for _ in range(50)))
    bob.stalls(1_000)
    script(bob, Join(room="lobby", after=0))
    for _ in range(60):
        house.advance(1)
        bob.reads(5_000)
    assert bob.seqs() == list(range(1, 51))
    assert bob.sock.closed
