"""`netchat user`, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netchat import exits
from tests.admin.support import operate, table
from tests.e2e.client import until_true
from tests.e2e.support import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("s"), "--durability", "memory") as running:
        yield running


PASSWORD = "correct horse"


def test_guests_who_are_connected_are_listed(server: ServerProcess) -> None:
    with server.client("ana"), server.client("ben"):
        rows = table(operate(server, "sessions"))
        assert [[row[0], *row[2:]] for row in rows] == [
            ["ana", "-", "127.0.0.1", "-", "-", "here"],
            ["ben", "-", "127.0.0.1", "-", "-", "here"],
        ]
        assert table(operate(server, "sessions", "ANA")) == rows[:1]


def test_the_course_of_an_account(server: ServerProcess) -> None:
    def does(*words: str, typed: str = "") -> None:
        done = operate(server, *words, typed=typed)
        assert (done.returncode, done.stdout, done.stderr) == (exits.OK, "", "")

    def states() -> list[list[str]]:
        return [[row[0], *row[3:]] for row in table(operate(server, "list"))]

    does("add", "Dora", "--password-stdin", typed=f"{PASSWORD}\n")
    assert states() == [["Dora", "0", "-", "away"]]
    does("promote", "dora")
    assert states() == [["Dora", "0", "operator", "away"]]
    does("demote", "dora")
    with server.client() as dora:
        assert dora.hello("dora", password=PASSWORD)["account"]
        assert states() == [["Dora", "1", "-", "here"]]
        does("passwd", "dora", "--password-stdin", typed="battery staple\n")
        assert dora.recv()["code"] == "kicked"
    with server.client() as dora:
        dora.hello("dora", password="battery staple")
        does("disable", "dora", "--reason", "Until Monday.")
        assert dora.recv()["message"] == "Until Monday."
        assert states() == [["Dora", "0", "-", "disabled"]]
    does("enable", "dora")
    with server.client() as dora:
        dora.hello("dora", password="battery staple")
        does("remove", "dora")
        assert dora.recv()["code"] == "kicked"
    assert states() == []
    with server.client("dora"):  # the name is free
        pass


def test_an_accounts_devices_are_listed_and_one_is_logged_out(server: ServerProcess) -> None:
    typed = f"{PASSWORD}\n"
    assert operate(server, "add", "eva", "--password-stdin", typed=typed).returncode == 0
    with server.client() as phone, server.client() as desk:
        for device in (phone, desk):
            device.hello("eva", password=PASSWORD, client="test/1")
        phone.close()
        until_true(lambda: "away" in operate(server, "sessions", "eva").stdout)
        rows = table(operate(server, "sessions", "eva"))
        assert [(row[0], row[2], row[3], row[-1]) for row in rows] == [
            ("eva", "test/1", "127.0.0.1", "away"),
            ("eva", "test/1", "127.0.0.1", "here"),
        ]
        assert operate(server, "sessions", "eva", "--revoke", rows[1][1]).returncode == 0
        assert desk.recv()["code"] == "kicked"
        assert len(table(operate(server, "sessions", "eva"))) == 1
    done = operate(server, "sessions", "eva", "--revoke", rows[1][1])
    assert done.returncode == exits.FAILURE and "no such device" in done.stderr


@pytest.mark.parametrize(
    ("words", "typed", "sentence"),
    [
        (("add", "fay"), "", "nobody can be asked for the password"),
        (("add", "fay", "--password-stdin"), "five5\n", "at least 6 characters"),
        (("add", "two words", "--password-stdin"), "long enough\n", "letters, digits"),
        (("passwd", "nobody", "--password-stdin"), "long enough\n", "no account of this name"),
        (("disable", "nobody"), "", "no account of this name"),
        (("remove", "nobody"), "", "no account of this name"),
        (("sessions", "nobody"), "", "Nobody has this name"),
        (("sessions", "--revoke", "00"), "", "name the user"),
    ],
)
def test_what_cannot_be_done_is_said(
    server: ServerProcess, words: tuple[str, ...], typed: str, sentence: str
) -> None:
    done = operate(server, *words, typed=typed)
    assert done.returncode == exits.FAILURE
    assert sentence in done.stderr and done.stderr.startswith("netchat: ")


def test_an_account_of_that_name_is_not_made_twice(server: ServerProcess) -> None:
    for code in (exits.OK, exits.FAILURE):
        typed = f"{PASSWORD}\n"
        assert operate(server, "add", "gil", "--password-stdin", typed=typed).returncode == code


def test_a_user_is_sent_away_with_a_reason(server: ServerProcess) -> None:
    with server.client("cem") as cem:
        assert operate(server, "kick", "cem", "--reason", "Be kind.").returncode == 0
        error = cem.recv()
        assert (error["code"], error["message"]) == ("kicked", "Be kind.")
        assert error["fatal"] and cem.is_ended()
    with server.client("cem"):  # nothing is held
        pass


def test_who_is_not_there_cannot_be_sent_away(server: ServerProcess) -> None:
    done = operate(server, "kick", "nobody")
    assert (done.returncode, done.stderr) == (exits.FAILURE, "netchat: Nobody has this name.\n")


def test_without_a_server_a_command_says_so(server: ServerProcess, tmp_path: Path) -> None:
    done = operate(server, "sessions", "--data", str(tmp_path))
    assert done.returncode == exits.UNREACHABLE
    assert done.stderr == f"netchat: No server runs on {tmp_path}.\n"


def test_a_wrong_setting_is_a_wrong_configuration(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[server]\ncolour = 1\n")
    done = operate(server, "sessions", "--config", str(tmp_path / "bad.toml"))
    assert done.returncode == exits.CONFIG
