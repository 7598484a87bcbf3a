from __future__ import annotations

from netchat.chat.log import Batch, Duplicate, State, Stored

from .support import ATTIC, LOBBY, ROOMS, START, Log, memory_log, numbered, post


def small_log() -> Log:
    log = memory_log(keep=3)
    log.store.append(ROOMS)
    return log


def test_it_starts_empty() -> None:
    assert memory_log().store.load() == State("epoch-1", [], [], [], [], [])


def test_the_oldest_entries_go_and_the_new_first_is_told() -> None:
    log = small_log()
    assert log.store.append(Batch(posts=numbered(3))).firsts == {}
    assert log.store.append(Batch(posts=[post("a"), post("b")])).firsts == {LOBBY.room: 3}
    assert [entry.seq for entry in log.entries()] == [3, 4, 5]


def test_rooms_are_trimmed_one_by_one() -> None:
    log = small_log()
    appended = log.store.append(Batch(posts=[*numbered(5), post("a", room=ATTIC)]))
    assert appended.firsts == {LOBBY.room: 3}
    assert [entry.seq for entry in log.entries(ATTIC.room)] == [1]


def test_a_page_back_ends_at_the_oldest_that_is_held() -> None:
    log = small_log()
    log.post(*numbered(5))
    page = log.reader.before(LOBBY.room, 5, 10)
    assert ([entry.seq for entry in page.entries], page.more) == ([3, 4], False)


def test_an_id_is_forgotten_with_its_entry_and_not_before() -> None:
    log = small_log()
    log.post(*numbered(4))
    assert log.post(post("n2")) == [Duplicate(2, START)]
    assert log.post(post("n1")) == [Stored(5, START)]
