from __future__ import annotations

from pathlib import Path

from msgspec import structs

from bench.cases import CASES
from bench.commits import Commits
from bench.diff import figures
from bench.durability import durability_table, play
from bench.scenario import Scenario
from tests.bench.test_results import ENVIRONMENT


def test_bare_commits_are_counted_and_timed(tmp_path: Path) -> None:
    with Commits(tmp_path, "fsync") as commits:
        first, second = commits.play(8, 64, 3, 0.0), commits.play(2, 64, 3, 0.02)
    assert (first.rows, second.rows) == (8, 2)
    assert first.row_us > 0 and second.p99 >= second.p50 > 0


def test_a_load_is_played_on_every_durability() -> None:
    case = structs.replace(CASES[0], scenario=Scenario(clients=6, rooms=1), window=4)
    result = play([case], 1, 0.2)
    result.environment = ENVIRONMENT
    assert [each.peer for each in result.measurements] == ["memory", "wal", "fsync"]
    assert not any(each.failure or each.undelivered for each in result.measurements)
    assert figures(result)[f"{case.name} memory to memory"].median == 1.0
    assert "bare commits of 4 rows" in durability_table(result)
