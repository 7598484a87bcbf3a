"""Heartbeat: who is asked and when, what counts as an answer, who is given up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.events import Error, Ping
from netchat.chat.requests import Ping as Asks
from netchat.chat.requests import Pong
from netchat.sessions.heartbeat import SLOT, Heartbeat
from tests.chat.support import post
from tests.sessions.support import House

INTERVAL, TIMEOUT = 25.0, 20.0


class Patient:
    """A session as the heartbeat sees it."""

    def __init__(self) -> None:
        self.stopped = False
        self.heard = self.taken = 0.0
        self.asked: list[float] = []
        self.given_up: list[float] = []
        self.now = 0.0

    def heard_at(self) -> float:
        return self.heard

    def alive_at(self) -> float:
        return max(self.heard, self.taken)

    def ask(self) -> None:
        self.asked.append(self.now)

    def give_up(self) -> None:
        self.given_up.append(self.now)


class Clinic:
    """A heartbeat and its patients, second by second."""

    def __init__(self, jitter: float = 0.5, timeout: float = TIMEOUT) -> None:
        self.now = 0.0
        self.heartbeat = Heartbeat(INTERVAL, timeout, lambda: jitter, 0.0)
        self.patients: list[Patient] = []

    def takes(self) -> Patient:
        patient = Patient()
        self.patients.append(patient)
        self.heartbeat.watch(patient, self.now)
        return patient

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.skip(SLOT)

    def skip(self, seconds: float) -> None:
        self.now += seconds
        for patient in self.patients:
            patient.now = self.now
        self.heartbeat.tick(self.now)


def test_one_that_is_silent_is_asked_once_and_given_up_20_seconds_later() -> None:
    clinic = Clinic()
    patient = clinic.takes()
    clinic.run(100)
    (asked,) = patient.asked
    assert INTERVAL * 0.9 <= asked <= INTERVAL * 1.1 + 2 * SLOT
    (given_up,) = patient.given_up
    assert TIMEOUT <= given_up - asked <= TIMEOUT + 2 * SLOT


def test_one_that_answers_is_asked_again_an_interval_later() -> None:
    clinic = Clinic()
    patient = clinic.takes()
    for _ in range(300):
        clinic.run(1)
        if patient.asked and patient.heard < patient.asked[-1]:
            patient.heard = clinic.now
    assert patient.given_up == []
    gaps = [b - a for a, b in zip(patient.asked, patient.asked[1:], strict=False)]
    assert len(gaps) >= 9
    assert all(INTERVAL * 0.9 <= gap <= INTERVAL * 1.1 + 3 * SLOT for gap in gaps)


def test_one_that_talks_is_never_asked() -> None:
    clinic = Clinic()
    patient = clinic.takes()
    for _ in range(30):
        clinic.run(10)
        patient.heard = clinic.now
    assert patient.asked == []


def test_bytes_taken_are_a_sign_of_life() -> None:
    clinic = Clinic()
    patient = clinic.takes()
    for _ in range(200):
        clinic.run(1)
        patient.taken = clinic.now
    assert patient.given_up == []


def test_an_answer_at_the_last_moment_counts() -> None:
    clinic = Clinic()
    patient = clinic.takes()
    while not patient.asked:
        clinic.run(1)
    clinic.run(TIMEOUT - 1)
    patient.heard = clinic.now
    clinic.run(10)
    assert patient.given_up == []


def test_a_server_that_was_stopped_gives_everybody_a_fresh_window() -> None:
    clinic = Clinic()
    quiet, asked = clinic.takes(), clinic.takes()
    clinic.run(20)
    quiet.heard = clinic.now
    clinic.run(10)
    assert (len(quiet.asked), len(asked.asked)) == (0, 1)
    clinic.skip(3_600)
    assert asked.given_up == quiet.given_up == []
    clinic.run(TIMEOUT - 1)
    assert asked.given_up == quiet.asked == []
    clinic.run(60)
    assert len(asked.given_up) == len(quiet.given_up) == 1


def test_a_short_stop_is_one_where_answers_have_little_time() -> None:
    """It may come between the question and its bytes: nobody can have answered then."""
    clinic = Clinic(timeout=1.0)
    asked = clinic.takes()
    while not asked.asked:
        clinic.run(1)
    clinic.skip(2.5)
    assert asked.given_up == []
    clinic.run(3)
    assert len(asked.given_up) == 1


def test_one_that_has_stopped_is_let_go() -> None:
    clinic = Clinic()
    patient = clinic.takes()
    patient.stopped = True
    clinic.run(100)
    assert patient.asked == []
    assert not clinic.heartbeat._slots


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 30))
def test_the_jitter_is_a_tenth_either_way(jitter: float, heard: float) -> None:
    clinic = Clinic(jitter)
    patient = clinic.takes()
    clinic.skip(0.25)
    while not patient.asked:
        clinic.run(1)
        if clinic.now <= heard:
            patient.heard = clinic.now
    silent = patient.asked[0] - patient.heard
    assert INTERVAL * 0.9 <= silent <= INTERVAL * 1.1 + 2 * SLOT


def test_a_crowd_is_not_asked_at_once() -> None:
    dice = random.Random(1)
    heartbeat = Heartbeat(INTERVAL, TIMEOUT, dice.random, 0.0)
    patients = [Patient() for _ in range(1_000)]
    for patient in patients:
        heartbeat.watch(patient, 0.0)
    most = 0
    for second in range(1, 40):
        before = sum(len(patient.asked) for patient in patients)
        heartbeat.tick(float(second))
        most = max(most, sum(len(patient.asked) for patient in patients) - before)
    assert most < 300


# -- at the door ---------------------------------------------------------------------------


def test_a_silent_client_is_sent_a_ping_and_closed_when_nothing_comes() -> None:
    house = House()
    ana = house.enter("ana")
    house.advance(27)
    ana.gets(Ping)
    house.advance(22)
    error = ana.gets(Error)
    assert (error.code, error.fatal) == ("heartbeat_timeout", True)
    house.advance(10)
    assert ana.sock.closed


@pytest.mark.parametrize("sign", [Pong(), Asks(), post("x")])
def test_whatever_a_client_says_is_a_sign_of_life(sign: Asks) -> None:
    house = House()
    ana = house.enter("ana")
    house.advance(27)
    ana.says(sign)
    house.advance(22)
    assert [event for event in ana.heard() if isinstance(event, Error) and event.fatal] == []


def test_a_reader_that_makes_progress_is_not_closed_however_slow() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    bob.stalls()
    ana.says(*(post("x" * 4_000) for _ in range(60)))
    bob.asks(Asks())
    for _ in range(60):
        house.advance(5)
        ana.says(Pong())
        bob.reads(1_000)
    assert not bob.sock.closed
    bob.reads()
    assert len(bob.seqs()) == 60


def test_a_reader_that_makes_no_progress_at_all_is_closed_and_can_resume() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    bob.stalls()
    ana.says(*(post("x" * 4_000) for _ in range(60)))
    for _ in range(12):
        house.advance(5)
        ana.says(Pong())
    assert bob.sock.closed
    assert len(house.door.sessions) == 1
    back = house.enter("bob", token=bob.token)
    assert back.session.user is not None
