"""Accounts: registering, logging in by password, several devices, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from netchat.chat.events import (
    Accepted,
    Error,
    Joined,
    Message,
    PasswordSet,
    Pong,
    Presence,
    Welcome,
)
from netchat.chat.log import RecordRow
from netchat.chat.passwords import MAX_PASSWORD_BYTES, QUEUE
from netchat.chat.requests import Bye, Hello, Join, Password, Ping, Post
from netchat.chat.settings import ChatSettings
from netchat.errors import Kicked
from tests.chat.fakes import ManualWorker
from tests.chat.support import Chat, Peer, post

DAY = 24 * 3600.0
SECRET, OTHER = "correct horse", "battery staple"


def hello(name: str, password: str | None = None, token: str | None = None) -> Hello:
    return Hello(version=1, name=name, password=password, token=token, client="test/1")


def login(chat: Chat, name: str, password: str | None = None, token: str | None = None) -> Peer:
    peer = chat.connect()
    peer.says(hello(name, password, token))
    peer.welcome = peer.gets(Welcome)
    peer.token_text = peer.welcome.token
    return peer


def refused(chat: Chat, *args: Any) -> Error:
    peer = chat.connect()
    peer.says(hello(*args))
    error: Error = peer.gets(Error)
    return error


def settings(**values: Any) -> ChatSettings:
    return ChatSettings(limited=False, **values)


# -- registering ---------------------------------------------------------------------------


def test_a_hello_with_a_password_and_a_free_name_registers_it() -> None:
    chat = Chat()
    first = login(chat, "Ana", SECRET).welcome
    assert (first.name, first.account, first.registered) == ("Ana", True, True)
    again = login(chat, "ana", SECRET).welcome
    assert (again.name, again.account, again.registered) == ("Ana", True, False)
    assert again.token != first.token
    guest = login(chat, "ben").welcome
    assert (guest.account, guest.registered) == (False, False)


def test_a_registered_name_is_no_guests_whether_its_owner_is_here_or_not() -> None:
    chat = Chat()
    ana = login(chat, "ana", SECRET)
    for _ in range(2):
        error = refused(chat, "ANA")
        assert (error.code, error.field) == ("name_taken", "password")
        assert "registered" in error.message
        ana.says(Bye())


def test_a_name_that_a_guest_has_cannot_be_registered_by_another() -> None:
    chat = Chat()
    login(chat, "ana")
    error = refused(chat, "ana", SECRET)
    assert (error.code, error.field) == ("name_taken", None)
    assert chat.hasher.work == []


def test_a_guest_with_its_token_becomes_an_account_and_stays_who_it_was() -> None:
    chat = Chat()
    guest = login(chat, "ana")
    guest.joins("lobby")
    guest.says(post("hola", id="a-1"))
    identity = guest.identity
    ana = login(chat, "ana", SECRET, guest.token_text)
    assert ana.welcome.registered
    assert ana.welcome.token == guest.token_text
    assert ana.identity is identity and guest.closed
    ana.joins("lobby", backlog=0)
    ana.says(post("hola", id="a-1"))
    assert ana.gets(Accepted).duplicate
    ana.says(Bye())
    login(chat, "ana", SECRET)


def test_of_two_who_register_a_name_at_once_one_gets_it() -> None:
    worker = ManualWorker()
    worker.stalled = True
    chat = Chat(hashing=worker)
    one, two = chat.connect(), chat.connect()
    one.says(hello("ana", SECRET))
    two.says(hello("ana", OTHER))
    worker.run()
    worker.run()
    chat.settle()
    assert one.gets(Welcome).registered
    assert two.gets(Error).code == "name_taken"
    two.says(hello("ben"))
    two.gets(Welcome)


@pytest.mark.parametrize(
    ("password", "fits"),
    [
        ("six678", True),
        ("five5", False),
        ("x" * MAX_PASSWORD_BYTES, True),
        ("x" * (MAX_PASSWORD_BYTES + 1), False),
        ("ñ" * (MAX_PASSWORD_BYTES // 2 + 1), False),
        ("with\0zero", False),
        ("lone \ud800 one", False),
        ("un caballo ✓ y una pila 電池", True),
    ],
)
def test_what_may_be_a_password(password: str, fits: bool) -> None:
    chat = Chat()
    peer = chat.connect()
    peer.says(hello("ana", password))
    if fits:
        peer.gets(Welcome)
    else:
        error = peer.gets(Error)
        assert (error.code, error.field) == ("bad_request", "password")


def test_a_password_is_the_same_however_it_is_composed() -> None:
    chat = Chat()
    login(chat, "ana", "contrase\u00f1a")
    login(chat, "ana", "contrasen\u0303a")
    assert refused(chat, "ana", "CONTRASE\u00d1A").code == "bad_credentials"


def test_a_guest_who_is_here_can_register() -> None:
    chat = Chat()
    ana = login(chat, "ana")
    ana.says(Password(password=SECRET, ref="r"))
    answer = ana.gets(PasswordSet)
    assert (answer.name, answer.ref) == ("ana", "r")
    ana.says(Bye())
    assert refused(chat, "ana").field == "password"
    login(chat, "ana", SECRET)
    login(chat, "ana", token=ana.token_text)  # the old token is the account's now


# -- logging in ----------------------------------------------------------------------------


def test_a_wrong_password_and_an_unknown_name_are_one_answer_and_one_work() -> None:
    chat = Chat(settings=settings(policy="closed"))
    chat.hub.accounts.add("ana", chat.hasher.hash(SECRET), chat.now)
    chat.hasher.work.clear()
    wrong = refused(chat, "ana", OTHER)
    work, chat.hasher.work = chat.hasher.work, []
    unknown = refused(chat, "ben", OTHER)
    assert wrong == unknown
    assert (wrong.code, wrong.field) == ("bad_credentials", "password")
    assert work == chat.hasher.work == ["verify"]


def test_a_password_that_was_hashed_in_an_older_way_is_hashed_anew() -> None:
    chat = Chat()
    login(chat, "ana", SECRET)
    chat.hasher.version = "v2:"
    login(chat, "ana", SECRET)
    account = chat.hub.accounts.find("ana").account
    assert account is not None and account.password.startswith("v2:")
    login(chat, "ana", SECRET)


def test_while_a_password_is_hashed_nothing_else_of_the_session_is_served() -> None:
    worker = ManualWorker()
    worker.stalled = True
    chat = Chat(hashing=worker)
    ana = chat.connect()
    ana.says(hello("ana", SECRET), Join(room="lobby"), Ping())
    ana.gets()
    worker.run()
    chat.settle()
    ana.gets(Welcome, Joined, Pong)


def test_the_outcome_for_a_session_that_has_gone_is_dropped() -> None:
    worker = ManualWorker()
    worker.stalled = True
    chat = Chat(hashing=worker)
    ana = chat.connect()
    ana.says(hello("ana", SECRET))
    ana.drops()
    worker.run()
    chat.settle()
    assert chat.hub.people.book.owners == {}
    login(chat, "ana")


def test_a_full_queue_is_busy_and_the_session_can_try_again() -> None:
    worker = ManualWorker()
    worker.stalled = True
    chat = Chat(hashing=worker, settings=settings())
    for number in range(QUEUE):
        chat.connect().says(hello(f"u{number}", SECRET))
    late = chat.connect()
    late.says(hello("late", SECRET))
    error = late.gets(Error)
    assert error.code == "auth_busy" and error.retry_after
    assert chat.hub.hashing.refused == 1
    worker.run()
    late.says(hello("late", SECRET))
    late.gets()
    for _ in range(QUEUE):
        worker.run()
    chat.settle()
    late.gets(Welcome)
    assert chat.hub.hashing.waiting == 0


def test_a_hasher_that_fails_is_no_wrong_password() -> None:
    worker = ManualWorker()
    chat = Chat(hashing=worker)
    login(chat, "ana", SECRET)
    worker.stalled = True
    for request in (hello("ana", SECRET), hello("new", SECRET)):
        peer = chat.connect()
        peer.says(request)
        worker.fail(MemoryError("no memory is left"))
        chat.settle()
        assert peer.gets(Error).code == "auth_busy"


@pytest.mark.parametrize("change", ["passwd", "remove", "disable"])
def test_what_has_changed_while_a_password_was_checked_counts(change: str) -> None:
    worker = ManualWorker()
    chat = Chat(hashing=worker)
    accounts = chat.hub.accounts
    login(chat, "ana", SECRET).says(Bye())
    identity = accounts.find("ana")
    worker.stalled = True
    peer = chat.connect()
    peer.says(hello("ana", SECRET))
    if change == "passwd":
        accounts.set_password(identity, "v1:new")
    elif change == "remove":
        accounts.remove(identity, Kicked(), chat.now)
    else:
        accounts.set_disabled(identity, True)
    worker.run()
    chat.settle()
    assert peer.gets(Error).code == ("forbidden" if change == "disable" else "bad_credentials")


# -- who may come in -----------------------------------------------------------------------


def test_where_accounts_are_asked_for_guests_are_refused_and_may_register() -> None:
    chat = Chat(settings=settings(policy="registered"))
    error = refused(chat, "ana")
    assert (error.code, error.field) == ("bad_credentials", "password")
    assert login(chat, "ana", SECRET).welcome.registered


def test_where_the_operator_makes_the_accounts_nobody_else_does() -> None:
    chat = Chat(settings=settings(policy="closed"))
    assert refused(chat, "ana").code == "bad_credentials"
    assert refused(chat, "ana", SECRET).code == "bad_credentials"
    chat.hub.accounts.add("ana", chat.hasher.hash(SECRET), chat.now)
    assert not login(chat, "ana", SECRET).welcome.registered


def test_a_guest_of_more_open_times_needs_an_account_now() -> None:
    chat = Chat()
    guest = login(chat, "ana")
    chat.hub.settings = settings(policy="registered")
    assert refused(chat, "ana", None, guest.token_text).code == "bad_credentials"
    assert login(chat, "ana", SECRET, guest.token_text).welcome.registered


def test_a_guest_cannot_register_where_the_operator_makes_the_accounts() -> None:
    chat = Chat(settings=settings())
    ana = login(chat, "ana")
    chat.hub.accounts._settings = settings(policy="closed")
    ana.says(Password(password=SECRET))
    assert ana.gets(Error).code == "forbidden"


@pytest.mark.parametrize("name", ["admin", "ADMIN", "\uff21dmin"])
def test_a_reserved_name_is_for_the_operator_to_give(name: str) -> None:
    chat = Chat(settings=settings(reserved=("admin",)))
    for password in (None, SECRET):
        error = refused(chat, name, password)
        assert error.code == "name_taken" and "reserved" in error.message
    chat.hub.accounts.add("admin", chat.hasher.hash(SECRET), chat.now)
    login(chat, "admin", SECRET)


# -- several devices -----------------------------------------------------------------------


def test_an_accounts_devices_are_there_together_and_one_returns_by_its_own_token() -> None:
    chat = Chat()
    phone = login(chat, "ana", SECRET)
    desk = login(chat, "ana", SECRET)
    again = login(chat, "ana", token=phone.token_text)
    assert phone.gets(Error).code == "replaced" and phone.closed
    for peer in (desk, again):
        peer.says(Ping())
        peer.gets(Pong)


def test_an_account_counts_once_in_a_room_and_leaves_it_with_its_last_device() -> None:
    chat = Chat(settings=settings(hold=60))
    ben = chat.enter("ben", "lobby")
    chat.advance(2)
    ben.skip()
    phone, desk = login(chat, "ana", SECRET), login(chat, "ana", SECRET)
    assert phone.joins("lobby").count == 2
    assert desk.joins("lobby").count == 2
    chat.advance(2)
    assert [event.joined for event in ben.got(Presence)] == [["ana"]]
    phone.drops()
    chat.advance(120)
    ben.gets()
    desk.drops()
    chat.advance(2)
    assert ben.gets(Presence).away == ["ana"]
    chat.advance(60)
    assert ben.gets(Presence).left == ["ana"]
    assert "ana" not in chat.hub.people.names


def test_what_one_writes_comes_to_all_ones_devices() -> None:
    chat = Chat()
    phone, desk = login(chat, "ana", SECRET), login(chat, "ana", SECRET)
    phone.joins("lobby")
    desk.joins("lobby")
    phone.skip()
    phone.says(post("hola"))
    phone.gets(Accepted, Message)
    assert desk.got(Message)[-1].text == "hola"


def test_private_talks_reach_all_devices_without_a_join() -> None:
    chat = Chat()
    phone, desk = login(chat, "ana", SECRET), login(chat, "ana", SECRET)
    ben = chat.enter("ben")
    ben.says(Post(text="psst", id="1", to="ana"))
    assert phone.gets(Message).text == desk.gets(Message).text == "psst"
    desk.says(Post(text="yes?", id="1", to="ben"))
    desk.gets(Accepted, Message)
    assert phone.gets(Message).text == "yes?"


def test_there_is_a_bound_on_devices_and_the_idlest_goes() -> None:
    chat = Chat(settings=settings(devices=3))
    here = login(chat, "ana", SECRET)
    idle, newer = login(chat, "ana", SECRET), login(chat, "ana", SECRET)
    idle.drops()
    chat.advance(1)
    newer.drops()
    login(chat, "ana", SECRET)
    assert refused(chat, "ana", None, idle.token_text).code == "bad_token"
    login(chat, "ana", token=newer.token_text)
    here.gets()
    login(chat, "ana", SECRET)
    assert here.gets(Error).code == "replaced"


# -- tokens --------------------------------------------------------------------------------


def test_an_accounts_token_expires_though_another_device_is_here() -> None:
    chat = Chat()
    old = login(chat, "ana", SECRET)
    login(chat, "ana", SECRET)
    old.drops()
    chat.advance(30 * DAY + 1)
    assert refused(chat, "ana", None, old.token_text).code == "bad_token"


def test_expired_tokens_are_forgotten_and_those_in_use_are_not() -> None:
    chat = Chat()
    people = chat.hub.people
    gone, here = login(chat, "ana", SECRET), login(chat, "ana", SECRET)
    guest, left = login(chat, "ben"), login(chat, "cem")
    gone.drops()
    left.says(Bye())
    chat.advance(31 * DAY)
    assert people.sweep(chat.now) and not people.sweep(chat.now)
    assert {token.identity.name for token in people._tokens.values()} == {"ana", "ben"}
    chat.tick()
    chat = chat.restarted()
    login(chat, "ana", token=here.token_text)
    login(chat, "ben", token=guest.token_text)
    for peer in (gone, left):
        peer_name = "ana" if peer is gone else "cem"
        assert refused(chat, peer_name, None, peer.token_text).code == "bad_token"


def test_a_revoked_token_stays_revoked_over_a_restart_though_the_account_is_here() -> None:
    chat = Chat()
    lost, kept = login(chat, "ana", SECRET), login(chat, "ana", SECRET)
    accounts = chat.hub.accounts
    identity = accounts.find("ana")
    assert lost.token is not None
    accounts.revoke(identity, lost.token, Kicked("Logged out."), chat.now)
    chat.settle()
    error = lost.gets(Error)
    assert (error.code, error.message, lost.closed) == ("kicked", "Logged out.", True)
    for _ in range(2):
        assert refused(chat, "ana", None, lost.token_text).code == "bad_token"
        chat = chat.restarted()
    login(chat, "ana", token=kept.token_text)


def test_all_that_is_known_of_an_account_outlives_a_restart() -> None:
    chat = Chat()
    ana = login(chat, "ana", SECRET)
    identity = chat.hub.accounts.find("ana")
    before = identity.account
    assert before is not None
    chat.hub.accounts.set_disabled(identity, True)
    chat.settle()
    chat = chat.restarted()
    after = chat.hub.accounts.find("ANA").account
    assert after is not None
    assert (after.password, after.since, after.disabled) == (before.password, before.since, True)
    (token,) = after.devices.values()
    assert token.device is not None and token.device.client == "test/1"
    assert after.devices.keys() == {ana.token}


def test_no_secret_is_on_record() -> None:
    chat = Chat()
    token = login(chat, "ana", SECRET).token_text
    chat.settle()
    everything = repr(chat.log.batches)
    assert token not in everything and SECRET not in everything
    assert any(isinstance(row, RecordRow) for batch in chat.log.batches for row in batch.records)


# -- changing and ending -------------------------------------------------------------------


def test_a_new_password_logs_the_other_devices_out() -> None:
    chat = Chat(settings=settings())
    phone, desk = login(chat, "ana", SECRET), login(chat, "ana", SECRET)
    desk.says(Password(password=OTHER, old="not it", ref="1"))
    error = desk.gets(Error)
    assert (error.code, error.field, error.ref) == ("bad_credentials", "old", "1")
    desk.says(Password(password=OTHER))
    assert desk.gets(Error).field == "old"
    phone.gets()
    desk.says(Password(password=OTHER, old=SECRET))
    desk.gets(PasswordSet)
    assert phone.gets(Error).code == "kicked" and phone.closed
    assert refused(chat, "ana", SECRET).code == "bad_credentials"
    assert refused(chat, "ana", None, phone.token_text).code == "bad_token"
    login(chat, "ana", OTHER)
    login(chat, "ana", token=desk.token_text)


def test_a_removed_accounts_name_is_free_and_its_past_is_not_inherited() -> None:
    chat = Chat()
    ana = login(chat, "ana", SECRET)
    identity = ana.identity
    ben = chat.enter("ben", "lobby")
    ana.joins("lobby")
    chat.advance(2)
    ben.skip()
    chat.hub.accounts.remove(chat.hub.accounts.find("ana"), Kicked("Bye."), chat.now)
    chat.advance(2)
    assert ana.got(Error)[-1].message == "Bye."
    assert ben.gets(Presence).left == ["ana"]
    stranger = login(chat, "ana", OTHER)
    assert stranger.welcome.registered
    assert stranger.identity is not identity
    chat = chat.restarted()
    assert refused(chat, "ana", SECRET).code == "bad_credentials"
