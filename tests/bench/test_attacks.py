from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.attacked import Attacked, AttacksResult, Outcome
from bench.attacks import Field, attacks
from bench.crowd import Tally
from bench.options import Options
from bench.orders import Assaulted
from bench.progress import Progress
from tests.bench.test_results import ENVIRONMENT, RUNGS, a_round

MEBI = 2**20


def attacked(p99: float = 3.0, **fields: Any) -> Attacked:
    given: dict[str, Any] = {
        "name": "bombs",
        "before": a_round(),
        "during": a_round(latency=RUNGS | {"p99": p99}),
        "after": a_round(),
        "memory": 30 * MEBI,
        "peak": 31 * MEBI,
        "kernel": None,
        "recovered": 0.5,
        "report": Assaulted(opened=3, closed=2, sent=1_500_000, codes={"bad_json": 2}),
    }
    return Attacked(**(given | fields))


def is_withstood(*runs: Attacked) -> bool:
    return Outcome([*runs]).is_withstood


def test_an_attack_is_withstood_when_those_who_chat_notice_little_and_it_leaves_nothing() -> None:
    assert is_withstood(attacked())
    assert not is_withstood(attacked(p99=4.1))  # the rounds around it have 2
    assert not is_withstood(attacked(recovered=None))
    for fault in (Tally(lost=1), Tally(dropped=1), Tally(doubled=1)):
        assert not is_withstood(attacked(during=a_round(tally=fault)))


def test_fifty_milliseconds_are_too_many_whatever_they_are_without_it() -> None:
    slow = a_round(latency=RUNGS | {"p99": 40.0})
    assert is_withstood(attacked(p99=49.0, before=slow, after=slow))
    assert not is_withstood(attacked(p99=51.0, before=slow, after=slow))


def test_a_latency_that_is_not_the_servers_is_not_judged_but_named() -> None:
    late = Outcome([attacked(p99=500.0, after=a_round(invalid=["late"]))])
    assert late.is_withstood and late.invalid == ["late"] and "INVALID" in late.row
    assert "INVALID" not in Outcome([attacked()]).row


def test_of_several_runs_the_median_is_judged_and_no_fault_is_forgiven() -> None:
    assert is_withstood(attacked(p99=3.0), attacked(p99=9.0), attacked(p99=3.5))
    assert not is_withstood(attacked(p99=3.0), attacked(p99=9.0), attacked(p99=4.5))
    assert not is_withstood(attacked(), attacked(during=a_round(tally=Tally(lost=1))), attacked())
    late = attacked(p99=500.0, during=a_round(invalid=["late"]))
    assert is_withstood(late, attacked(p99=3.0)) and not is_withstood(late, attacked(p99=4.1))


def test_a_row_tells_the_worst_of_all_runs() -> None:
    result = AttacksResult(
        environment=ENVIRONMENT,
        durability="memory",
        attacks=[attacked(), attacked(p99=5.0, peak=40 * MEBI, recovered=2.0)],
    )
    [row] = result.table.splitlines()[2:]
    assert "| 4.0 ms (3.0 to 5.0) | 2.0 |" in row
    assert "+10.0 MiB" in row and "2.0 s" in row and "4 bad_json" in row


def test_the_table_has_as_many_columns_as_its_head() -> None:
    result = AttacksResult(environment=ENVIRONMENT, durability="memory", attacks=[attacked()])
    head, rule, row = result.table.splitlines()
    assert head.count("|") == rule.count("|") == row.count("|")
    assert "1.5 MB" in row and "2 bad_json" in row and "+1.0 MiB" in row


def test_an_attack_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert attacks(Options(command="attacks", cases=("bombs", "spells"))) == 2
    assert "spells" in capsys.readouterr().err


def test_a_real_server_under_real_attacks_serves_everybody_and_recovers(tmp_path: Path) -> None:
    """The harness, that is: what the server does in so short a time says little of its speed."""
    names = ["slow-hello", "bombs", "tls-garbage", "fragments"]
    field = Field(Options(seconds=0.6), tmp_path, Progress(), few=False)
    found = {each.name: each for each in field.play(names)}
    assert list(found) == names
    for each in found.values():
        assert each.during.tally.faults == 0 and each.during.tally.delivered > 0
        assert each.recovered is not None
        assert each.report.opened > 0 and each.report.sent > 0
    assert found["bombs"].report.codes["bad_json"] > 0
    assert found["tls-garbage"].report.closed > 0
    assert found["fragments"].report.closed > 0
