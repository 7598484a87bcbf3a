"""The crew: the generators of one scenario, started, given orders, heard, ended."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Self, cast

from bench.crowd import Tally
from bench.machine import pin
from bench.orders import Enter, Entered, Play, Played, Progress, Report, decode_report, encode
from bench.results import Joining, RoundResult
from bench.scenario import Round, Scenario
from bench.serverprocess import ServerProcess, python_environment
from bench.stats import ladder

LEAD = 50_000_000
"""Nanoseconds between an order and its start: every generator has it by then."""

SILENCE = 60.0
"""Seconds without a word from any generator: they report four times a second."""

ACCEPTING = 1.0
"""Seconds for those who only connect: nobody tells them that they have been accepted."""

MAX_CPU = 0.95
"""A generator's share of a core above which it may have been the bottleneck itself."""

MAX_LATENESS_MS = 10.0
"""The p99 of how late messages left, above which the load was not the one asked for."""

OnProgress = Callable[[int], None]


class GeneratorFailed(Exception):
    """The generators cannot do what they should; the sentence says why."""


class Samples:
    """The samples of a round in nanoseconds."""

    def __init__(self) -> None:
        self.latency: array[int] = array("Q")
        self.service: array[int] = array("Q")
        self.lateness: array[int] = array("Q")

    def read(self, files: Sequence[str]) -> None:
        """Take in a generator's files, in the order of orders.Played."""
        for values, name in zip((self.latency, self.service, self.lateness), files, strict=True):
            path = Path(name)
            values.frombytes(path.read_bytes())
            path.unlink()


