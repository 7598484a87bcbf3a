"""Short runs with real servers: the harness as a whole, and whether it notices what it should."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec import structs

from bench.cases import CASES
from bench.compare import measure
from bench.faults import Kind
from bench.peers.catalog import catalog
from bench.progress import Progress
from bench.scenario import Round, Scenario
from bench.selftest import try_out
from bench.serverprocess import python_environment


def bench(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *args, f"--out={folder}"],
        env=python_environment(folder),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_a_short_run_prints_a_table_and_keeps_its_results(tmp_path: Path) -> None:
    done = bench(
        tmp_path, "CLIENTS=50", "ROOMS=2", "SECONDS=1", "WARMUP=0.2", "REPEATS=1",
        "THRESHOLD=p50<30s",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "nothing lost, doubled or out of order" in done.stdout
    kept = {path.suffix: path for path in tmp_path.glob("run-*")}
    assert kept.keys() == {".json", ".hgrm", ".html"}
    [round] = json.loads(kept[".json"].read_text())["rounds"]
    assert round["tally"]["delivered"] == round["tally"]["posted"] * 25 > 0
    assert round["server_cpu"] > 0 and round["server_lag"]["accepted"] > 0


@pytest.mark.parametrize("door", ["web", "tls"])
def test_every_door_carries_a_load(door: str, tmp_path: Path) -> None:
    if door == "tls" and shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    done = bench(
        tmp_path, f"DOOR={door}", "CLIENTS=12", "ROOMS=2", "SECONDS=0.4", "WARMUP=0.1", "REPEATS=1"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert door in done.stdout and "nothing lost, doubled or out of order" in done.stdout


def test_a_failed_threshold_is_the_exit_status(tmp_path: Path) -> None:
    done = bench(
        tmp_path, "CLIENTS=4", "ROOMS=2", "SECONDS=0.2", "WARMUP=0.1", "REPEATS=1",
        "THRESHOLD=p50<1us", "QUIET=1",
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1


def test_a_server_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    done = bench(tmp_path, "SERVER=127.0.0.1:1", "CLIENTS=2", "SECONDS=0.1")
    assert done.returncode == 1
    assert "refused" in done.stderr


def test_a_run_that_is_told_to_end_takes_its_processes_along(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "CLIENTS=4", "SECONDS=60", f"--out={tmp_path}"]
    with subprocess.Popen(command, env=python_environment(tmp_path)) as run:
        deadline = time.monotonic() + 20
        children: list[str] = []
        while len(children) < 2 and time.monotonic() < deadline:  # a server and a generator
            time.sleep(0.05)
            children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        run.terminate()
        assert run.wait(20) == 143
    assert len(children) >= 2
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("kind", ["none", "drop", "swap", "double", "alter"])
def test_planted_faults_are_counted_one_by_one(kind: Kind, tmp_path: Path) -> None:
    crowd = Scenario(clients=30, rooms=2, publishers=4)
    trial = try_out(kind, 701, crowd, Round(seconds=0.8, rate=200.0), tmp_path)
    assert trial.is_right, trial


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_limit_speaks_the_protocol_and_loses_nothing() -> None:
    [limit] = [peer for peer in catalog() if peer.name == "limit"]
    for case in CASES[:1]:
        small = structs.replace(case, scenario=Scenario(clients=40, rooms=2), window=4)
        found = measure(limit, small, 0.3, Progress())
        assert (found.failure, found.undelivered, found.joining.joined) == ("", 0, 40)
        assert found.cpu_us is not None and found.cpu_us > 0
