"""The client on a real reactor, with a scripted server on loopback."""

from __future__ import annotations

import selectors
import time
from contextlib import closing

import pytest

from netchat.chat import events, requests
from netchat.chat.events import Message
from netchat.chat.requests import Request
from netchat.client import Client
from netchat.client.client import MAX_UNTAKEN
from netchat.client.notices import CaughtUp, News, Offline, Online
from netchat.net.clock import SystemClock
from netchat.net.epoll import EpollSelector
from netchat.net.reactor import Reactor

from ..net.support import real_reactor
from .support import Connection, NoRandom, Peer, cut_first_post, message, run_until, taken

LONG = 30.0
"""Seconds that a flood may take on a machine that has other things to do."""


def test_a_post_that_was_cut_off_is_stored_once_and_shown_once() -> None:
    with Peer(cut_first_post) as peer, real_reactor() as reactor:
        client = Client(peer.address, name="ana", reactor=reactor, random=NoRandom())
        client.join("lobby")
        id = client.post("hola", room="lobby")
        news: list[News] = []
        run_until(reactor, lambda: taken(client, news) and not client.unanswered)
        kinds = [type(n).__name__ for n in news]
        assert kinds.count("Message") == 1
        assert kinds.count("Offline") == 1
        assert [r.id for r in peer.of(requests.Post) if isinstance(r, requests.Post)] == [id, id]
        assert len(peer.logs["lobby"]) == 1
        assert CaughtUp(whole=True) in news
        client.close()
        reactor.run_once(0)


def test_it_serves_inside_of_a_foreign_selector() -> None:
    with Peer() as peer, selectors.DefaultSelector() as selector:
        client = Client(peer.address, name="ana")
        client.join("lobby")
        client.post("hola", room="lobby")
        selector.register(client.reactor, selectors.EVENT_READ)
        news: list[News] = []
        deadline = time.monotonic() + 5
        while not client.closed:
            assert time.monotonic() < deadline
            selector.select(client.reactor.next_timeout())
            client.reactor.run_once(0)
            news += client.take_events()
            if any(isinstance(n, Message) for n in news):
                client.bye()
        assert [type(n).__name__ for n in news] == [
            "Online", "Joined", "Accepted", "Message", "Closed",
        ]  # fmt: skip
        client.close()


def test_what_others_wrote_meanwhile_comes_once_after_a_cut() -> None:
    def cut(peer: Peer, connection: Connection, request: Request) -> None:
        peer.serve(connection, request)
        if isinstance(request, requests.Rooms) and len(peer.connections) == 1:
            peer.add("lobby", "two")
            connection.cut()

    with Peer(cut) as peer, real_reactor() as reactor:
        peer.add("lobby", "one")
        client = Client(peer.address, name="ana", reactor=reactor, random=NoRandom())
        client.join("lobby")
        client.list_rooms()
        news: list[News] = []
        run_until(reactor, lambda: CaughtUp(whole=True) in taken(client, news))
        texts = [n.text for n in news if isinstance(n, Message)]
        assert texts == ["one", "two"]
        assert client.rooms == ["lobby"]
        client.close()
        reactor.run_once(0)


def test_nobody_at_the_address_is_told_and_tried_again() -> None:
    with Peer() as peer:
        address = peer.address
    with real_reactor() as reactor:
        client = Client(address, name="ana", reactor=reactor, random=NoRandom())
        news: list[News] = []
        run_until(reactor, lambda: len(taken(client, news)) > 1)
        assert all(isinstance(n, Offline) and "refused" in n.reason for n in news)
        client.close()


class Leaping(SystemClock):
    """The machine's clock, that can leap ahead."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def test_events_that_nobody_takes_are_left_with_the_server() -> None:
    flood = [message(n) for n in range(1, MAX_UNTAKEN * 20 + 1)]

    def serve(peer: Peer, connection: Connection, request: Request) -> None:
        peer.serve(connection, request)
        if isinstance(request, requests.Join):
            connection.send(*flood)

    clock = Leaping()
    reactor = Reactor(EpollSelector(), clock, strict=True)
    with Peer(serve) as peer, closing(reactor):
        client = Client(peer.address, name="ana", reactor=reactor)
        client.join("lobby")
        run_until(reactor, lambda: client._machine.untaken > MAX_UNTAKEN, LONG)
        for _ in range(10):
            clock.ahead += 20.0  # nor is the silence that this makes held against the server
            reactor.run_once(0.01)
        assert client._machine.untaken < MAX_UNTAKEN * 3
        assert client.online and len(peer.connections) == 1
        seqs: list[int] = []

        def all_there() -> bool:
            seqs.extend(n.seq for n in client.take_events() if isinstance(n, Message))
            return len(seqs) >= len(flood)

        run_until(reactor, all_there, LONG)
        assert seqs == [each.seq for each in flood]
        client.close()
        reactor.run_once(0)


def test_a_client_without_a_name_waits_for_one() -> None:
    with Peer() as peer, real_reactor() as reactor:
        client = Client(peer.address, reactor=reactor)
        reactor.run_once(0)
        assert reactor.next_timeout() is None
        client.login("ana")
        run_until(reactor, lambda: client.online)
        assert client.take_events() == [Online(name="ana", resumed=False)]
        client.typing(room="lobby")
        client.bye()
        run_until(reactor, lambda: client.closed)
        kinds = [type(r) for r in peer.connections[0].requests]
        assert kinds == [requests.Hello, requests.Typing, requests.Bye]
        client.close()
        reactor.run_once(0)


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="is not an address"):
        Client("no where", name="ana")


def test_an_unknown_event_of_a_later_server_is_passed_over() -> None:
    def novelty(peer: Peer, connection: Connection, request: Request) -> None:
        payload = b'{"type":"confetti"}'
        connection.sock.sendall(len(payload).to_bytes(4, "big") + payload)
        peer.serve(connection, request)

    with Peer(novelty) as peer, real_reactor() as reactor:
        client = Client(peer.address, name="ana", reactor=reactor)
        client.list_rooms()
        run_until(reactor, lambda: client.online and not client.unanswered)
        kinds = [type(n) for n in client.take_events()]
        assert kinds == [Online, events.RoomList]
        client.close()
        reactor.run_once(0)