class Crew:
    """Use as a context: entering connects the crowd, leaving hangs up on the server.

    `server` is measured where it is a process of ours.
    """

    def __init__(
        self,
        scenario: Scenario,
        address: tuple[str, int],
        folder: Path,
        *,
        server: ServerProcess | None = None,
        generators: int = 1,
        cores: Sequence[int] = (),
        on_progress: OnProgress = lambda done: None,
    ) -> None:
        self.scenario = scenario
        self.samples = Samples()
        self.prefix = f"b{os.getpid():x}{time.monotonic_ns() // 1_000_000 & 0xFFFFF:x}"
        self._address = address
        self._folder = folder
        self._server = server
        self._count = min(generators, scenario.rooms)
        self._cores = cores
        self._on_progress = on_progress
        self._processes: list[subprocess.Popen[bytes]] = []
        self._selector = selectors.DefaultSelector()
        self._held: dict[int, bytes] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        cpu, memory = self._cpu(), self._memory()
        try:
            for index in range(self._count):
                self._start(index)
            entered = cast(list[Entered], self._await(Entered))
            if self.scenario.stage == "connect":
                time.sleep(ACCEPTING)
        except BaseException:
            self.__exit__()
            raise
        self.joining = self._joining(entered, cpu, memory)
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for process in self._processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    @property
    def pids(self) -> list[int]:
        """Its generators."""
        return [process.pid for process in self._processes]

    def _start(self, index: int) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.generator"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self._folder / f"generator-{index}.log").open("wb"),
            env=python_environment(self._folder),
            start_new_session=True,
        )
        self._processes.append(process)
        if self._cores:
            pin(process.pid, [self._cores[index % len(self._cores)]])
        self._selector.register(_pipe(process.stdout), selectors.EVENT_READ, index)
        self._tell(process, Enter(
            host=self._address[0],
            port=self._address[1],
            scenario=self.scenario,
            rooms=self.scenario.share(index, self._count),
            prefix=self.prefix,
            folder=str(self._folder),
        ))  # fmt: skip

    def _joining(self, entered: list[Entered], cpu: float | None, memory: int | None) -> Joining:
        joined = sum(each.joined for each in entered)
        cpu_now, memory_now = self._cpu(), self._memory()
        return Joining(
            joined=joined,
            failed=sum(each.failed for each in entered),
            seconds=max(each.seconds for each in entered),
            cpu_us=_each(cpu, cpu_now, joined, 1e6),
            memory=_each(memory, memory_now, joined),
            why=dict(sum((Counter(each.why) for each in entered), Counter())),
        )

    # -- a round -----------------------------------------------------------------------------

    def play(self, round: Round) -> RoundResult:
        """Play a round to its end. Its samples are in `samples` until the next one.

        Raises GeneratorFailed where not everybody is there to receive what is posted.
        """
        if self.joining.failed and (round.rate or round.window):
            raise GeneratorFailed(_absent(self.joining))
        server = self._server
        if server is not None:
            server.figures()  # starts them anew
        cpu = self._cpu()
        start = time.monotonic_ns() + LEAD
        for process in self._processes:
            self._tell(process, Play(start=start, round=self._share(round)))
        played = cast(list[Played], self._await(Played))
        cpu_now = self._cpu()
        self.samples = Samples()
        tally = Tally()
        for each in played:
            tally.add(each.tally)
            self.samples.read(each.files)
        result = RoundResult(
            round=round,
            tally=tally,
            seconds=max(each.seconds for each in played),
            latency=ladder(self.samples.latency),
            service=ladder(self.samples.service),
            lateness=ladder(self.samples.lateness),
            samples=len(self.samples.latency),
            generator_cpu=max(each.cpu for each in played),
            generator_lag_ms=max(each.lag_p99 for each in played) * 1e3,
            server_cpu=None if cpu is None or cpu_now is None else cpu_now - cpu,
            server_lag=server.figures() if server is not None else {},
            memory=self._memory(),
        )
        result.invalid = why_invalid(result)
        return result

    def _share(self, round: Round) -> Round:
        """A generator's share; rooms are dealt out evenly, so equal shares will do."""
        return Round(
            seconds=round.seconds,
            rate=round.rate / self._count,
            window=round.window and max(1, round.window // self._count),
            samples=round.samples,
        )

    # -- the server --------------------------------------------------------------------------

    def _cpu(self) -> float | None:
        return None if self._server is None else self._server.cpu()

    def _memory(self) -> int | None:
        return None if self._server is None else self._server.memory()

    # -- the pipes ---------------------------------------------------------------------------

    def _tell(self, process: subprocess.Popen[bytes], order: Enter | Play) -> None:
        pipe = process.stdin
        assert pipe is not None
        pipe.write(encode(order) + b"\n")
        pipe.flush()

    def _await(self, kind: type[Report]) -> list[Report]:
        """One report of this kind from every generator; progress is passed on meanwhile."""
        found: dict[int, Report] = {}
        done: Counter[int] = Counter()
        while len(found) < len(self._processes):
            ready = self._selector.select(SILENCE)
            if not ready:
                raise GeneratorFailed(f"No generator has said a word for {SILENCE:.0f} s.")
            for key, _ in ready:
                for report in self._read(key.data, key.fd):
                    if isinstance(report, Progress):
                        done[key.data] = report.done
                    elif isinstance(report, kind):
                        found[key.data] = report
            self._on_progress(done.total())
        return list(found.values())

    def _read(self, index: int, fd: int) -> list[Report]:
        data = os.read(fd, 65_536)
        if not data:
            log = (self._folder / f"generator-{index}.log").read_text("utf-8", "replace")
            raise GeneratorFailed(log.strip().rpartition("\n")[2] or "A generator has ended.")
        *lines, self._held[index] = (self._held.get(index, b"") + data).split(b"\n")
        return [decode_report(line) for line in lines]


def why_invalid(result: RoundResult) -> list[str]:
    """Why a round's latency and throughput would be the generator's own.

    In a closed round nothing is due, and a busy generator only makes the server wait.
    """
    reasons = []
    if result.round.rate:
        if result.generator_cpu > MAX_CPU:
            reasons.append(f"a generator used {result.generator_cpu:.0%} of its core")
        late = result.lateness.get("p99", 0.0)
        if late > MAX_LATENESS_MS:
            reasons.append(f"messages left up to {late:.1f} ms late (p99)")
    return reasons


def _absent(joining: Joining) -> str:
    total = joining.joined + joining.failed
    why = ", ".join(joining.why) or "no answer"
    return f"{joining.failed:,} of {total:,} clients could not come in: {why}"


def _each(before: float | None, after: float | None, count: int, unit: float = 1.0) -> float | None:
    """What each of so many cost."""
    return None if before is None or after is None or not count else (after - before) * unit / count


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
