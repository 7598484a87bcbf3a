"""Who guesses is slowed down, who registers names by the dozen too; owners are not locked out."""

from __future__ import annotations

import pytest

from netchat.chat.events import Error, Welcome
from netchat.chat.limits import Recent, address_class
from netchat.chat.penalties import FREE, WINDOW, Guard, Penalties
from netchat.chat.requests import Hello
from netchat.chat.settings import ChatSettings
from netchat.errors import RateLimited
from tests.chat.support import Chat, Peer

SECRET = "correct horse"


def at(chat: Chat, address: str) -> Peer:
    peer = Peer(len(chat.peers) + 1, chat=chat, where=address)
    chat.peers.append(peer)
    return peer


def tries(chat: Chat, address: str, password: str, name: str = "ana") -> Error | Welcome:
    peer = at(chat, address)
    peer.says(Hello(version=1, name=name, password=password))
    answer: Error | Welcome = peer.gets(peer.events[0].__class__)
    return answer


def code(answer: Error | Welcome) -> str:
    return answer.code if isinstance(answer, Error) else "welcome"


def test_penalties_double_up_to_ten_minutes_and_are_forgotten() -> None:
    penalties = Penalties()
    now, waits = 1_000.0, []
    for _ in range(12):
        penalties.failed("ana", now)
        wait = penalties.wait("ana", now)
        waits.append(wait)
        now += wait
    assert waits == [0, 0, 0, 0, 15, 30, 60, 120, 240, 480, 600, 600]
    assert penalties.wait("ben", now) == 0
    penalties.failed("ana", now + WINDOW + 1)
    assert penalties.wait("ana", now + WINDOW + 1) == 0


def test_tables_forget_what_was_used_longest_ago() -> None:
    table: Recent[int] = Recent(3)
    for number in range(3):
        table.put(str(number), number)
    table.put("0", 0)
    table.put("3", 3)
    assert (table.get("1"), table.get("0"), len(table)) == (None, 0, 3)


def test_a_guesser_is_refused_before_any_work_is_done() -> None:
    chat = Chat()
    assert code(tries(chat, "192.0.2.1", SECRET)) == "welcome"
    for _ in range(FREE):
        assert code(tries(chat, "203.0.113.7", "a guess")) == "bad_credentials"
    chat.hasher.work.clear()
    answer = tries(chat, "203.0.113.7", SECRET)
    assert isinstance(answer, Error) and answer.code == "rate_limited"
    assert answer.retry_after is not None and 14 < answer.retry_after <= 15
    assert chat.hasher.work == []
    chat.advance(16)
    assert code(tries(chat, "203.0.113.7", SECRET)) == "welcome"


def test_guesses_from_many_addresses_count_together_but_do_not_lock_the_owner_out() -> None:
    chat = Chat()
    welcome = tries(chat, "192.0.2.1", SECRET)
    assert isinstance(welcome, Welcome)
    for number in range(FREE):
        tries(chat, f"203.0.113.{number}", "a guess")
    assert code(tries(chat, "203.0.113.99", "a guess")) == "rate_limited"
    assert code(tries(chat, "192.0.2.1", SECRET)) == "welcome"  # from where a device of hers is
    peer = at(chat, "203.0.113.99")
    peer.says(Hello(version=1, name="ana", token=welcome.token))
    peer.gets(Welcome)  # by token from anywhere


def test_guesses_at_many_names_from_one_network_count_together() -> None:
    chat = Chat(settings=ChatSettings(policy="closed"))
    for number in range(FREE):
        tries(chat, f"2001:db8:1:1::{number}", "a guess", f"user{number}x")
    assert code(tries(chat, "2001:db8:1:1::99", "a guess", "another")) == "rate_limited"
    assert code(tries(chat, "2001:db8:1:2::1", "a guess", "another")) == "bad_credentials"


def test_registrations_are_limited_by_address_and_in_all() -> None:
    chat = Chat(settings=ChatSettings(registrations_per_address=2, registrations=5))
    names = iter(f"name{number}x" for number in range(100))
    codes = [code(tries(chat, "192.0.2.1", SECRET, next(names))) for _ in range(3)]
    assert codes == ["welcome", "welcome", "rate_limited"]
    codes = [code(tries(chat, f"192.0.2.{n}", SECRET, next(names))) for n in range(2, 7)]
    assert codes == ["welcome"] * 3 + ["rate_limited"] * 2
    chat.advance(600)
    assert code(tries(chat, "192.0.2.9", SECRET, next(names))) == "welcome"
    assert code(tries(chat, "192.0.2.1", SECRET, next(names))) == "rate_limited"
    chat.advance(1_200)
    assert code(tries(chat, "192.0.2.1", SECRET, next(names))) == "welcome"


def test_an_attack_from_many_addresses_does_not_fill_the_memory() -> None:
    guard = Guard(ChatSettings(registrations=10**6))
    for number in range(70_000):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        guard.login_failed(address, address, 0.0)
        guard.registering(address, 0.0)
    assert len(guard._registrations) == len(guard._accounts._failures) == 65_536


def test_without_limits_nothing_is_counted() -> None:
    chat = Chat(settings=ChatSettings(limited=False))
    tries(chat, "192.0.2.1", SECRET)
    for _ in range(3 * FREE):
        assert code(tries(chat, "192.0.2.1", "a guess")) == "bad_credentials"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("somewhere", "elsewhere", False),
    ],
)
def test_what_one_person_has_only_one_of(one: str, other: str, same: bool) -> None:
    assert (address_class(one) == address_class(other)) is same


def test_the_wait_is_told() -> None:
    guard = Guard(ChatSettings(registrations_per_address=1))
    guard.registering("192.0.2.1", 0.0)
    with pytest.raises(RateLimited) as refusal:
        guard.check_registration("192.0.2.1", 0.0)
    assert refusal.value.retry_after == pytest.approx(3_600)
