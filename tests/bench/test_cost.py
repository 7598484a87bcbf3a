from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from bench.cases import CASES
from bench.cost import CostResult, cost_table, measure
from bench.diff import figures
from bench.scenario import Scenario
from bench.sends import Sends
from bench.vacuum import NullSocket, Vacuum


@pytest.fixture
def vacuum(tmp_path: Path) -> Iterator[Vacuum]:
    with Vacuum(Scenario(clients=12, rooms=3), tmp_path) as vacuum:
        yield vacuum


def test_the_real_server_delivers_in_a_vacuum(vacuum: Vacuum) -> None:
    assert vacuum.play(5) > 0
    assert vacuum.figures() == {"connections": 12, "accepted": 5, "delivered": 20}
    vacuum.play(1)
    assert vacuum.figures() == {"connections": 12, "accepted": 6, "delivered": 24}


def test_a_null_socket_takes_everything_and_gives_what_was_laid_into_it() -> None:
    sock = NullSocket()
    with pytest.raises(BlockingIOError):
        sock.recv(9)
    sock.inbox += b"ab"
    assert (sock.recv(9), sock.inbox) == (b"ab", b"")
    assert (sock.send(b"abc"), sock.sendmsg([b"abc", b"d"])) == (3, 4)


def test_both_kinds_of_sends_reach_every_socket() -> None:
    with Sends(3) as sends:
        bare, ours = sends.beside(0.0)  # it would hang if one did not get its bytes
    assert bare > 0 and ours > 0


def test_a_cost_is_that_of_a_message_and_of_its_deliveries() -> None:
    case = structs.replace(CASES[0], scenario=Scenario(clients=8, rooms=2), window=2)
    result = measure([case], 2, 0.01, {}, members=4)
    [found] = result.costs
    assert len(found.message_us) == len(result.bare_us) == len(result.ours_us) == 2
    assert len(result.joining_us) == 2 and min(result.joining_us) > 0
    assert found.delivery_us == [each / 4 for each in found.message_us]


def test_the_table_and_the_figures_have_what_was_measured() -> None:
    case = structs.replace(CASES[0], scenario=Scenario(clients=4, rooms=1))
    result = measure([case], 1, 0.01, dict.fromkeys(
        ("cpu", "cores", "kernel", "python", "file_limit", "commit"), "x"), members=2,
    )  # fmt: skip
    assert case.title in cost_table(result)
    fixed = CostResult(environment={}, costs=[], bare_us=[1.0], ours_us=[1.5])
    assert figures(fixed)["added µs a send"].median == 0.5
    assert "µs a connection that joins" in figures(result)
