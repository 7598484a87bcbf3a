"""Tables, pages and differences of results that were made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.cases import CASES, Measurement
from bench.crew import why_invalid
from bench.crowd import Tally
from bench.diff import diff
from bench.knees import Knee, LimitsResult, Step
from bench.limits import judge
from bench.options import Options
from bench.page import compare_page, limits_page, run_page
from bench.report import run_line, run_table, table
from bench.results import Joining, RoundResult, RunResult, save
from bench.scenario import Round, Scenario
from bench.standings import CompareResult, standings
from bench.stays import Stay
from bench.thresholds import parse

ENVIRONMENT: dict[str, str | int] = {
    "cpu": "some", "cores": 2, "kernel": "6", "python": "CPython 3", "file_limit": 1, "commit": "c",
}  # fmt: skip
RUNGS = dict.fromkeys(["p50", "p75", "p90", "p95", "p99", "p99.9", "p99.99", "max"], 2.0)


def a_round(**fields: Any) -> RoundResult:
    given: dict[str, Any] = {
        "round": Round(seconds=1.0, rate=10.0),
        "tally": Tally(posted=10, accepted=10, owed=100, delivered=100),
        "seconds": 1.0,
        "latency": RUNGS,
        "service": RUNGS,
        "lateness": {"p99": 1.0},
        "samples": 100,
        "generator_cpu": 0.5,
        "generator_lag_ms": 1.0,
        "server_cpu": 0.001,
    }
    return RoundResult(**(given | fields))


def a_run(*rounds: RoundResult) -> RunResult:
    return RunResult(
        environment=ENVIRONMENT,
        server="started here",
        durability="memory",
        scenario=Scenario(clients=50, rooms=5),
        joining=Joining(joined=50, failed=0, seconds=0.5, memory=1000.0),
        rounds=list(rounds) or [a_round(), a_round()],
    )


def test_the_cost_of_a_delivery_is_the_servers_cpu_over_all_of_them() -> None:
    assert a_round().cpu_us == pytest.approx(10.0)
    assert a_round().cpu_share == pytest.approx(0.1)
    assert a_round(server_cpu=None).cpu_us is None


def test_columns_stand_below_each_other() -> None:
    assert table([["a", "bb"], ["ccc", "d"]], "<>") == "a    bb\nccc   d"


def test_medians_stand_below_medians_and_ranges_below_ranges() -> None:
    lines = table([["", "µs"], ["a", "1.5  (1 to 2)"], ["b", "20"]], "<>").split("\n")
    assert lines == ["              µs", "a  1.5  (1 to 2)", "b   20"]


def test_a_good_run_says_so() -> None:
    text = run_table(a_run(), [parse("p99<50ms")])
    assert "nothing lost, doubled or out of order" in text
    assert "kept: p99<50ms" in text
    assert "INVALID" not in text


def test_a_bad_run_says_so_too() -> None:
    bad = a_round(tally=Tally(posted=10, owed=100, delivered=99, lost=1), invalid=["slow"])
    text = run_table(a_run(bad), [parse("p99<1ms")], ["p99<1ms"])
    assert "1 FAULTS" in text
    assert "FAILED: p99<1ms" in text
    assert "INVALID: slow" in text
    assert "1 FAULTS" in run_line(a_run(bad))


def test_a_round_is_invalid_when_its_generator_was_the_bottleneck() -> None:
    assert why_invalid(a_round()) == []
    assert "99%" in why_invalid(a_round(generator_cpu=0.99))[0]
    assert "late" in why_invalid(a_round(lateness={"p99": 11.0}))[0]
    closed = Round(seconds=1.0, window=5)
    assert why_invalid(a_round(generator_cpu=0.99, round=closed)) == []


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, ""),
        ({"latency": RUNGS | {"p99": 51.0}}, "p99"),
        ({"tally": Tally(posted=10, owed=100, delivered=99, lost=1)}, "fault"),
        ({"seconds": 2.0}, "delivered in time"),
        ({"invalid": ["busy"]}, "generator"),
    ],
)
def test_a_step_fails_for_a_reason(fields: dict[str, Any], why: str) -> None:
    step = judge(a_round(**fields), Scenario(clients=50, rooms=5), Options())
    assert why in step.why and bool(why) == bool(step.why)


def a_step(rate: float, why: str = "") -> Step:
    return Step(
        rate=rate, wanted=rate, delivered=rate, p50=1, p99=2, cpu_us=3, cpu_share=4, why=why
    )


def test_the_knee_is_the_highest_step_that_kept_the_target() -> None:
    steps = [a_step(1), a_step(2), a_step(4, "p99 of 80 ms"), a_step(3, "p99 of 60 ms")]
    knee = Knee(members=4, clients=8, alone_us=1.0, steps=steps)
    assert knee.best is not None and knee.best.rate == 2
    assert knee.stopped_by == "p99 of 60 ms"


def a_measurement(peer: str, cpu: float, case: str = "one-100") -> Measurement:
    joining = Joining(joined=100, failed=0, seconds=1.0)
    return Measurement(peer=peer, case=case, joining=joining, cpu_us=cpu)


def test_ratios_are_taken_within_each_repeat() -> None:
    measured = [
        a_measurement("netchat", 2.0), a_measurement("limit", 1.0),
        a_measurement("limit", 4.0), a_measurement("netchat", 6.0),
    ]  # fmt: skip
    ours = standings(measured, CASES[0])[0]
    assert ours.ratio is not None and (ours.ratio.low, ours.ratio.high) == (1.5, 2.0)


def limits_result() -> LimitsResult:
    joining = Joining(joined=100, failed=0, seconds=1.0, memory=900.0)
    return LimitsResult(
        environment=ENVIRONMENT,
        durability="memory",
        target=50.0,
        stays=[Stay(stage="join", clients=100, joining=joining)],
        knees=[Knee(members=4, clients=8, alone_us=1.0, steps=[a_step(1), a_step(2, "slow")])],
    )


def compare_result() -> CompareResult:
    return CompareResult(
        environment=ENVIRONMENT,
        durability="memory",
        cases=list(CASES),
        left_out=["nats: not installed"],
        measurements=[
            a_measurement(peer, cpu, case)
            for case in ("many-100", "many-1000", "one-100")
            for peer, cpu in (("netchat", 2.0), ("limit", 1.0))
        ],
    )


def test_every_result_makes_a_page() -> None:
    assert "<svg" in run_page(a_run())
    assert "rooms of 4" in limits_page(limits_result())
    assert "not installed" in compare_page(compare_result())


def test_diff_shows_what_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = save(a_run(), tmp_path / "a", "run")
    faster = [a_round(server_cpu=0.0005), a_round(server_cpu=0.0005)]
    after = save(a_run(*faster), tmp_path / "b", "run")
    assert diff(Options(command="diff", files=(before, after))) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("cpu_us")]
    assert "-50.0%" in line and "beyond the spread" in line


@pytest.mark.parametrize("result", [limits_result(), compare_result()])
def test_diff_reads_every_kind_of_result(
    result: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(result, tmp_path, "x")
    assert diff(Options(command="diff", files=(path, path))) == 0
    assert "+0.0%" in capsys.readouterr().out


def test_diff_does_not_mix_kinds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = (save(a_run(), tmp_path / "a", "x"), save(limits_result(), tmp_path / "b", "x"))
    assert diff(Options(command="diff", files=files)) == 2
    (tmp_path / "c").write_text("{}")
    assert diff(Options(command="diff", files=(tmp_path / "c", files[0]))) == 2
