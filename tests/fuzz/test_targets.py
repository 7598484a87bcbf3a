"""Every target, on what is worth keeping and on what hypothesis draws."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat.wire import framing
from netchat.wire.framing import LengthPrefixed

from . import corpus
from .__main__ import LENGTHS, SHARES
from .targets import TARGETS, Target

targets = pytest.mark.parametrize("name", TARGETS)


@cache
def target(name: str) -> Target:
    return TARGETS[name]()


@st.composite
def near(draw: st.DrawFn, name: str) -> bytes:
    """One of the corpus with something put in the place of something else."""
    data = draw(st.sampled_from(corpus.load(name)))
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, min(len(data), start + 8)))
    return data[:start] + draw(st.binary(max_size=8)) + data[end:]


def test_every_target_has_a_corpus() -> None:
    assert sorted(path.stem for path in corpus.FOLDER.iterdir()) == sorted(TARGETS)
    assert all(corpus.load(name) for name in TARGETS)


def test_every_target_has_its_share_of_the_runs() -> None:
    assert SHARES.keys() == TARGETS.keys() and min(SHARES.values()) > 0
    assert LENGTHS.keys() <= TARGETS.keys()


@targets
def test_the_corpus_breaks_nothing(name: str) -> None:
    for data in corpus.load(name):
        target(name)(data)


@targets
@given(data=st.data())
@settings(max_examples=50)
def test_what_is_near_the_corpus_breaks_nothing(name: str, data: st.DataObject) -> None:
    target(name)(data.draw(near(name)))


@targets
@given(data=st.binary(max_size=200))
@settings(max_examples=50)
def test_any_bytes_break_nothing(name: str, data: bytes) -> None:
    target(name)(data)


def test_a_broken_parser_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that finds nothing proves nothing."""

    def forgetful(self: LengthPrefixed, data: bytes) -> None:
        self._data, self._at = data, 0

    monkeypatch.setattr(framing.LengthPrefixed, "receive_data", forgetful)
    with pytest.raises(AssertionError):
        for data in corpus.load("framing"):
            target("framing")(data)
