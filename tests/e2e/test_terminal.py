"""The client as people and scripts meet it: in a terminal, in a pipe, against a real server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from netchat.client.keyboard import LOCAL_FLAGS
from tests.e2e.client import WITHIN, seqs, until_true
from tests.e2e.support import NETCHAT, ServerProcess, environment, run_netchat
from tests.pictures.terminal import Terminal, wait_until

COLUMNS, ROWS = 100, 400
CTRL_D = "\x04"


class Person(Terminal):
    """Somebody in front of a terminal in which `netchat chat` runs."""

    def __init__(self, server: ServerProcess, *args: str) -> None:
        command = [*NETCHAT, "chat", "--server", server.place, *args]
        env = environment(server.folder)
        super().__init__(command, server.folder, env, COLUMNS, ROWS)

    def sees(self, text: str) -> None:
        wait_until(lambda: self.shows(text), [self])

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def interrupt(self) -> None:
        """Ctrl+C; the terminal is not the command's controlling one, so we do its work."""
        self.send_signal(signal.SIGINT)

    def echoes(self) -> bool:
        """Whether the terminal shows by itself what is typed."""
        return bool(termios.tcgetattr(self._master)[LOCAL_FLAGS] & termios.ECHO)

    def exit_code(self) -> int:
        """How the command ended, which it does now."""
        wait_until(lambda: self._process.poll() is not None, [self])
        return self._process.returncode

    def has_left(self, name: str) -> bool:
        """Whether the screen says that somebody left, alone or with others."""
        news = (line for line in self.text.splitlines() if line.endswith(" left"))
        return any(name in line for line in news)

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


LEAVING: dict[str, tuple[Callable[[Person], None], int]] = {
    "ben": (lambda person: person.type("exit"), 0),
    "carla": (lambda person: person.type("/quit"), 0),
    "dora": (lambda person: person.press(CTRL_D), 0),
    "eva": (Person.interrupt, 130),
    "fay": (lambda person: person.send_signal(signal.SIGTERM), 143),
    "gil": (lambda person: person.send_signal(signal.SIGHUP), 129),
}


def test_whichever_way_one_leaves_the_others_are_told_and_the_name_is_free(meet: Meet) -> None:
    ana = meet("--name", "ana")
    ana.sees("here")
    others = [meet("--name", name) for name in LEAVING]
    for other in others:
        other.sees("here")
    for name in LEAVING:
        ana.sees(name)
    for other, (leave, code) in zip(others, LEAVING.values(), strict=True):
        leave(other)
        assert other.exit_code() == code
        assert other.echoes()
    wait_until(lambda: all(ana.has_left(name) for name in LEAVING), [ana])
    again = meet("--name", "ben")
    again.sees("#lobby: 2 here")


def test_who_was_killed_is_back_at_once_and_what_was_typed_is_sent(
    own_server: ServerProcess, meet: Meet
) -> None:
    ana, ben = meet("--name", "ana"), meet("--name", "ben")
    ana.sees("ben")
    ben.sees("here")
    ana.type("/join den")
    ana.sees("#den: 1 here")
    own_server.kill()
    ana.sees("trying again in")
    ana.type("typed without a server")
    ana.sees("it is kept")
    ana.send_signal(signal.SIGKILL)
    own_server.start()
    ben.sees("connected again")
    ben.type("where is she?")
    ben.sees("<ben> where is she?")
    again = meet("--name", "ana")
    again.sees("1 message of last time to be sent")
    again.sees("you are in #den, too")
    again.sees("#den <ana> typed without a server")
    again.sees("#lobby <ben> where is she?")
    another = meet("--name", "ANA")
    another.sees("in use by another client")
    another.sees("taken")
    stranger = meet("--name", "ana", "--no-state")
    stranger.sees("taken")
    with own_server.client("reader") as reader:
        head = reader.join("den", after=0)["head"]
        assert head == 1


def test_a_private_word_is_for_one(meet: Meet) -> None:
    people = [meet("--name", name) for name in ("ana", "ben", "carla")]
    ana, ben, carla = people
    for person in people:
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
    """They talk by turns; the server is killed twice, and they go on typing meanwhile."""
    both = {name: meet("--name", name) for name in ("ana", "ben")}
    for person in both.values():
        person.sees("here")
    talk(both, range(5))
    for first in (5, 10):
        own_server.kill()
        talk(both, range(first, first + 3), heard=False)
        own_server.start()
        talk(both, range(first + 3, first + 5))
    with own_server.client("reader") as reader:
        head = reader.join("lobby", after=0)["head"]
        log = reader.collect("message", head)
    assert seqs(log) == list(range(1, 31))
    for name in both:
        own = [message["text"] for message in log if message["from"] == name]
        assert own == [f"from {name} {n:02}" for n in range(15)]
    shown = [f"<{message['from']}> {message['text']}" for message in log]
    for person in both.values():
        assert person.messages("<") == shown, person.text


