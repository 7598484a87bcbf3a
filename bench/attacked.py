"""What attacks came to: each run of one, and all its runs together."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from bench.hostile import ATTACKS
from bench.orders import Assaulted
from bench.results import RoundResult
from bench.stats import Spread, spread_or_none

TIMES, LIMIT_MS = 2.0, 50.0
"""What the p99 of the healthy ones is held to."""

MEBI = 2**20

COLUMNS = (
    "attack", "p99 around it", "meanwhile", "times", "cut off", "lost, doubled, disordered",
    "memory", "kernel's", "CPU", "longest tick", "recovered in", "withstood",
    "connections, ended by the server", "sent", "answers",
)  # fmt: skip


class Attacked(Struct, kw_only=True):
    """One attack, once. Memory is the server's, in bytes: before, and the most meanwhile; `kernel`
    that of the attacked door's sockets in the end, None where it cannot be told. `recovered`:
    seconds after its end, None where it took too long."""

    name: str
    before: RoundResult
    during: RoundResult
    after: RoundResult
    memory: int
    peak: int
    kernel: int | None
    recovered: float | None
    report: Assaulted

    @property
    def invalid(self) -> list[str]:
        """Why the latencies are not the server's; empty where they are."""
        rounds = (self.before, self.during, self.after)
        return list(dict.fromkeys(reason for each in rounds for reason in each.invalid))

    @property
    def calm(self) -> float:
        """The p99 in ms without the attack, mean of the rounds around it."""
        return (_p99(self.before) + _p99(self.after)) / 2

    @property
    def meanwhile(self) -> float:
        """The p99 in ms."""
        return _p99(self.during)

    @property
    def is_harmless(self) -> bool:
        """Whether all is as it should be, latencies left out."""
        return not self.during.tally.faults and self.recovered is not None


class Outcome:
    """An attack, over all of its runs: medians of times, the worst of everything else."""

    def __init__(self, runs: list[Attacked]) -> None:
        self.name = runs[0].name
        self._runs = runs
        self._judged = [run for run in runs if not run.invalid] or runs
        """Those whose latencies are the server's; all, where there are none."""

    @property
    def invalid(self) -> list[str]:
        """Why no latency is the server's; empty where there are some."""
        return self._judged[0].invalid

    @property
    def is_withstood(self) -> bool:
        """Whether all is as it should be, latencies left out where they say nothing."""
        return all(run.is_harmless for run in self._runs) and (bool(self.invalid) or self.is_quick)

    @property
    def is_quick(self) -> bool:
        """Whether the healthy notice little, in the median run."""
        return self._times.median <= TIMES and self._meanwhile.median <= LIMIT_MS

    @property
    def _times(self) -> Spread:
        """By how much p99 grows; each run beside its own calm rounds."""
        return Spread.of([run.meanwhile / run.calm for run in self._judged])

    @property
    def _meanwhile(self) -> Spread:
        return Spread.of([run.meanwhile for run in self._judged])

    @property
    def row(self) -> str:
        """In Markdown."""
        runs, reports = self._runs, [run.report for run in self._runs]
        tallies = [run.during.tally for run in runs]
        codes = sum((Counter(report.codes) for report in reports), Counter[str]())
        verdict = "INVALID" if self.invalid else "yes"
        cells = [
            f"`{self.name}`: {ATTACKS[self.name].title}",
            _ms(Spread.of([run.calm for run in self._judged])),
            _ms(self._meanwhile),
            f"{self._times.median:.1f}",
            f"{sum(tally.dropped for tally in tallies):,}",
            f"{sum(tally.faults - tally.dropped for tally in tallies):,}",
            f"+{max(0, *(run.peak - run.memory for run in runs)) / MEBI:.1f} MiB",
            self._kernel,
            f"{self._cpu(during=False):.0f} to {self._cpu(during=True):.0f} %",
            f"{max(run.during.server_lag.get('lag_max_ms', 0) for run in runs):.0f} ms",
            self._recovered,
            verdict if self.is_withstood else "**no**",
            f"{sum(report.opened for report in reports):,}, "
            f"{sum(report.closed for report in reports):,}",
            f"{sum(report.sent for report in reports) / 1e6:,.1f} MB",
            ", ".join(f"{count:,} {code}" for code, count in sorted(codes.items())),
        ]
        return f"| {' | '.join(cells)} |"

    @property
    def _kernel(self) -> str:
        kernel = spread_or_none([run.kernel for run in self._runs])
        return "-" if kernel is None else f"{kernel.high / MEBI:.1f} MiB"

    @property
    def _recovered(self) -> str:
        times = [run.recovered for run in self._runs if run.recovered is not None]
        return f"{max(times):.1f} s" if len(times) == len(self._runs) else "no"

    def _cpu(self, *, during: bool) -> float:
        rounds = [run.during if during else run.before for run in self._runs]
        return max(each.cpu_share or 0 for each in rounds)


class AttacksResult(Struct, kw_only=True, tag="attacks"):
    """All of them, in the order in which they were played."""

    environment: dict[str, str | int]
    durability: str
    attacks: list[Attacked]

    @property
    def outcomes(self) -> list[Outcome]:
        """One for each attack."""
        by_name: dict[str, list[Attacked]] = {}
        for run in self.attacks:
            by_name.setdefault(run.name, []).append(run)
        return [Outcome(runs) for runs in by_name.values()]

    @property
    def table(self) -> str:
        """In Markdown."""
        head = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
        return "\n".join([*head, *(each.row for each in self.outcomes)])


def _p99(result: RoundResult) -> float:
    return result.latency.get("p99", float("inf"))


def _ms(spread: Spread) -> str:
    if spread.count == 1:
        return f"{spread.median:.1f} ms"
    return f"{spread.median:.1f} ms ({spread.low:.1f} to {spread.high:.1f})"
