"""A terminal client with pipes for its keyboard, and a scripted server on loopback."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from netchat.client.client import Client
from netchat.client.editor import Editor
from netchat.client.screen import Screen
from netchat.client.source import Source
from netchat.client.terminal import Terminal

from .support import NoRandom, Peer, Script, pipe


class Reading(io.StringIO):
    """An output whose reader types something at each sight of what it waits for."""

    def __init__(self, keyboard: BinaryIO) -> None:
        super().__init__()
        self.answers: list[tuple[str, str]] = []
        self._keyboard = keyboard

    def write(self, text: str) -> int:
        if self.answers and self.answers[0][0] in text:
            self._keyboard.write(self.answers.pop(0)[1].encode())
        return super().write(text)


class Desk:
    """A terminal client, its keyboard and its two outputs."""

    def __init__(
        self,
        address: str,
        fd: int,
        keyboard: BinaryIO,
        *,
        person: bool = False,
        folder: Path | None = None,
    ) -> None:
        self.keyboard = keyboard
        self.out, self.err = Reading(keyboard), Reading(keyboard)
        self.client = Client(address, random=NoRandom())
        editor = Editor() if person else None
        screen = Screen(self.out, self.err, tty=person, editor=editor)
        source = Source(self.client.reactor, fd, editor)
        outbox = None if folder is None else lambda name: folder / f"{name}.outbox"

        def hide(hidden: bool) -> None:
            if editor is not None:
                editor.hidden = hidden

        self.terminal = Terminal(
            self.client, source, screen, interactive=person, outbox=outbox, hide=hide
        )

    def type(self, text: str) -> None:
        self.keyboard.write(text.encode())

    def run(self, name: str | None = "ana") -> int:
        return self.terminal.run(name, "lobby")

    @property
    def status(self) -> str:
        """All that was told and shown."""
        return self.err.getvalue() + self.out.getvalue()

    @property
    def messages(self) -> list[str]:
        """What was shown, without the time."""
        return [line[6:] for line in self.out.getvalue().splitlines() if line[2:3] == ":"]


@contextmanager
def desk(
    script: Script | None = None,
    *,
    person: bool = False,
    folder: Path | None = None,
    address: str | None = None,
) -> Iterator[tuple[Desk, Peer]]:
    """`folder`: where the outbox is kept. `address`: of a server in the scripted one's place."""
    with Peer(script) as peer, pipe() as (fd, keyboard):
        made = Desk(address or peer.address, fd, keyboard, person=person, folder=folder)
        yield made, peer
        made.client.close()
