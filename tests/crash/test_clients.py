"""A few cycles of killing the client; and that the loop would notice what it looks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from netchat.client.journal import Posted, Record, decode, encode
from tests.crash.clients import Clients
from tests.crash.poster import Violation


def test_whatever_a_killed_client_had_taken_arrives_once_and_in_order(tmp_path: Path) -> None:
    with Clients(tmp_path) as clients:
        for _ in range(20):
            clients.cycle()
        clients.finish()


def promised(clients: Clients) -> list[Posted]:
    """The lines that wait and that must not be lost: one of which the client never said that it
    has it may be."""
    lines = {f"line {number}" for number in clients.promised}
    return [post for post in clients.kept().posts.values() if post.text in lines]


def two_in_a_room(posts: list[Posted]) -> bool:
    """Whether there is an order to be broken: there is none between rooms."""
    return any(count > 1 for count in Counter(post.room for post in posts).values())


def lose(posts: list[Posted]) -> list[Posted]:
    return posts[:-1]


def double(posts: list[Posted]) -> list[Posted]:
    first = posts[0]
    return [first, Posted("another", first.text, first.room), *posts[1:]]


def reorder(posts: list[Posted]) -> list[Posted]:
    return posts[::-1]


@pytest.mark.parametrize(
    ("deed", "verdict"), [(lose, "lost"), (double, "doubled"), (reorder, "reordered")]
)
def test_what_is_lost_doubled_or_reordered_is_noticed(
    deed: Callable[[list[Posted]], list[Posted]], verdict: str, tmp_path: Path
) -> None:
    with Clients(tmp_path) as clients:
        while not two_in_a_room(posts := promised(clients)):
            clients.cycle("down")
        records: list[Record] = []
        records, _ = decode(clients.file.read_bytes())
        others = [record for record in records if not isinstance(record, Posted)]
        clients.file.write_bytes(b"".join(map(encode, [*others, *deed(posts)])))
        with pytest.raises(Violation, match=verdict):
            clients.finish()
