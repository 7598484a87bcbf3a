"""Argon2id, as the server uses it, on its own threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from netchat.hashing import DUMMY, NICENESS, Argon2Hasher, workers
from netchat.storage.worker import ThreadWorker
from tests.e2e.client import WITHIN

linux = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux alone can do that")


def test_a_password_is_verified_and_no_other() -> None:
    hasher = Argon2Hasher()
    stored = hasher.hash("correct horse")
    assert hasher.verify(stored, "correct horse")
    assert not hasher.verify(stored, "Correct horse")
    assert not hasher.verify("what nobody hashed", "correct horse")
    assert stored != hasher.hash("correct horse")


def test_it_is_owasps_profile_and_nobodys_hash_has_the_same() -> None:
    hasher = Argon2Hasher()
    ours, nobodys = extract_parameters(hasher.hash("x")), extract_parameters(DUMMY)
    assert ours == nobodys
    assert (ours.type, ours.memory_cost, ours.time_cost, ours.parallelism) == (
        Type.ID, 19_456, 2, 1,
    )  # fmt: skip


def test_nobodys_password_is_never_right_and_costs_the_same_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []
    hasher = Argon2Hasher()

    def counted(self: PasswordHasher, stored: str, password: str) -> bool:
        done.append(stored)
        return True

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    assert not hasher.verify(None, "correct horse")
    assert done == [DUMMY]


def test_what_was_made_with_other_parameters_is_outdated() -> None:
    hasher = Argon2Hasher()
    assert hasher.is_outdated(PasswordHasher(1, 8, 1).hash("x"))
    assert not hasher.is_outdated(hasher.hash("x"))


@linux
def test_the_threads_let_the_loop_go_first() -> None:
    calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
    worker = ThreadWorker("hash", calls.put, NICENESS)
    found: list[object] = []
    worker.submit(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), found.append)
    worker.submit(lambda: os.sched_getscheduler(threading.get_native_id()), found.append)
    worker.close()
    calls.get(timeout=WITHIN)()
    ours = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert found == [min(19, ours + NICENESS), os.SCHED_BATCH]


@linux
def test_there_are_no_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for cores in ({5}, {0, 1}, set(range(64))):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: cores)
        found.append(workers())
    assert found == [1, 2, 2]


def test_where_cores_cannot_be_lent_all_of_them_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert workers() == 1
