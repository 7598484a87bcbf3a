from __future__ import annotations

from pathlib import Path

import pytest

from bench.diff import figures
from bench.doors import DOORS
from bench.machine import socket_bytes
from bench.member import NetchatMember
from bench.options import Options
from bench.orders import Attend
from bench.progress import Progress
from bench.readers import Readers
from bench.stuck import HEALTHY, StuckResult, measure, stuck_table
from bench.text import MARK
from netchat.chat.events import Message
from netchat.wire.messages import encode
from tests.bench.test_results import ENVIRONMENT


def test_readers_that_stop_and_go_on_end_complete(tmp_path: Path) -> None:
    options = Options(clients=5, megabytes=2.0, size=4_000, rate=500.0, durability="memory")
    run = measure(options, tmp_path, Progress(), filling=0.5)
    assert run.tally.faults == 0
    flowed = run.filling.tally.posted + run.stuck.tally.posted
    assert run.stuck.tally.delivered == run.stuck.tally.posted * HEALTHY
    assert run.caught_up.complete == 5
    assert run.caught_up.tally.delivered == flowed * 5
    assert run.kernel is None or run.kernel > 5 * 4_096  # what they had not read lay there
    result = StuckResult(
        environment=ENVIRONMENT, durability="memory", door="native", size=4_000, runs=[run]
    )
    assert "5 of 5" in stuck_table(result)
    run.before.invalid, run.stuck.invalid = [], []
    assert figures(result)["p99 ratio"].median > 0
    run.before.invalid = ["late"]
    assert "p99 ratio" not in figures(result)
    assert "INVALID: late" in stuck_table(result)


def test_a_message_has_come_when_its_end_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark by which messages are counted stands before the end of a frame."""
    readers = Readers(Attend(host="", port=0, room="r", prefix="p", count=1))
    [member] = readers._members
    member.ledger.begin(0)
    message = Message(room="r", seq=1, time=2, sender="ana", text="hola" + MARK.decode(), id="1")
    frame = DOORS["native"].frame(encode(message))
    rest = [frame[-1:], frame[:-1]]

    def run_once(_wait: float) -> None:
        if rest:
            member.data_received(rest.pop(), 0.0)

    monkeypatch.setattr(NetchatMember, "resume", lambda _: None)
    monkeypatch.setattr(readers._reactor, "run_once", run_once)
    report = readers.go_on(1)
    assert (report.complete, report.tally.faults) == (1, 0)


def test_a_port_without_sockets_has_no_kernel_memory() -> None:
    assert socket_bytes(1) in (0, None)
