from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.events import Gap, Presence, RoomInfo, RoomList
from netchat.client.harmless import width
from netchat.client.render import (
    INDENT,
    gap_sentence,
    local_time,
    message_lines,
    status_lines,
)

from .support import joined, message


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_message_has_time_author_and_text() -> None:
    assert message_lines(message(1), "ana") == ["05:00 <bea> hola"]
    assert message_lines(message(1), "ana", room=True) == ["05:00 #lobby <bea> hola"]


def test_private_messages_say_who_to_whom() -> None:
    theirs = message(1, room="@1", to="ana")
    mine = message(2, room="@1", sender="ana", to="bea")
    assert message_lines(theirs, "ana") == ["05:00 [bea → you] hola"]
    assert message_lines(mine, "ana", room=True) == ["05:00 [you → bea] hola"]


def test_no_text_can_pass_for_a_line_of_somebody_else() -> None:
    fake = "hi\n05:00 <ana> I quit\r\n* ana left"
    first, *rest = message_lines(message(1, fake), "ana")
    assert first == "05:00 <bea> hi"
    assert rest == [INDENT + "05:00 <ana> I quit␍", INDENT + "* ana left"]


@given(st.text(st.characters(categories=None), max_size=300), st.integers(1, 100))
def test_every_line_fits_the_terminal_and_begins_as_it_should(text: str, columns: int) -> None:
    first, *rest = message_lines(message(1, text), "ana", columns=columns)
    assert first.startswith("05:00 <bea>")
    assert all(line.startswith(INDENT) for line in rest)
    assert all(width(line) < max(columns, 24) for line in [first, *rest])


def test_the_screens_edge_does_not_help_a_forger() -> None:
    fake = "hi" + " " * 66 + "05:00 <ana> I quit"
    lines = message_lines(message(1, fake), "ana", columns=80)
    assert not any(line.startswith("05:00 <ana>") for line in lines)


def test_a_time_beyond_the_calendar_is_no_accident() -> None:
    assert local_time(10**25) == "--:--"
    assert local_time(-(10**25)) == "--:--"


def test_presence_names_the_others() -> None:
    news = Presence(room="lobby", count=3, joined=["ana", "bea"], away=["cui"], left=["d", "e"])
    assert status_lines(news, "ana") == ["bea joined", "d, e left", "cui is away"]
    assert status_lines(news, "ana", room=True)[0] == "#lobby: bea joined"


def test_who_is_there_is_told_and_a_crowd_is_cut() -> None:
    crowd = [f"u{n}" for n in range(30)]
    (line,) = status_lines(joined("r", count=30, members=crowd), "ana")
    assert line.startswith("#lobby: 30 here: u0, u1")
    assert line.endswith("and 10 more")
    assert status_lines(joined("r", count=900, members=None), "ana") == ["#lobby: 900 here"]


def test_rooms_are_a_list_with_what_is_known_of_each() -> None:
    rooms = [
        RoomInfo(room="den", head=1, topic="a\nb", count=0),
        RoomInfo(room="客厅", head=17, topic="", count=2),
        RoomInfo(room="x" * 40, head=0, count=1),
    ]
    (news,) = status_lines(RoomList(rooms=rooms, complete=True), "ana")
    assert news.split("\n") == [
        "rooms:",
        f"{'#den':24}  0 here, 1 message  a␊b",
        f"{'#客厅':22}  2 here, 17 messages",
        f"#{'x' * 40}  1 here, 0 messages",
    ]
    assert status_lines(RoomList(rooms=[], complete=True), "ana") == ["no rooms"]


def test_a_gap_says_what_is_missing() -> None:
    gap = Gap(room="lobby", start=5, to=9, reason="retention", epoch="e")
    assert gap_sentence(gap) == "messages 5 to 9 are gone (retention)"


def test_names_rooms_and_topics_are_made_harmless_too() -> None:
    evil = "\x1b[2J"
    lines = status_lines(joined("r", evil, members=[evil], topic=evil), "ana")
    lines += message_lines(message(1, evil, evil, sender=evil), "ana", room=True)
    lines += status_lines(Presence(room=evil, count=1, left=[evil]), "ana", room=True)
    assert not any("\x1b" in line for line in lines)
