from __future__ import annotations

from pathlib import Path

import msgspec

from bench.cases import CASES, Measurement
from bench.crowd import Tally
from bench.durability import DurabilityResult
from bench.goals import all_goals, costs_table, goals_table
from bench.idle import IdleResult
from bench.orders import CaughtUp
from bench.plots import KEPT
from bench.results import Joining
from bench.standings import CompareResult, ratio
from bench.stats import Spread
from bench.stuck import Stuck, StuckResult
from tests.bench.test_idle import a_stay
from tests.bench.test_results import ENVIRONMENT, a_measurement, a_round


def kept(folder: Path, peers: dict[str, float]) -> Path:
    measured = [
        a_measurement(peer, cpu, case.name) for case in CASES for peer, cpu in peers.items()
    ]
    run = Stuck(
        readers=10,
        before=a_round(),
        filling=a_round(),
        stuck=a_round(),
        memory=0,
        peak=1_000,
        peak_in_the_end=1_000,
        kernel=None,
        caught_up=CaughtUp(complete=10, seconds=1.0, tally=Tally()),
    )
    idle = IdleResult(
        environment=ENVIRONMENT, durability="memory", door="native", stays=[a_stay(1_400.0)]
    )
    for name, result in (
        ("compare", CompareResult(
            environment=ENVIRONMENT, durability="memory", cases=list(CASES), left_out=[],
            measurements=measured,
        )),
        ("durability", DurabilityResult(
            environment=ENVIRONMENT, cases=[], measurements=[], commits={}
        )),
        ("idle", idle),
        ("idle-web", idle),
        ("stuck", StuckResult(
            environment=ENVIRONMENT, durability="wal", door="native", size=4_000, runs=[run]
        )),
    ):  # fmt: skip
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(result))
    return folder


def test_each_goal_is_judged_by_its_median(tmp_path: Path) -> None:
    peers = {"netchat": 1.1, "limit": 1.0, "redis": 2.0, "nats": 3.0, "uvloop": 50.0, "web": 1.4}
    found = {(goal.case, goal.must): goal for goal in all_goals(kept(tmp_path, peers))}
    limit = found["room of 1,000, one outstanding", "≤ 1.15 times the C limit"]
    assert limit.is_reached and limit.measured == Spread(1.1, 1.1, 1.1, 1)
    assert not found["room of 1,000, 64 outstanding", "≤ 0.333 times nats"].is_reached
    assert not found["WebSocket, `one-100`", "≤ 1.15 times native"].is_reached
    assert not found[
        "room of 1,000, 256 outstanding", "≥ 20 million deliveries a CPU second"
    ].is_reached
    assert found["10 stuck readers: complete in the end", "all"].is_reached


def test_everybodys_costs_stand_side_by_side(tmp_path: Path) -> None:
    table = costs_table(kept(tmp_path, {"netchat": 1.25, "redis": 2.0}))
    assert "| CPU µs | netchat | redis |" in table
    assert "| `one-100`: room of 100, one message outstanding | 1.25 | 2 |" in table


def test_the_readme_has_the_tables_of_the_kept_results() -> None:
    text = (KEPT.parent / "README.md").read_text()
    assert goals_table(KEPT) in text and costs_table(KEPT) in text


def test_what_was_not_measured_is_said(tmp_path: Path) -> None:
    table = goals_table(kept(tmp_path, {"netchat": 1.0}))
    assert "| room of 100, 64 outstanding | ≤ 1 times redis | not measured |" in table
    assert "| 9 in a room, idle | ≤ 1,500 bytes each (aim: 883) | 1,400 | yes | `idle` |" in table


def test_a_measurement_that_failed_counts_for_nothing() -> None:
    joining = Joining(joined=0, failed=1, seconds=0.0, cpu_us=5.0)
    case = next(case for case in CASES if not case.window)
    measured = [
        Measurement(peer=peer, case=case.name, joining=joining, failure=failure)
        for peer, failure in (("netchat", "gone"), ("limit", ""))
    ]
    assert ratio(measured, case, "netchat", "limit") is None
    assert ratio(measured, case, "limit", "limit") == Spread(1.0, 1.0, 1.0, 1)
