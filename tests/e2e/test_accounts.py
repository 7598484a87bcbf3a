"""Accounts as people and scripts meet them, against a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.client import Object
from tests.e2e.support import ServerProcess, run_netchat
from tests.e2e.test_terminal import Person

SECRET, OTHER = "correct horse", "battery staple"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "s") as running:
        yield running


@pytest.fixture
def meet(server: ServerProcess) -> Iterator[Callable[..., Person]]:
    """Puts a person in front of a terminal."""
    with ExitStack() as stack:

        def meet(*args: str) -> Person:
            person = Person(server, *args)
            stack.callback(person.close)
            return person

        yield meet


def hello(name: str, **fields: object) -> Object:
    return {"type": "hello", "version": 1, "name": name, **fields}


def test_an_account_and_its_tokens_outlive_a_crash(server: ServerProcess) -> None:
    with server.client() as ana:
        welcome = ana.hello("ana", password=SECRET)
        assert welcome["account"] and welcome["registered"]
        ana.join("lobby")
        ana.post("lobby", "hola", "a-1")
        token = ana.token
    server.kill()
    server.start()
    with server.client() as stranger:
        error = stranger.ask(hello("Ana"))
        assert (error["code"], error["field"]) == ("name_taken", "password")
        assert stranger.ask(hello("ana", password=OTHER))["code"] == "bad_credentials"
        assert "registered" not in stranger.hello("ana", password=SECRET)
    with server.client() as ana:
        assert ana.hello("ana", token=token)["account"]
        ana.join("lobby", backlog=0)
        ana.send({"type": "post", "room": "lobby", "text": "hola", "id": "a-1"})
        assert ana.recv()["duplicate"]


def test_what_is_asked_right_behind_a_password_is_served_after_the_welcome(
    server: ServerProcess,
) -> None:
    with server.client() as ana:
        ana.send(hello("ana", password=SECRET), {"type": "join", "room": "lobby"})
        ana.end_input()
        assert [ana.recv()["type"] for _ in range(2)] == ["welcome", "joined"]
        assert ana.is_ended()


def test_a_person_registers_and_is_asked_for_the_password_next_time(
    meet: Callable[..., Person],
) -> None:
    ana = meet("--name", "ana", "--no-state")
    ana.sees("1 here")
    ana.type("/password")
    ana.sees("new password:")
    ana.press(SECRET)
    ana.read_for(0.2)
    assert SECRET not in ana.text
    ana.press("\n")
    ana.sees("again:")
    ana.type(OTHER)
    ana.sees("not the same")
    ana.type(SECRET)
    ana.sees("again:")
    ana.type(SECRET)
    ana.sees("ana is an account's now")
    ana.type("exit")
    assert ana.exit_code() == 0
    again = meet("--name", "ana", "--no-state")
    again.sees("registered")
    again.sees("password of ana:")
    again.type(OTHER)
    again.sees("do not belong together")
    again.type(SECRET)
    again.sees("1 here")
    assert SECRET not in again.text and SECRET not in ana.text
    again.type("/password")
    again.sees("old password:")
    again.type(SECRET)
    again.sees("new password:")
    again.type(OTHER)
    again.sees("again:")
    again.type(OTHER)
    again.sees("an account's now")


def test_a_person_may_give_the_password_at_once_or_think_of_another_name(
    meet: Callable[..., Person],
) -> None:
    ana = meet("--name", "ana", "--password", "--no-state")
    ana.sees("password of ana:")
    ana.type(SECRET)
    ana.sees("ana is yours now")
    other = meet("--name", "ana", "--no-state")
    other.sees("password of ana:")
    other.type("")
    other.sees("name:")
    other.type("bea")
    other.sees("2 here")


def test_scripts_have_the_password_in_a_file(server: ServerProcess, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    send = ("send", "--server", server.place, "--name", "bot")
    assert run_netchat(tmp_path, *send, "--password-file", str(path), "one").returncode == 0
    assert run_netchat(tmp_path, *send, "two", NETCHAT_PASSWORD_FILE=str(path)).returncode == 0
    done = run_netchat(tmp_path, *send, "three")
    assert done.returncode == 77 and "registered" in done.stderr
    path.chmod(0o644)
    done = run_netchat(tmp_path, *send, "--password-file", str(path), "four")
    assert done.returncode == 2 and "chmod 600" in done.stderr
    done = run_netchat(tmp_path, "chat", "--server", server.place, "--name", "x", "--password")
    assert done.returncode == 2 and "--password-file" in done.stderr
