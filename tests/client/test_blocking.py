from __future__ import annotations

from pathlib import Path

import pytest

from netchat.chat import events, requests
from netchat.chat.events import Message
from netchat.chat.requests import Request
from netchat.client import (
    Chat,
    Client,
    Disconnected,
    OutboxError,
    Refused,
    TimedOut,
    Unreachable,
    connect,
)
from netchat.client.notices import CaughtUp, Closed, Offline, Online

from .support import Connection, NoRandom, Peer, Script


def refuse(kind: type[Request], code: str, *, fatal: bool = False) -> Script:
    def script(peer: Peer, connection: Connection, request: Request) -> None:
        if type(request) is kind:
            id = request.id if isinstance(request, requests.Post) else None
            error = events.Error(ref=request.ref, id=id, code=code, message="no", fatal=fatal)
            connection.send(error)
        else:
            peer.serve(connection, request)

    return script


def ignore(kind: type[Request]) -> Script:
    def script(peer: Peer, connection: Connection, request: Request) -> None:
        if type(request) is not kind:
            peer.serve(connection, request)

    return script


def test_a_conversation_from_beginning_to_end() -> None:
    with Peer() as peer:
        peer.add("lobby", "before")
        with connect(peer.address, name="ana") as chat:
            assert chat.name == "ana"
            assert chat.join("lobby").head == 1
            accepted = chat.post("hola", room="lobby")
            assert accepted.seq == 2
            assert chat.post("psst", to="bea").room == "@1"
            assert [m.name for m in chat.who("lobby")] == ["ana", "bea"]
            assert [r.room for r in chat.rooms()] == ["lobby"]
            assert [m.text for m in chat.history("lobby").messages] == ["before", "hola"]
            texts = [e.text for e in chat.events(timeout=0.01) if isinstance(e, Message)]
            assert texts == ["before", "hola", "psst"]
            assert chat.leave("lobby").room == "lobby"
        assert type(peer.connections[0].requests[-1]) is requests.Bye
        chat.close()


def test_a_taken_name_is_raised_with_its_code() -> None:
    with (
        Peer(refuse(requests.Hello, "name_taken")) as peer,
        pytest.raises(Refused) as caught,
    ):
        connect(peer.address, name="ana")
    assert caught.value.code == "name_taken"


def test_nobody_there_is_unreachable() -> None:
    with Peer() as peer:
        address = peer.address
    with pytest.raises(Unreachable):
        connect(address, name="ana")


def test_a_server_that_says_nothing_is_not_waited_for_forever() -> None:
    with (
        Peer(ignore(requests.Hello)) as peer,
        pytest.raises(TimedOut),
    ):
        connect(peer.address, name="ana", timeout=0.05)


@pytest.mark.parametrize("kind", [requests.Join, requests.Post])
def test_a_refusal_is_raised_where_it_was_asked_for(kind: type[Request]) -> None:
    with (
        Peer(refuse(kind, "forbidden")) as peer,
        connect(peer.address, name="ana") as chat,
    ):
        with pytest.raises(Refused) as caught:
            if kind is requests.Join:
                chat.join("lobby")
            else:
                chat.post("x", room="lobby")
        assert caught.value.code == "forbidden"
        assert list(chat.events(timeout=0)) == []


def test_an_acknowledgement_that_does_not_come_is_timed_out() -> None:
    with (
        Peer(ignore(requests.Post)) as peer,
        connect(peer.address, name="ana") as chat,
    ):
        with pytest.raises(TimedOut):
            chat.post("x", room="lobby", timeout=0.05)
        assert [p.text for p in chat.client.unsent] == ["x"]


def test_who_is_kicked_hears_of_it_and_the_events_end() -> None:
    with Peer(refuse(requests.Post, "kicked", fatal=True)) as peer:
        chat = connect(peer.address, name="ana")
        with pytest.raises((Refused, Disconnected)):
            chat.post("x", room="lobby")
        assert list(chat.events()) == [Closed(message="no", code="kicked")]
        with pytest.raises(Disconnected):
            chat.join("lobby")
        chat.close()


def test_a_post_survives_a_cut_and_the_caller_need_not_know() -> None:
    def cut(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Post) and len(peer.connections) == 1:
            connection.cut()
        else:
            peer.serve(connection, request)

    with Peer(cut) as peer, Chat(Client(peer.address, name="ana", random=NoRandom())) as chat:
        chat.wait_online()
        chat.join("lobby")
        assert chat.post("hola", room="lobby").seq == 1
        kinds = [type(e) for e in chat.events(timeout=0.01)]
        assert kinds.count(Offline) == 1
        assert kinds.count(Online) == 1
        assert kinds.count(CaughtUp) == 1
        assert kinds.count(Message) == 1
        hello = peer.connections[1].requests[0]
        assert isinstance(hello, requests.Hello)
        assert hello.token == "t1"


def test_pages_are_followed_to_the_end() -> None:
    def pages(peer: Peer, connection: Connection, request: Request) -> None:
        if not isinstance(request, requests.Who):
            return peer.serve(connection, request)
        names = ["a", "b", "c"]
        at = names.index(request.after) + 1 if request.after else 0
        row = events.MemberInfo(name=names[at], since=0)
        page = events.Members(ref=request.ref, room="r", members=[row], complete=at == 2)
        return connection.send(page)

    with Peer(pages) as peer, connect(peer.address, name="ana") as chat:
        assert [m.name for m in chat.who("r")] == ["a", "b", "c"]


def test_a_program_that_is_started_again_sends_what_was_not_accepted_once(tmp_path: Path) -> None:
    outbox = tmp_path / "bot.outbox"
    with Peer(ignore(requests.Post)) as peer:
        chat = connect(peer.address, name="bot", outbox=outbox)
        with pytest.raises(TimedOut):
            chat.post("hola", room="lobby", timeout=0.05)
        with pytest.raises(OutboxError, match="in use"):
            connect(peer.address, name="bot", outbox=outbox)
        chat.client.close()  # without a word: as good as killed
        peer._script = Peer.serve
        with connect(peer.address, name="bot", outbox=outbox) as again:
            accepted = next(e for e in again.events(timeout=5) if isinstance(e, events.Accepted))
        [hello, *_] = [r for r in peer.of(requests.Hello) if isinstance(r, requests.Hello)][1:]
        assert hello.token == "t1"
        ids = {r.id for r in peer.of(requests.Post) if isinstance(r, requests.Post)}
        assert ids == {accepted.id}


def test_an_outbox_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="belongs to a name"):
        Client("127.0.0.1:1", outbox=tmp_path / "outbox")


def test_a_refused_name_leaves_no_outbox_behind(tmp_path: Path) -> None:
    with Peer(refuse(requests.Hello, "name_taken")) as peer, pytest.raises(Refused):
        connect(peer.address, name="bot", outbox=tmp_path / "outbox")
    assert list(tmp_path.iterdir()) == []
