"""Logging in by password: what a client says, what it hands out, and where it has it from."""

from __future__ import annotations

from pathlib import Path

import pytest

from netchat import exits
from netchat.chat import requests
from netchat.chat.events import PasswordSet
from netchat.chat.requests import Hello, Request
from netchat.cli import main
from netchat.client import Refused, connect
from netchat.client.notices import Delayed, NameRefused, Online
from netchat.client.passwords import VARIABLE, password_as_told
from netchat.client.trust import OVERHEARD
from tests.client.desk import Desk
from tests.client.support import Connection, Conversation, Peer, pipe, refused, welcome

SECRET = "correct horse"


def said(hellos: list[Request]) -> tuple[str | None, str | None]:
    """The token and the password of a hello."""
    (hello,) = hellos
    assert isinstance(hello, Hello)
    return hello.token, hello.password


def talk() -> Conversation:
    made = Conversation(name=None)
    made.machine.login("ana", SECRET)
    return made


def test_the_password_is_said_until_there_is_a_token_of_the_account() -> None:
    ana = talk()
    assert said(ana.connect()) == (None, SECRET)
    news = ana.tell(welcome(account=True, registered=True))
    assert news == [Online(name="ana", resumed=False, account=True, registered=True)]
    ana.lose()
    assert said(ana.connect()) == ("t1", None)
    assert ana.tell(welcome(account=True)) == [Online(name="ana", resumed=True, account=True)]


def test_a_guests_token_and_a_password_are_said_together_to_become_an_account() -> None:
    ana = Conversation()
    ana.online()
    ana.lose()
    ana.machine.login("ana", SECRET)
    assert said(ana.connect()) == ("t1", SECRET)


def test_after_a_revoked_token_the_password_makes_us_the_same_account_again() -> None:
    ana = talk()
    ana.connect()
    ana.tell(welcome(account=True))
    ana.machine.ask(requests.Post(text="hola", id="-", room="lobby"))
    ana.sent()
    ana.lose()
    ana.connect()
    assert ana.tell(refused("bad_token", ref="hello")) == []
    assert said(ana.wait(0)) == (None, SECRET)
    news = ana.tell(welcome(account=True, token="t2"))
    assert news[0] == Online(name="ana", resumed=True, account=True)


@pytest.mark.parametrize("code", ["name_taken", "bad_credentials"])
def test_where_a_password_is_missing_the_notice_says_so(code: str) -> None:
    ana = Conversation()
    ana.connect()
    assert ana.tell(refused(code, ref="hello", field="password")) == [
        NameRefused(name="ana", code=code, message=f"({code})", password=True)
    ]
    ana.machine.login("ana", SECRET)
    assert said(ana.sent()) == (None, SECRET)


def test_who_has_to_wait_does_so_over_a_lost_connection() -> None:
    ana = talk()
    ana.connect()
    assert ana.tell(refused("rate_limited", ref="hello", retry_after=60.0)) == [
        Delayed(code="rate_limited", message="(rate_limited)", retry_in=60.0)
    ]
    ana.tell(refused("login_timeout", fatal=True))
    assert ana.machine.deadline is not None and ana.machine.deadline >= ana.now + 60


def test_a_program_that_would_have_to_wait_too_long_is_told() -> None:
    def busy(peer: Peer, connection: Connection, request: Request) -> None:
        connection.send(refused("rate_limited", ref=request.ref, retry_after=60.0))

    with Peer(busy) as peer, pytest.raises(Refused) as refusal:
        connect(peer.address, name="ana", password=SECRET)
    assert refusal.value.code == "rate_limited"


def test_a_password_is_set_through_the_library() -> None:
    def obliging(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Password):
            connection.send(PasswordSet(ref=request.ref, name="ana"))
        else:
            peer.serve(connection, request)

    with Peer(obliging) as peer, connect(peer.address, name="ana") as chat:
        assert chat.set_password(SECRET, old="old one").name == "ana"
        (request,) = peer.of(requests.Password)
        assert isinstance(request, requests.Password)
        assert (request.password, request.old) == (SECRET, "old one")


# -- from a file ---------------------------------------------------------------------------


def file(folder: Path, text: bytes, mode: int = 0o600) -> Path:
    path = folder / "password"
    path.write_bytes(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("text", [b"correct horse", b"correct horse\n", b"correct horse\r\nmore"])
def test_a_files_first_line_is_the_password(tmp_path: Path, text: bytes) -> None:
    path = file(tmp_path, text)
    assert password_as_told(path, {}) == SECRET
    assert password_as_told(None, {VARIABLE: str(path)}) == SECRET
    assert password_as_told(None, {}) is None


def test_a_file_that_will_not_do_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can be read by others"):
        password_as_told(file(tmp_path, b"x", 0o640), {})
    with pytest.raises(ValueError, match="is not text"):
        password_as_told(file(tmp_path, b"\xff"), {})
    with pytest.raises(ValueError, match="No such file"):
        password_as_told(tmp_path / "none", {})


# -- where the network can read it -----------------------------------------------------------


def test_a_password_that_the_network_can_read_is_warned_of_before_it_leaves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(tmp_path, SECRET.encode())
    for host, warned in (("127.0.0.1", False), ("0.0.0.0", True)):  # the same place, by figures
        with Peer() as peer:
            address = f"{host}:{peer.address.rpartition(':')[2]}"
            with pipe() as (fd, keyboard):
                ana = Desk(address, fd, keyboard)
                ana.type("exit\n")
                ana.terminal.run("ana", "lobby", SECRET)
                ana.client.close()
            assert (OVERHEARD in ana.err.getvalue()) is warned
            args = ["send", "--server", address, "--name", "ana", "--password-file", str(path), "x"]
            assert main(args) == exits.OK
            assert (OVERHEARD in capsys.readouterr().err) is warned


def test_a_person_is_warned_before_typing_a_password() -> None:
    with Peer() as peer, pipe() as (fd, keyboard):
        port = peer.address.rpartition(":")[2]
        ana = Desk(f"0.0.0.0:{port}", fd, keyboard, person=True)
        ana.out.answers = [("1 here", "/password\n"), ("new password: ", "\nexit\n")]
        assert ana.terminal.run("ana", "lobby") == exits.OK
        status = ana.status
        assert 0 < status.index("WARNING: ") < status.index("new password: ")
        ana.client.close()
