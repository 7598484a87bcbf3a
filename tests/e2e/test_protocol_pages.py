"""history, who and rooms: pages that are cut to fit a frame and say so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import Object, RawClient, fill, seqs
from tests.e2e.support import UNLIMITED, ServerProcess, crowd

COUNT = 120
BIG = 4_000
"""Code points of four bytes: a frame holds four such texts at most."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with a room of short texts and one of big ones."""
    with ServerProcess(tmp_path_factory.mktemp("library"), *UNLIMITED) as server:
        with server.client("librarian") as client:
            fill(client, "short", COUNT)
            fill(client, "big", COUNT, lambda _: "\U0001f4da" * BIG)
            client.bye()
        yield server


@pytest.fixture
def reader(library: ServerProcess) -> Iterator[RawClient]:
    with library.client("reader") as client:
        for room in ("short", "big"):
            client.join(room, backlog=0)
        yield client
        client.bye()


def history(client: RawClient, room: str, **fields: int) -> Object:
    page = client.ask({"type": "history", "room": room, "ref": "h", **fields})
    assert (page["type"], page["room"], page["ref"]) == ("history", room, "h"), page
    return page


@pytest.mark.parametrize(
    ("fields", "first", "last", "complete"),
    [
        ({}, 21, 120, False),
        ({"limit": 300}, 1, 120, True),
        ({"limit": 120}, 1, 120, True),
        ({"limit": 1}, 120, 120, False),
        ({"before": 120, "limit": 2}, 118, 119, False),
        ({"before": 3}, 1, 2, True),
        ({"before": 1}, 1, 0, True),
        ({"before": 10_000, "limit": 1}, 120, 120, False),
        ({"after": 0, "limit": 5}, 1, 5, False),
        ({"after": 0, "limit": 120}, 1, 120, True),
        ({"after": 118}, 119, 120, True),
        ({"after": 120}, 121, 120, True),
        ({"after": 10_000}, 1, 0, True),
    ],
    ids=str,
)
def test_history_is_a_page_in_ascending_order(
    reader: RawClient, fields: dict[str, int], first: int, last: int, complete: bool
) -> None:
    page = history(reader, "short", **fields)
    assert seqs(page["messages"]) == list(range(first, last + 1))
    assert page["complete"] is complete


def test_a_page_of_big_texts_is_cut_and_goes_on_backwards(reader: RawClient) -> None:
    seen: list[int] = []
    before, complete = COUNT + 1, False
    while not complete:
        page = history(reader, "big", before=before, limit=300)
        part = seqs(page["messages"])
        assert part and part == list(range(part[0], before))
        seen, before, complete = part + seen, part[0], page["complete"]
        assert complete is (part[0] == 1)
    assert seen == list(range(1, COUNT + 1))


def test_a_page_of_big_texts_is_cut_and_goes_on_forwards(reader: RawClient) -> None:
    seen: list[int] = []
    complete = False
    while not complete:
        page = history(reader, "big", after=len(seen), limit=300)
        part = seqs(page["messages"])
        assert part and part[0] == len(seen) + 1
        seen, complete = seen + part, page["complete"]
        assert complete is (seen[-1] == COUNT)
    assert seen == list(range(1, COUNT + 1))


def test_a_history_message_is_the_message(reader: RawClient) -> None:
    reader.join("short", backlog=1)
    message = reader.until("message")
    assert history(reader, "short", limit=1)["messages"] == [message]


def test_history_of_a_room_that_one_is_not_in_is_refused(ana: RawClient, room: str) -> None:
    ana.join(room)
    ana.ask({"type": "leave", "room": room})
    assert errors_of(ana, room) == ["no_such_room"] * 3
    with_post = f"{room}-kept"
    ana.join(with_post)
    ana.post(with_post, "x", "1")
    ana.until("message")
    ana.ask({"type": "leave", "room": with_post})
    assert errors_of(ana, with_post) == ["not_in_room"] * 3


