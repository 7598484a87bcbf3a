from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.faults import FaultyStream, Kind, Planter
from netchat.chat.events import Pong
from netchat.wire.native import NATIVE
from tests.bench.support import message

FRAMES = [NATIVE.encode(message(seq, f"id{seq}")) for seq in range(1, 7)]
PONG = NATIVE.encode(Pong())


def passed(kind: Kind, every: int) -> bytes:
    return FaultyStream(Planter(kind, every)).pass_on(b"".join(FRAMES))


@given(st.lists(st.integers(1, 300), max_size=20))
def test_without_a_fault_the_bytes_are_the_same(cuts: list[int]) -> None:
    stream, stage, out, at = PONG.join(FRAMES), FaultyStream(Planter("none", 1)), b"", 0
    for cut in [*cuts, len(PONG.join(FRAMES))]:
        if piece := stream[at : at + cut]:
            out += stage.pass_on(piece)
        at += cut
    assert out == stream


@pytest.mark.parametrize(
    ("kind", "order"),
    [("drop", [0, 1, 3, 4]), ("swap", [0, 1, 3, 2, 4, 5]), ("double", [0, 1, 2, 2, 3, 4, 5, 5])],
)
def test_every_third_message_is_struck(kind: Kind, order: list[int]) -> None:
    assert passed(kind, 3) == b"".join(FRAMES[index] for index in order)


def test_an_altered_message_differs_in_its_text_alone() -> None:
    out = passed("alter", 6)
    assert out[: -len(FRAMES[5])] == b"".join(FRAMES[:5])
    assert len(out) == len(b"".join(FRAMES)) and not out.endswith(FRAMES[5])


def test_faults_are_counted_over_all_connections() -> None:
    planter = Planter("drop", 4)
    for _ in range(2):
        FaultyStream(planter).pass_on(b"".join(FRAMES))
    assert (planter.seen, planter.planted) == (12, 3)
