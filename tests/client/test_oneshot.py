from __future__ import annotations

import argparse
import getpass
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from netchat import exits
from netchat.chat import events, requests
from netchat.chat.requests import Request
from netchat.client import oneshot
from netchat.client.oneshot import run_send, run_tail

from .support import Connection, Peer


def arguments(address: str, **given: Any) -> argparse.Namespace:
    usual: dict[str, Any] = {
        "server": address,
        "name": None,
        "room": "lobby",
        "to": None,
        "json": False,
    }
    usual |= {
        "ca": None,
        "insecure": False,
        "password_file": None,
        "after": None,
        "lines": None,
        "text": ["x"],
    }
    return argparse.Namespace(**{**usual, **given})


Output = pytest.CaptureFixture[str]


def test_a_text_is_posted_and_acknowledged(capsys: Output) -> None:
    with Peer() as peer:
        assert run_send(arguments(peer.address, text=["hola", "mundo"], json=True)) == exits.OK
        assert [m.text for m in peer.logs["lobby"]] == ["hola mundo"]
        (line,) = capsys.readouterr().out.splitlines()
        assert json.loads(line)["seq"] == 1


def test_each_line_of_a_pipe_is_a_post(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = [f"line {n}" for n in range(300)]
    (tmp_path / "in").write_text("\n".join(lines))
    with Peer() as peer, (tmp_path / "in").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run_send(arguments(peer.address, text=["-"])) == exits.OK
        assert [m.text for m in peer.logs["lobby"]] == lines


def test_a_private_post_joins_nothing() -> None:
    with Peer() as peer:
        assert run_send(arguments(peer.address, to="bea", room="lobby")) == exits.OK
        kinds = [type(r) for r in peer.connections[0].requests]
        assert kinds == [requests.Hello, requests.Post, requests.Bye]


def refuse_post(code: str, **fields: Any) -> Any:
    def script(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Post):
            error = events.Error(id=request.id, code=code, message="No.", **fields)
            connection.send(error)
        else:
            peer.serve(connection, request)

    return script


def test_a_refused_post_fails(capsys: Output) -> None:
    with Peer(refuse_post("no_such_user")) as peer:
        assert run_send(arguments(peer.address)) == exits.FAILURE
        assert capsys.readouterr().err == "netchat: No.\n"


def test_a_full_store_means_try_again_later(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oneshot, "TIMEOUT", 0.1)
    with Peer(refuse_post("store_full", retry_after=60.0)) as peer:
        assert run_send(arguments(peer.address)) == exits.TRY_AGAIN
        assert capsys.readouterr().err.startswith("netchat: No.\n")


def test_who_goes_too_fast_waits_as_long_as_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oneshot, "TIMEOUT", 0.1)

    def slow(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Post) and len(peer.of(requests.Post)) == 1:
            refuse_post("rate_limited", retry_after=0.15)(peer, connection, request)
        else:
            peer.serve(connection, request)

    with Peer(slow) as peer:
        assert run_send(arguments(peer.address)) == exits.OK


def test_nobody_there_is_69(capsys: Output) -> None:
    with Peer() as peer:
        address = peer.address
    assert run_send(arguments(address)) == exits.UNREACHABLE
    assert capsys.readouterr().err == f"netchat: {address} cannot be reached: Connection refused\n"


def test_a_full_server_is_not_an_unreachable_one(capsys: Output) -> None:
    def full(peer: Peer, connection: Connection, request: Request) -> None:
        connection.send(events.Error(code="too_many_connections", message="Full.", fatal=True))

    with Peer(full) as peer:
        assert run_send(arguments(peer.address)) == exits.TRY_AGAIN
        assert capsys.readouterr().err == "netchat: Full.\n"


def taken(peer: Peer, connection: Connection, request: Request) -> None:
    if isinstance(request, requests.Hello) and len(peer.connections) == 1:
        connection.send(events.Error(ref=request.ref, code="name_taken", message="Taken."))
    else:
        peer.serve(connection, request)


def test_a_taken_name_is_refused_if_it_was_asked_for_and_varied_if_not() -> None:
    with Peer(taken) as peer:
        assert run_send(arguments(peer.address, name="ana")) == exits.REFUSED
    with Peer(taken) as peer:
        assert run_send(arguments(peer.address)) == exits.OK
        first, second = (r.name for r in peer.of(requests.Hello) if isinstance(r, requests.Hello))
        assert second.startswith(f"{first}-")


@pytest.mark.parametrize(
    "wrong",
    [{"after": 1, "lines": 1}, {"after": -1}, {"lines": 301}, {"server": "no where"}],
)
def test_wrong_usage_is_2_and_says_why(wrong: dict[str, Any], capsys: Output) -> None:
    assert run_tail(arguments(**{"address": "127.0.0.1:1", **wrong})) == exits.USAGE
    assert capsys.readouterr().err.startswith("netchat: ")


def kick_after_join(peer: Peer, connection: Connection, request: Request) -> None:
    peer.serve(connection, request)
    if isinstance(request, requests.Join):
        connection.send(events.Error(code="kicked", message="Away.", fatal=True))


def test_a_room_is_printed_as_lines_or_as_json(capsys: Output) -> None:
    with Peer(kick_after_join) as peer:
        for n in range(3):
            peer.add("lobby", f"text {n}\x1b[2J")
        assert run_tail(arguments(peer.address, lines=2)) == exits.REFUSED
        out, err = capsys.readouterr()
        assert [line[6:] for line in out.splitlines()] == [
            "<bea> text 1␛[2J",
            "<bea> text 2␛[2J",
        ]
        assert err == "netchat: Away.\n"
        assert run_tail(arguments(peer.address, after=0, json=True)) == exits.REFUSED
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(r["type"], r["seq"], r["from"]) for r in rows] == [
            ("message", n, "bea") for n in (1, 2, 3)
        ]
        assert rows[0]["text"] == "text 0\x1b[2J"


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(oneshot, "_tail", interrupt)
    with Peer() as peer:
        assert run_tail(arguments(peer.address)) == exits.INTERRUPTED
        assert type(peer.connections[0].requests[-1]) is requests.Bye


def test_the_systems_user_name_is_made_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    for login, name in (("DOM\\josé b", "DOM-jos--b"), ("", "guest"), ("x" * 99, "x" * 24)):
        monkeypatch.setattr(getpass, "getuser", lambda login=login: login)
        assert oneshot._login_name() == name
