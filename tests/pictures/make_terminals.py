"""Makes terminals.svg: a real server, two real clients, and what their terminals show.

    python -m tests.pictures.make_terminals

In the middle the server is killed and started again, as a picture of a chat that misses nothing
would otherwise look like any other. The clients are stopped meanwhile: how often each of them
tries in vain would be another number in every picture.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.pictures.svg import picture
from tests.pictures.terminal import Terminal, wait_until

ROOT = Path(__file__).parents[2]
PICTURE = Path(__file__).with_name("terminals.svg")
COLUMNS, ROWS = 53, 13
NETCHAT = (sys.executable, "-m", "netchat")
ENV = {key: value for key, value in os.environ.items() if not key.startswith("NETCHAT_")}

NOTICE = 1.5
"""Seconds after which a room has told who came: it does so once a second."""

ANA, BEA = 0, 1
Line = tuple[int, str, str]

BEFORE: list[Line] = [
    (ANA, "hola, bea", "hola, bea"),
    (BEA, "hello ana! did the release go out?", "did the release"),
]
AFTER: list[Line] = [
    (ANA, "an hour ago, and nobody noticed", "nobody noticed"),
    (BEA, "/msg ana the best kind. coffee?", "coffee?"),
    (ANA, "/msg bea in five minutes", "five minutes"),
    (BEA, "exit", "bea left"),
]
"""Who types what, and what the other then sees."""


def main() -> None:
    with ExitStack() as stack:
        data = stack.enter_context(TemporaryDirectory())
        terminals: list[Terminal] = []
        with serving("127.0.0.1:0", data) as address:
            for name in ("ana", "bea"):
                command = [*NETCHAT, "chat", "--server", address, "--name", name]
                terminals.append(Terminal(command, ROOT, ENV, COLUMNS, ROWS))
                stack.callback(terminals[-1].close)
                wait_until(partial(terminals[-1].shows, "lobby"), terminals)
                terminals[-1].read_for(NOTICE)
            wait_until(partial(terminals[ANA].shows, "bea joined"), terminals)
            play(BEFORE, terminals)
            for terminal in terminals:
                terminal.send_signal(signal.SIGSTOP)
        with serving(address, data):
            for terminal in terminals:
                terminal.send_signal(signal.SIGCONT)
            for terminal in terminals:
                wait_until(partial(terminal.shows, "connected again"), terminals)
                terminal.read_for(NOTICE)
            play(AFTER, terminals)
        titles = ("netchat chat --name ana", "netchat chat --name bea")
        screens = [terminal.screen for terminal in terminals]
        PICTURE.write_text(picture(list(zip(titles, screens, strict=True))))


@contextmanager
def serving(address: str, data: str) -> Iterator[str]:
    """A server there, with its log in folder `data`, until it is killed; its real address."""
    command = [*NETCHAT, "serve", "--listen", address, "--data", data]
    with subprocess.Popen(
        command, cwd=ROOT, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().rpartition("native=")[2].strip()
        finally:
            server.kill()


def play(lines: list[Line], terminals: list[Terminal]) -> None:
    """Let them talk; each line is typed once the one before it has arrived."""
    for who, line, seen in lines:
        terminals[who].type(line)
        wait_until(partial(terminals[1 - who].shows, seen), terminals)


if __name__ == "__main__":
    main()
