"""A close storm: thousands leave in one tick, and who stays hardly notices."""

from __future__ import annotations

import pytest

from netchat.chat.events import Accepted, Presence
from netchat.chat.requests import Hello, Join, Ping
from netchat.net.reactor import REAPED
from tests.chat.support import post
from tests.sessions.support import Client, House, Socket

PEERS = 5_000


class Reset(Socket):
    """The stream of a peer that has gone."""

    def recv(self, size: int) -> bytes:
        raise ConnectionResetError


def crowd(house: House) -> list[Client]:
    """So many in one room; what that brought is let go."""
    peers = [house.connect() for _ in range(PEERS)]
    for number, peer in enumerate(peers):
        peer.asks(Hello(version=1, name=f"peer-{number}"), Join(room="lobby"))
    house.settle()
    house.advance(1.0)
    return peers


@pytest.mark.parametrize("reset", [False, True])
def test_of_5_000_who_leave_at_once_a_tick_ends_so_many_and_the_others_are_told_once(
    reset: bool,
) -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    for peer in crowd(house):
        peer.sock.eof = True
        peer.sock.outbox.clear()
        if reset:
            peer.sock.__class__ = Reset
    ana.heard()
    left, ended = len(house.door.sessions), []
    while left > 1:
        ana.asks(post("still here"))
        house.tick()
        assert len(ana.got(Accepted)) == 1
        ended.append(left - len(house.door.sessions))
        left = len(house.door.sessions)
    assert max(ended) <= REAPED and len(ended) <= PEERS / REAPED + 3
    house.settle()
    assert house.reactor.next_timeout() != 0  # nor does it spin when all is done
    for _ in range(4):  # until their names are free
        house.advance(house.hub.settings.hold / 3)
        ana.says(Ping())
    [told] = ana.got(Presence)
    assert (told.count, told.members) == (1, ["ana"])
