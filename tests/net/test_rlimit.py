from __future__ import annotations

import resource

import pytest

from netchat.net import rlimit


def test_the_soft_limit_becomes_the_hard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(256, 4_096)]
    monkeypatch.setattr(resource, "getrlimit", lambda which: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda which, pair: limits.append(pair))
    assert rlimit.raise_file_limit() == 4_096


def test_an_infinite_limit_is_a_number_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    infinite = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda which: (infinite, infinite))
    assert rlimit.raise_file_limit() == rlimit.MOST_FILES


def test_a_refusal_leaves_things_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(which: int, pair: tuple[int, int]) -> None:
        raise PermissionError

    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, 4_096))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert rlimit.raise_file_limit() == 256
