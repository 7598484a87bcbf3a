from __future__ import annotations

import os
import pty
import termios
from collections.abc import Iterator

import pytest

from netchat.client.keyboard import LOCAL_FLAGS, Keyboard


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Where the keys are pressed, and where they arrive."""
    fingers, fd = pty.openpty()
    yield fingers, fd
    for end in (fingers, fd):
        os.close(end)


def echoes(fd: int) -> bool:
    return bool(termios.tcgetattr(fd)[LOCAL_FLAGS] & termios.ECHO)


def test_keys_come_one_by_one_and_unseen_and_what_was_typed_before_is_kept(
    terminal: tuple[int, int],
) -> None:
    fingers, fd = terminal
    before = termios.tcgetattr(fd)
    with Keyboard(fd):
        os.write(fingers, b"a")
        assert os.read(fd, 10) == b"a"
        assert not echoes(fd)
        assert termios.tcgetattr(fd)[LOCAL_FLAGS] & termios.ISIG
    assert termios.tcgetattr(fd) == before


def test_a_failure_gives_the_terminal_back_too(terminal: tuple[int, int]) -> None:
    _, fd = terminal
    with pytest.raises(KeyError), Keyboard(fd):
        raise KeyError
    assert echoes(fd)


def test_a_terminal_that_has_gone_away_is_no_trouble() -> None:
    fingers, fd = pty.openpty()
    keyboard = Keyboard(fd)
    os.close(fingers)
    keyboard.give_back()
    os.close(fd)
    keyboard.give_back()
