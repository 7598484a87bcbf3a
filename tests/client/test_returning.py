"""A terminal that was killed, or left with something unsent, and is started again."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from netchat import exits
from netchat.chat import events, requests
from netchat.chat.events import RoomInfo
from netchat.chat.requests import Request
from netchat.client import terminal
from netchat.client.failures import OutboxError
from netchat.client.journal import Held, Kept, Known, Posted, decode
from netchat.client.outbox_file import OutboxFile
from netchat.client.start import outbox_path

from .desk import desk
from .support import Connection, Peer, welcome


def kept(folder: Path, name: str = "ana") -> Kept:
    """What the file holds."""
    return Kept(decode((folder / f"{name}.outbox").read_bytes())[0])


def earlier_life(folder: Path, address: str, *texts: str, room: str = "lobby") -> None:
    """Ana was killed with these texts typed."""
    file = OutboxFile(folder / "ana.outbox", server=address, name="ana")
    file.write(Known("ana", "t1"))
    file.write(*(Posted(f"old-{n}", text, room) for n, text in enumerate(texts)))
    file.close()


def test_what_was_typed_in_an_earlier_life_is_sent_once_and_told_of(tmp_path: Path) -> None:
    with desk(person=True, folder=tmp_path) as (ana, peer):
        earlier_life(tmp_path, peer.address, "one", "two")
        ana.out.answers = [("<ana> two", "exit\n")]
        assert ana.run() == exits.OK
        assert "* 2 messages of last time to be sent\n" in ana.status
        assert ana.messages == ["<ana> one", "<ana> two"]
        [hello] = peer.of(requests.Hello)
        assert isinstance(hello, requests.Hello) and hello.token == "t1"
        assert [m.id for m in peer.logs["lobby"]] == ["old-0", "old-1"]
        ana.client.close()
        assert (kept(tmp_path).posts, kept(tmp_path).held) == ({}, {})
        assert kept(tmp_path).known == Known("ana", "t1")


def test_the_rooms_of_an_earlier_life_are_ours_again(tmp_path: Path) -> None:
    with desk(person=True, folder=tmp_path) as (ana, peer):
        for text in ("seen", "missed"):
            peer.add("den", text)
        file = OutboxFile(tmp_path / "ana.outbox", server=peer.address, name="ana")
        file.write(Known("ana", "t1"), Held("den", "e1", 1))
        file.close()
        ana.out.answers = [("<bea> missed", "hola\n"), ("<ana> hola", "exit\n")]
        assert ana.run() == exits.OK
        assert "* you are in #den, too\n" in ana.status
        assert ana.messages[-1].endswith("<ana> hola")
        assert "seen" not in ana.status
        assert [m.text for m in peer.logs["lobby"]] == ["hola"]


def test_who_leaves_with_something_unsent_is_told_that_it_is_kept(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = "{}:{}".format(*free.getsockname())
    with desk(person=True, folder=tmp_path, address=address) as (ana, _):
        ana.type("hola\nexit\n")
        assert ana.run() == exits.TRY_AGAIN
        told = "* 1 message not accepted yet; kept on disk, and sent when you are back\n"
        assert told in ana.status
        assert [post.text for post in kept(tmp_path).posts.values()] == ["hola"]


def test_a_pipe_that_ends_in_order_hands_back_what_it_could_not_send(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not what a pipe that was killed before it had taken."""
    monkeypatch.setattr(terminal, "PATIENCE", 0.1)

    def deaf(peer: Peer, connection: Connection, request: Request) -> None:
        if not isinstance(request, requests.Post):
            peer.serve(connection, request)

    with desk(deaf, folder=tmp_path) as (ana, peer):
        earlier_life(tmp_path, peer.address, "of another")
        ana.type("hola\n")
        ana.keyboard.close()
        assert ana.run() == exits.TRY_AGAIN
        assert "* 2 of your messages may not have been sent.\n" in ana.status
        assert [post.text for post in kept(tmp_path).posts.values()] == ["of another"]


def forgetful(peer: Peer, connection: Connection, request: Request) -> None:
    """A server that knows no token."""
    if isinstance(request, requests.Hello) and request.token is not None:
        connection.send(events.Error(ref=request.ref, code="bad_token", message="Who?"))
    elif isinstance(request, requests.Hello):
        connection.send(welcome(request.name, ref=request.ref, token="t2"))
    else:
        peer.serve(connection, request)


def test_who_was_forgotten_is_told_and_warned_of_repeats(tmp_path: Path) -> None:
    with desk(forgetful, person=True, folder=tmp_path) as (ana, peer):
        earlier_life(tmp_path, peer.address, "hola")
        ana.out.answers = [("<ana> hola", "exit\n")]
        assert ana.run() == exits.OK
        assert "* the server has forgotten who you were; you are a new user\n" in ana.status
        assert "* 1 of your messages are sent again by a new identity; they may" in ana.status
        assert kept(tmp_path).known == Known("ana", "t2")