def errors_of(client: RawClient, room: str) -> list[str]:
    requests: list[dict[str, Any]] = [
        {"type": "history"},
        {"type": "who"},
        {"type": "post", "text": "x", "id": "2"},
    ]
    return [client.ask({**request, "room": room})["code"] for request in requests]


# -- who -----------------------------------------------------------------------------------


def test_who_lists_members_by_name_in_pages(server: ServerProcess, room: str) -> None:
    names = [f"Page-{n:03}" if n % 2 else f"page-{n:03}" for n in range(230)]
    with crowd(server, names[::-1], room) as clients:
        client = clients[0]
        client.noise = ("presence", "message")
        client.barrier()
        page = client.ask({"type": "who", "room": room, "ref": "w"})
        assert (page["type"], page["ref"], page["room"]) == ("members", "w", room)
        assert [row["name"] for row in page["members"]] == names[:200]
        assert page["complete"] is False
        assert all(row["since"] > 1_700_000_000_000 for row in page["members"])
        assert all("away" not in row for row in page["members"])
        rest = client.ask({"type": "who", "room": room, "after": page["members"][-1]["name"]})
        assert [row["name"] for row in rest["members"]] == names[200:]
        assert rest["complete"] is True
        middle = client.ask({"type": "who", "room": room, "after": "PAGE-2275-need-not-exist"})
        assert [row["name"] for row in middle["members"]] == names[228:]
        beyond = client.ask({"type": "who", "room": room, "after": "zz"})
        assert beyond["members"] == [] and beyond["complete"] is True


def test_rooms_are_listed_by_name_in_pages(tmp_path: Path) -> None:
    topic = "--set", "topics.Room-007=Secrets"
    names = [f"Room-{n:03}" if n % 2 else f"room-{n:03}" for n in range(220)]
    with ServerProcess(tmp_path, *UNLIMITED, *topic, "--set", "limits.rooms=300") as server:
        client = server.client("ana")
        for name in reversed(names):
            client.join(name)
        client.post(names[3], "x", "1")
        client.until("message")
        page = client.ask({"type": "rooms", "ref": "r"})
        assert (page["type"], page["ref"]) == ("rooms", "r")
        assert [row["room"] for row in page["rooms"]] == names[:200]
        assert page["complete"] is False
        assert page["rooms"][3] == {"room": names[3], "topic": "", "count": 1, "head": 1}
        assert page["rooms"][7]["topic"] == "Secrets"
        rest = client.ask({"type": "rooms", "after": page["rooms"][-1]["room"].upper()})
        assert [row["room"] for row in rest["rooms"]] == names[200:]
        assert rest["complete"] is True
        assert client.ask({"type": "rooms", "after": "room-2185"})["rooms"][0]["room"] == names[219]
        assert client.join("room-007")["topic"] == "Secrets"


def test_a_room_that_everybody_left_stays_listed_where_something_was_said(
    ana: RawClient, room: str
) -> None:
    said, silent = f"{room}-said", f"{room}-silent"
    for each in (said, silent):
        ana.join(each)
    ana.post(said, "x", "1")
    ana.until("message")
    for each in (said, silent):
        ana.ask({"type": "leave", "room": each})
    rows = {row["room"]: row for row in ana.ask({"type": "rooms", "after": room})["rooms"]}
    assert rows[said] == {"room": said, "topic": "", "count": 0, "head": 1}
    assert silent not in rows


def test_a_list_of_long_names_is_cut_to_fit_a_frame(tmp_path: Path) -> None:
    topic = "\U0001f600" * 500
    names = [f"{n:02}" + "\U0001f600" * 62 for n in range(60)]
    settings = [part for name in names for part in ("--set", f"topics.{name}={topic}")]
    with ServerProcess(tmp_path, *UNLIMITED, *settings) as server, server.client("ana") as ana:
        for name in names:
            ana.join(name)
        seen: list[str] = []
        pages = 0
        complete = False
        while not complete:
            page = ana.ask({"type": "rooms", **({"after": seen[-1]} if seen else {})})
            seen += [row["room"] for row in page["rooms"]]
            complete, pages = page["complete"], pages + 1
        assert seen == names and pages > 1
