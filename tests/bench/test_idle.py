from __future__ import annotations

from bench.diff import figures
from bench.idle import IdleResult, idle_table
from bench.options import Options
from bench.progress import Progress
from bench.results import Joining
from bench.stays import Stay, stay
from tests.bench.test_results import ENVIRONMENT


def a_stay(memory: float) -> Stay:
    joining = Joining(joined=9, failed=0, seconds=0.5, memory=memory, cpu_us=40.0)
    return Stay(stage="join", clients=9, joining=joining, idle_cpu=1.5)


def test_a_crowd_stays_and_what_it_costs_is_known() -> None:
    found = stay(Options(), "join", 7, Progress(), idle=0.2)
    assert (found.joining.joined, found.joining.failed, found.dropped) == (7, 0, 0)
    assert found.joining.cpu_us is not None and found.joining.cpu_us > 0
    assert found.idle_cpu is not None and found.idle_cpu >= 0


def test_the_figures_are_medians_of_all_repeats() -> None:
    stays = [a_stay(memory) for memory in (900.0, 1_200.0, 1_000.0)]
    result = IdleResult(environment=ENVIRONMENT, durability="memory", door="native", stays=stays)
    assert figures(result)["join: bytes"].median == 1_000.0
    assert "1,000  (900 to 1,200)" in idle_table(result)


def test_who_was_cut_off_is_said() -> None:
    cut = a_stay(1.0)
    cut.dropped = 3
    result = IdleResult(environment=ENVIRONMENT, durability="memory", door="native", stays=[cut])
    assert "3 were cut off" in idle_table(result)
