"""Who pays for which request: strangers, guests, accounts, bots."""

from __future__ import annotations

from netchat.chat.limits import Terms
from netchat.chat.paces import COSTS, Paces
from netchat.chat.requests import REQUESTS
from netchat.chat.users import Account, Identity, User

PERSON, BOT, ADDRESS = Terms(2, 4, 10, 3), Terms(20, 40, 10, 3), Terms(5, 10, 10, 3)


def paces() -> Paces:
    return Paces(person=PERSON, bot=BOT, address=ADDRESS)


def guest(number: int) -> Identity:
    identity = Identity(number, f"g{number}", f"g{number}")
    identity.user = User(identity)
    return identity


def account(number: int, password: str = "$argon2id$") -> Identity:
    identity = guest(number)
    identity.account = Account(password, since=0)
    return identity


def test_those_at_one_address_share_a_pace_as_long_as_they_are_strangers() -> None:
    all_paces = paces()
    assert all_paces.of_address("10.0.0.1") is all_paces.of_address("10.0.0.1")
    assert all_paces.of_address("10.0.0.1") is not all_paces.of_address("10.0.0.2")
    assert all_paces.of_address("2001:db8::1") is all_paces.of_address("2001:db8::2")


def test_a_guest_has_a_pace_of_its_own_within_its_addresss() -> None:
    all_paces, ana = paces(), guest(1)
    pace = all_paces.of(ana, "10.0.0.1")
    assert pace.within is all_paces.of_address("10.0.0.1")
    assert all_paces.of(guest(2), "10.0.0.1") is not pace


def test_a_guest_that_comes_back_has_gained_nothing_by_it() -> None:
    all_paces, ana = paces(), guest(1)
    pace = all_paces.of(ana, "10.0.0.1")
    assert all_paces.of(ana, "10.0.0.2") is pace
    assert pace.within is all_paces.of_address("10.0.0.2")


def test_all_devices_of_an_account_share_one_pace_that_outlives_them() -> None:
    all_paces, ana = paces(), account(1)
    pace = all_paces.of(ana, "10.0.0.1")
    assert pace.within is None
    assert pace.terms is PERSON
    ana.user = User(ana)
    assert all_paces.of(ana, "10.0.0.2") is pace


def test_a_bot_has_terms_of_its_own() -> None:
    assert paces().of(account(1, password=""), "").terms is BOT


def test_an_operator_is_delayed_and_never_refused() -> None:
    root, now = account(1), 0.0
    assert root.account is not None
    all_paces = paces()
    pace = all_paces.of(root, "")
    root.account.operator = True
    assert all_paces.of(root, "") is pace
    for _ in range(10_000):
        now += pace.ask(1, now)
    assert now > 200
    assert not pace.is_out_of_patience(now)


def test_neighbours_who_flood_delay_guests_and_strangers_and_no_account() -> None:
    all_paces, now = paces(), 0.0
    ana, ben = all_paces.of(account(1), "10.0.0.1"), all_paces.of(guest(2), "10.0.0.1")
    stranger = all_paces.of_address("10.0.0.1")
    while stranger.ask(1, now) == 0:
        pass
    assert ben.ask(1, now) > 0
    assert ana.ask(1, now) == 0
    for _ in range(110):
        now += 0.1
        stranger.ask(1, now)
    assert stranger.is_out_of_patience(now)
    ben.ask(1, now)
    assert not ben.is_out_of_patience(now)


def test_what_others_hear_of_or_the_log_reads_costs_more() -> None:
    assert set(COSTS) < set(REQUESTS.values())
    assert COSTS[REQUESTS["history"]] == 16
    assert COSTS[REQUESTS["join"]] == 2
    assert REQUESTS["post"] not in COSTS
