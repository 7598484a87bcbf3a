"""The terminal client in its loop: pipes for the keyboard, a scripted server on loopback."""

from __future__ import annotations

import argparse
import os
import sys

import pytest

from netchat import exits
from netchat.chat import events, requests
from netchat.chat.requests import Request
from netchat.client import terminal
from netchat.client.introduction import PROMPT
from netchat.client.screen import WIPE, Screen
from netchat.client.start import run_chat

from .desk import Desk, desk
from .support import Connection, Peer, cut_first_post, pipe, welcome


def test_a_line_and_exit_show_ones_own_message_and_leave() -> None:
    with desk() as (ana, peer):
        ana.type("hola\nexit\n")
        assert ana.run() == exits.OK
        assert ana.messages == ["<ana> hola"]
        assert type(peer.connections[0].requests[-1]) is requests.Bye


def test_the_end_of_a_pipe_waits_until_all_is_accepted() -> None:
    with desk() as (ana, peer):
        lines = [f"line {n}" for n in range(500)]
        ana.type("\n".join(lines))
        ana.keyboard.close()
        assert ana.run() == exits.OK
        assert ana.messages == [f"<ana> {line}" for line in lines]
        assert [m.text for m in peer.logs["lobby"]] == lines


def test_a_newcomer_sees_who_is_there_and_the_last_messages() -> None:
    with desk() as (ana, peer):
        peer.add("lobby", "before")
        ana.type("exit\n")
        assert ana.run() == exits.OK
        assert "* #lobby: 1 here: ana\n" in ana.err.getvalue()
        assert ana.messages == ["<bea> before"]


def test_commands_are_obeyed_and_never_sent() -> None:
    with desk() as (ana, peer):
        ana.type("/nope\n/join den\n//slash\n/msg bea psst\n/who\n/rooms\n/help\n/leave\n")
        ana.type("home\n")
        ana.keyboard.close()
        assert ana.run() == exits.OK
        posts = [r for r in peer.of(requests.Post) if isinstance(r, requests.Post)]
        assert [(p.room, p.to, p.text) for p in posts] == [
            ("den", None, "/slash"),
            (None, "bea", "psst"),
            ("lobby", None, "home"),
        ]
        status = ana.err.getvalue()
        for line in ("no command /nope", "#den: ana, bea", "  #lobby  1 here", "/msg USER TEXT"):
            assert line in status
        assert "* you have left #den\n* you write to #lobby now\n" in status
        assert ana.messages == ["#den <ana> /slash", "[you → bea] psst", "<ana> home"]


def test_a_cut_is_told_of_and_what_was_typed_is_sent_and_shown_once() -> None:
    with desk(cut_first_post) as (ana, _):
        ana.type("hola\nexit\n")
        assert ana.run() == exits.OK
        assert ana.messages == ["<ana> hola"]
        status = ana.err.getvalue()
        assert "* connection lost: the server closed the connection; trying again in" in status
        assert "* connected again, nothing was missed\n" in status


def test_a_gap_is_told_of() -> None:
    def gap(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Post):
            return connection.cut()
        if isinstance(request, requests.Join) and len(peer.connections) == 2:
            told = events.Gap(room="lobby", start=5, to=9, reason="retention", epoch="e1")
            peer.serve(connection, request)
            connection.send(told)
            peer._script = Peer.serve
            return None
        return peer.serve(connection, request)

    with desk(gap) as (ana, _):
        ana.type("hola\nexit\n")
        assert ana.run() == exits.OK
        status = ana.err.getvalue()
        assert "* messages 5 to 9 are gone (retention)\n" in status
        assert "* connected again\n" in status


def no_ana(peer: Peer, connection: Connection, request: Request) -> None:
    if isinstance(request, requests.Hello) and request.name == "ana":
        error = events.Error(ref=request.ref, code="name_taken", message="Ana is here already.")
        connection.send(error)
    else:
        peer.serve(connection, request)


def test_a_person_is_asked_for_a_name_and_asked_again() -> None:
    with desk(no_ana, person=True) as (someone, _):
        someone.out.answers = [
            (PROMPT, "ana\n"), ("already", "bea\n"), ("1 here", "exit\n"),
        ]  # fmt: skip
        assert someone.run(name=None) == exits.OK
        shown = f"name: {WIPE}name: ana\n* Ana is here already.\nname: {WIPE}name: bea\n"
        assert someone.out.getvalue().startswith(shown)
        assert someone.client.name == "bea"


def test_a_pipe_cannot_be_asked_for_another_name() -> None:
    with desk(no_ana) as (ana, _):
        assert ana.run() == exits.REFUSED
        assert ana.err.getvalue() == "* Ana is here already.\n"


def test_nothing_connects_before_there_is_a_name_and_a_person_may_leave_then() -> None:
    with desk(person=True) as (someone, peer):
        someone.keyboard.close()
        assert someone.run(name=None) == exits.OK
        assert peer.connections == []


def test_a_refused_post_is_told_and_fails_a_pipe() -> None:
    def refuse(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Post):
            connection.send(events.Error(id=request.id, code="forbidden", message="No."))
        else:
            peer.serve(connection, request)

    with desk(refuse) as (ana, _):
        ana.type("hola\n")
        ana.keyboard.close()
        assert ana.run() == exits.FAILURE
        assert "* not sent: No. (hola)\n" in ana.err.getvalue()


