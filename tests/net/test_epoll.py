from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from selectors import EVENT_READ, EVENT_WRITE

import pytest

from netchat.net import epoll
from netchat.net.epoll import EpollSelector

BOTH = EVENT_READ | EVENT_WRITE


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@pytest.fixture
def selector() -> Iterator[EpollSelector]:
    with closing(EpollSelector()) as selector:
        yield selector


def told(selector: selectors.BaseSelector) -> list[tuple[object, object, int, int]]:
    return [(key.fileobj, key.data, key.events, mask) for key, mask in selector.select(0)]


@pytest.mark.parametrize("events", [EVENT_READ, EVENT_WRITE, BOTH])
@pytest.mark.parametrize("state", ["quiet", "data", "ended", "reset"])
def test_it_tells_what_the_system_s_own_tells(
    pair: tuple[socket.socket, socket.socket], events: int, state: str
) -> None:
    one, other = pair
    if state == "data":
        other.send(b"x")
    elif state == "ended":
        other.shutdown(socket.SHUT_WR)
    elif state == "reset":
        one.send(b"never read")
        other.close()
    answers = []
    for selector in (EpollSelector(), selectors.DefaultSelector()):
        with selector:
            selector.register(one, events, "data")
            answers.append(told(selector))
    assert answers[0] == answers[1]


def test_what_is_modified_is_watched_for_that(
    selector: EpollSelector, pair: tuple[socket.socket, socket.socket]
) -> None:
    one, other = pair
    other.send(b"x")
    selector.register(one, EVENT_READ, 1)
    selector.modify(one, EVENT_WRITE, 2)
    assert told(selector) == [(one, 2, EVENT_WRITE, EVENT_WRITE)]
    selector.modify(one, EVENT_WRITE, 3)
    assert told(selector) == [(one, 3, EVENT_WRITE, EVENT_WRITE)]
    assert selector.get_key(one).data == 3
    assert selector.get_key(one).fd == one.fileno()


def test_what_is_unregistered_is_not_watched(
    selector: EpollSelector, pair: tuple[socket.socket, socket.socket]
) -> None:
    one, other = pair
    selector.register(one, BOTH)
    selector.register(other, BOTH)
    assert selector.unregister(one).fileobj is one
    assert [file for file, *_ in told(selector)] == [other]
    assert list(selector.get_map()) == [other]
    for call in (selector.unregister, lambda file: selector.modify(file, EVENT_READ)):
        with pytest.raises(KeyError):
            call(one)


def test_a_number_that_is_used_again_is_somebody_else_s(selector: EpollSelector) -> None:
    numbers = set()
    for data in range(2):
        one, other = socket.socketpair()
        with one, other:
            numbers.add(one.fileno())
            selector.register(one, EVENT_WRITE, data)
            assert told(selector) == [(one, data, EVENT_WRITE, EVENT_WRITE)]
            selector.unregister(one)
    assert len(numbers) == 1


def test_a_file_is_registered_once_and_for_something(
    selector: EpollSelector, pair: tuple[socket.socket, socket.socket]
) -> None:
    with pytest.raises(ValueError, match="interest"):
        selector.register(pair[0], 0)
    selector.register(pair[0], EVENT_READ, 1)
    with pytest.raises(FileExistsError):
        selector.register(pair[0], EVENT_READ, 2)
    assert selector.get_key(pair[0]).data == 1


def test_whoever_is_left_over_comes_first_the_next_time(
    selector: EpollSelector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoll, "MOST", 2)
    with ExitStack() as stack:
        files: list[socket.socket] = []
        for _ in range(2):
            files += map(stack.enter_context, socket.socketpair())
        for file in files:
            selector.register(file, EVENT_WRITE)
        first, second = told(selector), told(selector)
    assert len(first) == len(second) == 2
    assert {file for file, *_ in first + second} == set(files)


def test_a_number_may_stand_for_its_file(
    selector: EpollSelector, pair: tuple[socket.socket, socket.socket]
) -> None:
    number = pair[0].fileno()
    key = selector.register(number, EVENT_WRITE, "data")
    assert key.fd == number
    assert told(selector) == [(number, "data", EVENT_WRITE, EVENT_WRITE)]
    assert selector.unregister(number).fileobj == number


def test_it_waits_no_longer_than_it_is_told(selector: EpollSelector) -> None:
    assert selector.select(0.001) == []
    assert selector.select(-1) == []
