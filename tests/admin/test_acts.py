"""`netchat acts`, against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from subprocess import CompletedProcess
from typing import Any

import pytest

from netchat import exits
from netchat.admin import handlers, requests
from netchat.admin.acts import _cells
from netchat.admin.commands import print_table
from netchat.admin.requests import PAGE, ActPage, ActRow
from netchat.chat.acts import KICK, SERVER, USER, Act
from netchat.chat.now import Now
from netchat.errors import RefusedError
from tests.admin.support import operate
from tests.e2e.client import RawClient
from tests.e2e.support import ServerProcess, run_netchat
from tests.sessions.support import House

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("s")
    with ServerProcess(folder, "--durability", "memory") as running:
        for name in ("ana", "root1"):
            typed = f"{PASSWORD}\n"
            assert operate(running, "add", name, "--password-stdin", typed=typed).returncode == 0
        assert operate(running, "promote", "root1").returncode == 0
        yield running


@pytest.fixture
def ana(server: ServerProcess) -> Iterator[RawClient]:
    """An account: the owner of whatever room it makes."""
    with server.client() as ana:
        ana.hello("ana", password=PASSWORD)
        yield ana


def acts(server: ServerProcess, command: str, *words: str) -> CompletedProcess[str]:
    return run_netchat(server.folder, "acts", command, "--data", str(server.data), *words)


def does(server: ServerProcess, command: str, *words: str) -> str:
    done = acts(server, command, *words)
    assert (done.returncode, done.stderr) == (exits.OK, "")
    return done.stdout


def listed(server: ServerProcess, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in does(server, "list", "--json", *words).splitlines()]


def test_what_a_moderator_has_done_is_listed_and_undone(
    server: ServerProcess, ana: RawClient
) -> None:
    with server.client("ben") as ben:
        for client in (ana, ben):
            client.join("attic")
        ana.ask({"type": "ban", "room": "attic", "user": "ben", "reason": "Täglich."})
        [row] = listed(server, "--room", "ATTIC")
        assert (row["what"], row["kind"], row["whom"], row["by"]) == ("ban", "user", "ben", "ana")
        assert row["active"] and row["until"] is None and row["undone_by"] is None
        number = str(row["act"])
        printed = does(server, "list", "--room", "attic")
        assert "user ben" in printed and "holds" in printed and "Täglich." in printed
        assert does(server, "undo", number) == ""
        told = ana.until("act", what="unban")
        assert (told["user"], told["by"]) == ("ben", "the operator")
        [row] = listed(server, "--room", "attic")
        assert (row["active"], row["undone_by"]) == (False, "the operator")
        assert "undone by the operator" in does(server, "list")
        assert ben.until("left")["reason"] == "banned: Täglich."
        ben.join("attic")
    again = acts(server, "undo", number)
    assert (again.returncode, again.stderr) == (exits.FAILURE, "netchat: It is over.\n")


def test_a_user_and_a_name_are_kept_out_and_let_in_again(server: ServerProcess) -> None:
    with server.client("cem") as cem:
        words = ("--user", "cem", "--seconds", "3600", "--reason", "Enough.")
        assert does(server, "ban", *words).endswith("; 1 sent away\n")
        error = cem.recv()
        assert error["code"] == "kicked" and error["message"].endswith("Enough.")
    assert does(server, "ban", "--name", "Dan").endswith("; 0 sent away\n")
    with server.client() as dan:
        dan.send({"type": "hello", "version": 1, "name": "dan"})
        assert dan.recv()["code"] == "forbidden"
    name, user = listed(server)[:2]
    assert (name["kind"], name["whom"], name["room"]) == ("name", "Dan", None)
    assert (user["kind"], user["until"] - user["at"]) == ("user", 3_600_000)
    for row in (name, user):
        assert does(server, "undo", str(row["act"])) == ""
    with server.client("dan"):
        pass


def test_an_address_is_kept_out_and_let_in_again(server: ServerProcess) -> None:
    does(server, "ban", "--address", "127.0.0.1")
    with server.client() as nobody:
        assert nobody.recv()["code"] == "kicked"
    does(server, "undo", str(listed(server)[0]["act"]))
    with server.client("eva"):
        pass


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("undo", "999999"), "There is no such act."),
        (("list", "--room", "nowhere"), "There is no such room."),
        (("ban", "--user", "nobody"), "no account of this name"),
        (("ban", "--address", "the moon"), "This is no IP address."),
        (("ban", "--user", "root1"), "root1 has as many rights here as you."),
        (("ban", "--name", "fay", "--seconds", "0"), "`int` >= 1"),
        (("ban", "--name", "fay", "--reason", "two\nlines"), "reason"),
    ],
)
def test_what_cannot_be_done_is_said(
    server: ServerProcess, words: tuple[str, ...], sentence: str
) -> None:
    done = acts(server, *words)
    assert done.returncode == exits.FAILURE
    assert sentence in done.stderr and done.stderr.startswith("netchat: ")


def test_without_a_server_a_command_says_so(server: ServerProcess) -> None:
    done = run_netchat(server.folder, "acts", "list", "--data", str(server.folder))
    assert done.returncode == exits.UNREACHABLE


def _fail(exc: RefusedError) -> None:
    raise exc


def test_many_are_listed_page_by_page() -> None:
    house = House()
    for at in range(2 * PAGE):
        house.hub.moderation.acts.add(
            Act(KICK, SERVER, USER, 1, "ben", by="ana", actor=2, rank=4, at=at)
        )
    pages: list[ActPage] = []
    now = Now(house.reactor.now, house.clock.wall())
    call = handlers.Call(house.hub, now, pages.append, _fail)  # type: ignore[arg-type]
    handlers.acts(call, requests.Acts())
    while pages[-1].after:
        handlers.acts(call, requests.Acts(after=pages[-1].after))
    assert [len(page.rows) for page in pages] == [PAGE, PAGE]
    numbers = [row.act for page in pages for row in page.rows]
    assert numbers == list(range(2 * PAGE, 0, -1))


def test_what_others_wrote_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    row = ActRow(
        act=1, what="ban", by="\x1b[2J", at=0, kind="user", whom="\x9b31m", room="\u202e",
        detail="", reason="a\nb", until=None, active=False, undone_by=None,
    )  # fmt: skip
    print_table(("",) * 9, [_cells(row)])
    printed = capsys.readouterr().out
    assert "\\x1b[2J" in printed and "\\x9b31m" in printed and "a\\x0ab" in printed
    assert printed.count("\n") == 2 and printed.replace("\n", "").isprintable()