def test_who_is_replaced_does_not_fight() -> None:
    def replace(peer: Peer, connection: Connection, request: Request) -> None:
        peer.serve(connection, request)
        if isinstance(request, requests.Join):
            error = events.Error(code="replaced", message="From elsewhere.", fatal=True)
            connection.send(error)

    with desk(replace) as (ana, peer):
        assert ana.run() == exits.REFUSED
        assert "* From elsewhere.\n" in ana.err.getvalue()
        assert len(peer.connections) == 1


def test_an_interrupt_while_online_says_bye() -> None:
    with desk() as (ana, peer):

        def interrupt(peer: Peer, connection: Connection, request: Request) -> None:
            peer.serve(connection, request)
            if isinstance(request, requests.Join):
                ana.client.reactor.call_soon_threadsafe(
                    lambda: ana.terminal.interrupt(exits.INTERRUPTED)
                )

        peer._script = interrupt
        assert ana.run() == exits.INTERRUPTED
        assert type(peer.connections[0].requests[-1]) is requests.Bye


def test_a_pipe_gives_up_on_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "PATIENCE", 0.05)
    with Peer() as peer:
        address = peer.address
    with pipe() as (fd, keyboard):
        ana = Desk(address, fd, keyboard)
        ana.type("hola\n")
        ana.keyboard.close()
        assert ana.run() == exits.UNREACHABLE
        assert "* cannot connect: Connection refused; trying again in" in ana.err.getvalue()
        ana.client.close()


def test_a_pipe_gives_up_on_an_acknowledgement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "PATIENCE", 0.1)

    def deaf(peer: Peer, connection: Connection, request: Request) -> None:
        if not isinstance(request, requests.Post):
            peer.serve(connection, request)

    with desk(deaf) as (ana, _):
        ana.type("hola\nexit\n")
        assert ana.run() == exits.TRY_AGAIN
        assert "* 1 of your messages may not have been sent.\n" in ana.err.getvalue()


def test_a_pipe_that_goes_too_fast_waits_as_long_as_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terminal, "PATIENCE", 0.1)

    def slow(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Post) and len(peer.of(requests.Post)) == 1:
            error = events.Error(
                id=request.id, code="rate_limited", message="Slow.", retry_after=0.15
            )
            connection.send(error)
        else:
            peer.serve(connection, request)

    with desk(slow) as (ana, _):
        ana.type("hola\nexit\n")
        assert ana.run() == exits.OK
        assert ana.messages == ["<ana> hola"]
        assert "* Slow. Trying again in 0." in ana.err.getvalue()


def test_a_persons_message_stands_there_once_and_a_command_as_it_was_typed() -> None:
    with desk(person=True) as (ana, _):
        ana.out.answers = [("1 here", "hola\n"), ("hola", "/nope\n"), ("/nope;", "exit\n")]
        assert ana.run() == exits.OK
        shown = ana.out.getvalue().replace(WIPE, "")
        assert shown.count("hola") == 1
        assert "/nope\n* There is no command /nope; /help lists them all.\nexit\n" in shown
        assert ana.err.getvalue() == ""


def test_what_is_typed_without_a_connection_stands_there_until_it_is_sent() -> None:
    with desk(person=True) as (ana, _):
        ana.out.answers = [("<ana> hola", "exit\n")]
        ana.type("hola\n")
        assert ana.run() == exits.OK
        kept = "hola\n* not connected; it is kept, and sent later\n"
        assert kept in ana.out.getvalue()
        assert ana.messages == ["<ana> hola"]


def test_others_cannot_command_the_terminal() -> None:
    def evil(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Hello):
            connection.send(welcome(), events.Error(code="x", message="\x1b[31mred"))
        else:
            peer.serve(connection, request)

    with desk(evil) as (ana, peer):
        peer.add("lobby", "\x1b[2J\n* bea left", sender="b\x07a")
        ana.type("exit\n")
        ana.run()
        assert "\x1b" not in ana.out.getvalue() + ana.err.getvalue()
        assert not any(line.startswith("*") for line in ana.out.getvalue().splitlines())


def test_a_reader_that_went_away_ends_it_quietly() -> None:
    with desk() as (ana, peer):
        peer.add("lobby", "hola")
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "w") as out:
            ana.terminal._screen = Screen(out, ana.err, tty=False)
            assert ana.run() == exits.OK
            os.dup2(os.open(os.devnull, os.O_WRONLY), writer)
        assert "Traceback" not in ana.err.getvalue()


@pytest.mark.parametrize(
    ("name", "room", "server"),
    [
        (None, "lobby", "127.0.0.1:1"),
        ("ana", "lobby", "no where"),
        ("\udcff", "lobby", "127.0.0.1:1"),
        ("ana", "\udcff", "127.0.0.1:1"),
    ],
)
def test_wrong_usage_is_2_and_says_why(
    name: str | None,
    room: str,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    args = argparse.Namespace(
        name=name,
        room=room,
        server=server,
        no_state=True,
        ca=None,
        insecure=False,
        password=False,
        password_file=None,
    )
    assert run_chat(args) == exits.USAGE
    assert capsys.readouterr().err.startswith("netchat: ")