def talk(people: dict[str, Person], numbers: range, *, heard: bool = True) -> None:
    """A line of each in turn; `heard`: all see it, and everything before it, before the next."""
    both = list(people.values())
    if heard and numbers.start:
        before = numbers.start - 1
        lines = [f"<{name}> from {name} {before:02}" for name in people]
        wait_until(lambda: all(all_show(both, line) for line in lines), both)
    for n in numbers:
        for name, person in people.items():
            person.type(f"from {name} {n:02}")
            if heard:
                wait_until(partial(all_show, both, f"<{name}> from {name} {n:02}"), both)


def all_show(people: list[Person], line: str) -> bool:
    return all(person.shows(line) for person in people)


def test_a_text_that_is_pasted_is_shown_whole(meet: Meet) -> None:
    """Many lines come faster than they can be sent; none may be wiped off by the next."""
    ana = meet("--name", "ana")
    ana.sees("here")
    texts = [f"line {n:03}" for n in range(150)]
    for start in range(0, 150, 50):
        ana.press("".join(f"{text}\n" for text in texts[start : start + 50]))
    ana.sees(f"<ana> {texts[-1]}")
    assert ana.messages("<") == [f"<ana> {text}" for text in texts]


def test_what_others_write_does_not_tear_what_is_being_typed(meet: Meet) -> None:
    """Both at once, in narrow rows: nothing is torn, lost or shown twice on either screen."""
    ana, ben = meet("--name", "ana"), meet("--name", "ben")
    ana.sees("ben")  # in the list, or as one who joined
    ben.sees("here")
    long = "word " * 60 + "end"
    for n in range(20):
        ana.press(f"{n} {long}"[: 16 * n])
        ben.type(f"ben {n:02}")
        ana.sees(f"<ben> ben {n:02}")
        ana.press(f"{n} {long}\n"[16 * n :])
        ana.sees(f"<ana> {n} word")
    ana.type("last")
    ben.sees("<ana> last")
    ana.sees("<ana> last")
    rows = ana.text.splitlines()
    shown = [row[6:11] for row in rows if row[2:3] == ":"]
    assert shown[-41:] == ["<ben>", "<ana>"] * 20 + ["<ana>"], ana.text
    assert all(row.startswith(("*", "      | ")) or row[2] == ":" for row in rows), ana.text
    assert ana.text.count("end") == 20


def test_a_line_longer_than_a_terminals_own_is_sent_whole(meet: Meet) -> None:
    ana, ben = meet("--name", "ana"), meet("--name", "ben")
    ben.sees("here")
    ana.sees("here")
    text = "ж" * 4_000
    for start in range(0, 4_000, 500):
        ana.press(text[start : start + 500])
    ana.press("\n")
    wait_until(lambda: all(p.text.count("ж") == 4_000 for p in (ana, ben)), [ana, ben])


def test_ctrl_z_gives_the_terminal_back_for_as_long_as_we_sleep(meet: Meet) -> None:
    ana = meet("--name", "ana")
    ana.sees("here")
    ana.press("ho")
    ana.sees("\nho")
    assert not ana.echoes()
    ana.send_signal(signal.SIGTSTP)  # as the terminal is not the controlling one
    wait_until(ana.echoes, [ana])
    ana.send_signal(signal.SIGCONT)
    wait_until(lambda: not ana.echoes(), [ana])
    ana.type("la")
    ana.sees("<ana> hola")


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


@pytest.mark.parametrize("command", [["send", "x"], ["tail", "--room", "x"]])
def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path, command: list[str]) -> None:
    done = run_netchat(tmp_path, *command, "--server", "127.0.0.1:1")
    assert done.returncode == 69
    assert "Traceback" not in done.stderr and done.stderr.strip()


def test_a_name_that_is_taken_ends_a_pipe(own_server: ServerProcess) -> None:
    with own_server.client("ana"):
        done = piped(own_server, "hola\n", "chat", "--name", "ana")
    assert done.returncode == 77 and "taken" in done.stderr + done.stdout


def test_a_server_out_of_the_box_takes_a_long_pipe(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        text = "".join(f"{n}\n" for n in range(1_000))
        done = piped(server, text, "send", "--name", "ana", "-")
        assert done.returncode == 0, done.stderr
