"""The siege: an attack without a kernel, in which time is what the server takes of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.options import Options
from bench.siege import ServerClock, Siege, SiegeSocket
from bench.waits import CALM, PLAYABLE, WaitsResult, assault, wait, waits, waits_table


def spin(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_the_clock_goes_while_the_server_works_and_at_no_other_time() -> None:
    clock = ServerClock()
    began = clock.monotonic()
    with clock.stopped() as now:
        spin(0.02)
    assert now - began < 0.01 and clock.monotonic() - began < 0.01
    spin(0.02)
    assert clock.monotonic() - began >= 0.02
    clock.sleep_until(began + 5.0)
    assert 5.0 <= clock.monotonic() - began < 5.1
    assert 4.9 < clock.slept <= 5.0


class Owner:
    def __init__(self) -> None:
        self.told = b""
        self.is_over = False

    def told_at(self, data: bytes, now: float) -> None:
        self.told += data

    def hung_up(self) -> None:
        self.is_over = True


def test_a_socket_gives_what_was_laid_into_it_and_tells_its_owner_what_is_sent() -> None:
    owner = Owner()
    sock = SiegeSocket(ServerClock(), owner, "127.0.0.1")
    with pytest.raises(BlockingIOError):
        sock.recv(9)
    sock.data += b"abc"
    assert (sock.recv(2), sock.recv(2)) == (b"ab", b"c")
    sock.ended = True
    assert sock.is_ready and sock.recv(2) == b""
    assert (sock.send(b"de"), sock.sendmsg([b"f", b"g"])) == (2, 2)
    sock.close()
    assert owner.told == b"defg" and owner.is_over


def test_every_message_reaches_its_room_also_beside_an_attack(tmp_path: Path) -> None:
    with Siege(tmp_path, members=10, rooms=2, rate=100.0) as siege:
        attackers = siege.play(0.3, assault("bombs", 0.3))
        assert siege.posted > 10
        assert len(siege.waits) == siege.posted * 5
        assert min(siege.waits) > 0 and siege.cut_off == 0
        assert attackers is not None
        assert attackers.sent > 0 and attackers.codes["bad_json"] > 0
        assert siege.server.door.census.total == 10


@pytest.mark.parametrize("name", [CALM, "requests", "pings"])
def test_a_wait_is_that_of_all_deliveries(name: str) -> None:
    found = wait(name, 0.2)
    assert found.missing == found.cut_off == 0
    assert 0 < found.waits["p50"] <= found.waits["max"]
    assert (found.taken > 0) == (name != CALM)
    assert name in waits_table(WaitsResult(environment=ENVIRONMENT, waits=[found]))


ENVIRONMENT: dict[str, str | int] = dict.fromkeys(
    ("cpu", "cores", "kernel", "python", "file_limit", "commit"), "x"
)


def test_an_attack_that_cannot_be_played_here_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "logins" not in PLAYABLE and "unread-room" not in PLAYABLE and "bombs" in PLAYABLE
    assert waits(Options(command="waits", cases=("bombs", "logins"))) == 2
    assert "no such case: logins" in capsys.readouterr().err