def test_who_lost_the_name_chooses_another_and_stays_who_one_was(tmp_path: Path) -> None:
    def taken(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Hello) and request.name == "ana":
            error = events.Error(ref=request.ref, code="name_taken", message="Taken.")
            connection.send(error)
        else:
            peer.serve(connection, request)

    with desk(taken, person=True, folder=tmp_path) as (ana, peer):
        earlier_life(tmp_path, peer.address, "hola")
        ana.out.answers = [("Taken.", "anita\n"), ("<ana> hola", "exit\n")]
        assert ana.run() == exits.OK
        hello = peer.of(requests.Hello)[-1]
        assert isinstance(hello, requests.Hello)
        assert (hello.name, hello.token) == ("anita", "t1")
        assert kept(tmp_path).known == Known("anita", "t1")
    with desk(person=True, folder=tmp_path, address=peer.address) as (ana, _):
        ana.type("exit\n")
        ana.run()
        assert "* you were last called anita here\n" in ana.status


def test_a_refusal_shows_the_whole_text(tmp_path: Path) -> None:
    def refuse(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Post):
            connection.send(events.Error(id=request.id, code="id_conflict", message="No."))
        else:
            peer.serve(connection, request)

    text = "word " * 20 + "end"
    with desk(refuse, folder=tmp_path) as (ana, peer):
        earlier_life(tmp_path, peer.address, text)
        ana.type("exit\n")
        assert ana.run() == exits.FAILURE
        assert f"* not sent: No. ({text})\n" in ana.status


def in_use(path: Path, address: str) -> Callable[[], object]:
    file = OutboxFile(path, server=address, name="ana")
    return file.close


def not_ours(path: Path, address: str) -> Callable[[], object]:
    path.write_bytes(b"a diary\n")
    return lambda: None


@pytest.mark.parametrize(
    ("trouble", "why"), [(in_use, "in use by another client"), (not_ours, "is no outbox")]
)
def test_where_the_file_cannot_be_used_one_chats_without_it_and_is_told(
    trouble: Callable[[Path, str], Callable[[], object]], why: str, tmp_path: Path
) -> None:
    with desk(folder=tmp_path) as (ana, peer):
        end = trouble(tmp_path / "ana.outbox", peer.address)
        ana.type("hola\nexit\n")
        assert ana.run() == exits.OK
        assert "* nothing is kept on disk: " in ana.status and why in ana.status
        assert ana.messages == ["<ana> hola"]
        end()


def test_a_full_disk_is_told_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has room for everything but a post."""
    write = os.write

    def limited(fd: int, data: bytes) -> int:
        if b"posted" in data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data)

    monkeypatch.setattr("netchat.client.outbox_file.os.write", limited)
    monkeypatch.setattr("netchat.client.keeper.RETRY_AFTER", 0.01)
    with desk(person=True, folder=tmp_path) as (ana, _):
        ana.out.answers = [("<ana> hola", "again\n"), ("is on disk again", "exit\n")]
        ana.type("hola\n")
        assert ana.run() == exits.OK
        assert "No space left on device; nothing is kept on disk\n" in ana.status
        assert ana.messages == ["<ana> hola", "<ana> again"]


def test_a_damaged_file_is_told_of(tmp_path: Path) -> None:
    with desk(folder=tmp_path) as (ana, peer):
        earlier_life(tmp_path, peer.address, "hola")
        with (tmp_path / "ana.outbox").open("ab") as file:
            file.write(b"0123")
        ana.type("exit\n")
        assert ana.run() == exits.OK
        assert "* 1 line of " in ana.status and "could not be read; see " in ana.status
        assert ana.messages == ["<ana> hola"]


def test_talks_with_news_are_read_on_after_a_goodbye(tmp_path: Path) -> None:
    def news(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Hello):
            talks = [RoomInfo(room="@1", head=2, with_="bea")]
            connection.send(welcome(ref=request.ref, talks=talks))
        else:
            peer.serve(connection, request)

    with desk(news, person=True, folder=tmp_path) as (ana, peer):
        for text in ("old", "news"):
            peer.add("@1", text).to = "ana"
        file = OutboxFile(tmp_path / "ana.outbox", server=peer.address, name="ana")
        file.write(Known("ana", "t1"), Held("@1", "e1", 1))
        file.close()
        ana.out.answers = [("news", "exit\n")]
        assert ana.run() == exits.OK
        assert ana.messages == ["[bea → you] news"]


def test_the_file_is_found_by_server_and_name_in_folders_of_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = outbox_path("host:1", "Ana")
    assert path == outbox_path("host:1", "ana")
    others = {outbox_path("host:2", "ana"), outbox_path("host:1", "ann"), path}
    assert len(others) == 3
    assert len(outbox_path("host:1", "../" * 9_999).name) < 100
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(OutboxError, match="cannot be made: Not a directory"):
        outbox_path("host:1", "ana")
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
