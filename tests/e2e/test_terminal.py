"""The client as people and scripts meet it: in a terminal, in a pipe, against a real server."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.support import (
    NETCHAT,
    UNLIMITED,
    WITHIN,
    ServerProcess,
    environment,
    run_netchat,
    seqs,
    until_true,
)
from tests.pictures.terminal import Terminal, wait_until

COLUMNS, ROWS = 100, 90
CTRL_C, CTRL_D = "\x03", "\x04"


class Person(Terminal):
    """Somebody in front of a terminal in which `netchat chat` runs."""

    def __init__(self, server: ServerProcess, *args: str) -> None:
        command = [*NETCHAT, "chat", "--server", server.place, *args]
        env = environment(server.folder)
        super().__init__(command, server.folder, env, COLUMNS, ROWS)

    def sees(self, text: str) -> None:
        wait_until(lambda: self.shows(text), [self])

    def press(self, key: str) -> None:
        self.write(key)

    def exit_code(self) -> int:
        """How the command ended, which it does now."""
        wait_until(lambda: self.has_ended, [self])
        return self.wait()

    def messages(self, start: str) -> list[str]:
        """The texts on the screen that start so, in their order."""
        return [line[line.index(start) :] for line in self.text.splitlines() if start in line]


Meet = Callable[..., Person]


@pytest.fixture
def meet(own_server: ServerProcess) -> Iterator[Meet]:
    """Puts a person in front of a terminal."""
    with ExitStack() as stack:

        def meet(*args: str) -> Person:
            person = Person(own_server, *args)
            stack.callback(person.close)
            return person

        yield meet


def test_two_talk_and_a_third_has_to_choose_another_name(meet: Meet) -> None:
    ana = meet()
    ana.sees("name:")
    ana.type("ana")
    ana.sees("#lobby: 1 here: ana")
    ben = meet("--name", "ben")
    ben.sees("#lobby: 2 here")
    ana.sees("ben joined")
    ana.type("hola, ben")
    ben.sees("<ana> hola, ben")
    ben.type("¿qué tal? 👋")
    ana.sees("<ben> ¿qué tal? 👋")
    ben.sees("<ben> ¿qué tal?")
    third = meet("--name", "Ana")
    third.sees("taken")
    third.sees("name:")
    third.type("carla")
    third.sees("#lobby: 3 here")
    ana.sees("carla joined")
    third.sees("<ana> hola, ben")
    third.type("exit")
    assert third.exit_code() == 0
    for person in (ana, ben):
        person.sees("carla left")
        assert person.text.count("hola, ben") == 1


@pytest.mark.parametrize(
    ("leave", "code"),
    [("exit\n", 0), ("/quit\n", 0), (CTRL_D, 0), (CTRL_C, 130)],
    ids=["exit", "quit", "Ctrl+D", "Ctrl+C"],
)
def test_whoever_leaves_has_left_at_once(meet: Meet, leave: str, code: int) -> None:
    ana, ben = meet("--name", "ana"), meet("--name", "ben")
    ana.sees("ben joined")
    ben.sees("here")
    ben.press(leave)
    assert ben.exit_code() == code
    ana.sees("ben left")
    again = meet("--name", "ben")
    again.sees("#lobby: 2 here")


def test_a_private_word_is_for_one(meet: Meet) -> None:
    people = [meet("--name", name) for name in ("ana", "ben", "carla")]
    ana, ben, carla = people
    for person in people:
        wait_until(lambda: ana.text.count("joined") + ana.text.count("here") >= 1, people)
        person.sees("here")
    ana.type("/msg ben psst")
    ben.sees("[ana → you] psst")
    ana.sees("[you → ben] psst")
    ben.type("aloud")
    carla.sees("<ben> aloud")
    assert "psst" not in carla.text


def test_the_end_of_the_server_is_told_and_ends_nobodys_terminal(
    own_server: ServerProcess, meet: Meet
) -> None:
    ana = meet("--name", "ana")
    ana.sees("here")
    assert own_server.stop(signal.SIGINT, within=3) == 0
    ana.sees("trying again in")
    ana.type("kept for later")
    own_server.start()
    ana.sees("<ana> kept for later")
    ana.type("exit")
    assert ana.exit_code() == 0


def test_a_killed_server_costs_nobody_a_message(own_server: ServerProcess, meet: Meet) -> None:
    """Both type all the while; the server is killed and started in the middle, twice."""
    ana, ben = meet("--name", "ana"), meet("--name", "ben")
    both = [ana, ben]
    for person in both:
        person.sees("here")
    for n in range(30):
        ana.type(f"from ana {n:02}")
        ben.type(f"from ben {n:02}")
        if n in (10, 20):
            wait_until(lambda n=n: ana.shows(f"<ben> from ben {n - 1:02}"), both)
            own_server.kill()
        if n in (12, 22):
            own_server.start()
    wait_until(lambda: ana.shows("<ben> from ben 29") and ben.shows("<ana> from ana 29"), both)
    with own_server.client("reader") as reader:
        head = reader.join("lobby", after=0)["head"]
        log = reader.collect("message", head)
    assert seqs(log) == list(range(1, 61))
    shown = [f"<{message['from']}> {message['text']}" for message in log]
    for name in ("ana", "ben"):
        texts = [message["text"] for message in log if message["from"] == name]
        assert texts == [f"from {name} {n:02}" for n in range(30)]
    for person in both:
        assert person.messages("<ana> from") + person.messages("<ben> from") == sorted(shown)
        assert [line for line in person.messages("<") if "from" in line] == shown


# -- pipes ---------------------------------------------------------------------------------


def piped(server: ServerProcess, text: str, *args: str) -> subprocess.CompletedProcess[str]:
    command, *rest = args
    return subprocess.run(
        [*NETCHAT, command, "--server", server.place, *rest],
        env=environment(server.folder),
        input=text,
        capture_output=True,
        text=True,
        timeout=2 * WITHIN,
        check=False,
    )


def test_a_pipe_can_chat(own_server: ServerProcess) -> None:
    done = piped(own_server, "hola\nexit\n", "chat", "--name", "ana")
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("<ana> hola")
    again = piped(own_server, "one\ntwo\n", "chat", "--name", "ana")
    assert again.returncode == 0
    shown = [line.partition("<ana> ")[2] for line in again.stdout.splitlines()]
    assert shown == ["hola", "one", "two"]


def test_a_long_pipe_is_sent_whole_and_in_order(own_server: ServerProcess) -> None:
    lines = [f"line {n}" for n in range(2_000)]
    done = piped(own_server, "\n".join(lines), "send", "--name", "ana", "-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with own_server.client("reader") as reader:
        head = reader.join("lobby", after=0)["head"]
        assert [message["text"] for message in reader.collect("message", head)] == lines


def test_send_says_what_was_accepted(own_server: ServerProcess) -> None:
    done = piped(own_server, "", "send", "--name", "bot", "--json", "two", "words")
    accepted = json.loads(done.stdout)
    assert done.returncode == 0 and accepted["seq"] == 1 and accepted["room"] == "lobby"
    again = piped(own_server, "", "send", "--name", "bot", "more")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_send_to_nobody_fails_with_a_sentence(own_server: ServerProcess) -> None:
    done = piped(own_server, "", "send", "--name", "bot", "--to", "nobody", "psst")
    assert done.returncode == 1 and done.stdout == ""
    assert "Nobody" in done.stderr and "Traceback" not in done.stderr


def test_tail_follows_a_room_through_a_restart(own_server: ServerProcess) -> None:
    piped(own_server, "first\nsecond\nthird\n", "send", "--name", "bot", "-")
    command = ["tail", "--server", own_server.place, "--room", "lobby", "--name", "tail"]
    output = own_server.folder / "tail.txt"
    with (
        output.open("wb") as out,
        subprocess.Popen(
            [*NETCHAT, *command, "--lines", "2", "--json"],
            env=environment(own_server.folder),
            stdout=out,
            stderr=subprocess.PIPE,
        ) as tail,
    ):
        try:
            until_true(lambda: len(lines(output)) == 2)
            own_server.kill()
            own_server.start()
            piped(own_server, "", "send", "--name", "bot-2", "fourth")
            until_true(lambda: len(lines(output)) == 3)
            tail.send_signal(signal.SIGINT)
            assert tail.wait(WITHIN) == 130
            assert tail.stderr is not None and b"Traceback" not in tail.stderr.read()
        finally:
            tail.kill()
    messages = [json.loads(line) for line in lines(output)]
    assert [message["text"] for message in messages] == ["second", "third", "fourth"]
    assert seqs(messages) == [2, 3, 4]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


@pytest.mark.parametrize("command", [["chat", "--name", "x"], ["send", "x"], ["tail"]])
def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path, command: list[str]) -> None:
    args = [*command, "--server", "127.0.0.1:1"]
    if command == ["tail"]:
        args += ["--room", "lobby"]
    done = run_netchat(tmp_path, *args)
    assert done.returncode == 69
    assert "Traceback" not in done.stderr and done.stderr.strip()


def test_a_name_that_is_taken_ends_a_pipe(own_server: ServerProcess) -> None:
    with own_server.client("ana"):
        done = piped(own_server, "hola\n", "chat", "--name", "ana")
    assert done.returncode == 77 and "taken" in done.stderr + done.stdout


def test_unlimited_is_not_needed_for_a_person(tmp_path: Path) -> None:
    """The limits of a server out of the box let a pipe of a thousand lines through."""
    assert UNLIMITED
    with ServerProcess(tmp_path) as server:
        text = "".join(f"{n}\n" for n in range(1_000))
        done = piped(server, text, "send", "--name", "ana", "-")
        assert done.returncode == 0, done.stderr
