"""What looks alike is refused: skeletons, scripts, reserved names."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.events import Error, Welcome
from netchat.chat.names import prepare_name
from netchat.chat.requests import Bye, Hello
from netchat.chat.settings import ChatSettings
from netchat.chat.skeleton import _table, skeleton
from tests.chat.support import Chat

ALIKE = [
    ("Ian", "lan"),
    ("bob", "b0b"),
    ("bill", "bi11"),
    ("mia", "rnia"),
    ("ana", "\u0430\u0578\u0430"),  # Cyrillic and Armenian
    ("paco", "\u0440\u0430\u0441\u043e"),
    ("cocoa", "\u0441\u043e\u0441\u043e\u0430"),
    ("scope", "\u0455\u0441\u043e\u0440\u0435"),
]
APART = [("ana", "anna"), ("bea", "be\u00e1"), ("rein", "reln"), ("tom", "tim"), ("u1", "u2")]

NAMES = st.text(
    st.one_of(
        st.sampled_from("abcilmnoIOlMN01_-."),
        st.sampled_from("\u0430\u0441\u0435\u043e\u0440\u0406\u03bf\u03c1\u00f1\u00e9"),
        st.characters(categories=("Lu", "Ll", "Lo", "Nd", "Mn")),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_looks_alike_has_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_what_does_not_has_another(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@given(NAMES)
def test_a_skeleton_is_its_own_and_the_same_for_all_compositions(name: str) -> None:
    found = skeleton(name)
    assert skeleton(found) == found
    assert skeleton(normalize("NFD", name)) == skeleton(normalize("NFC", name)) == found


@given(st.text(st.sampled_from("abilmnoABILMNO012_-.9")))
def test_the_short_way_for_ascii_is_what_the_table_says(name: str) -> None:
    whole = skeleton(name + "\u00f1")
    assert whole == skeleton(name) + skeleton("\u00f1")


def test_the_table_is_whole() -> None:
    assert len(_table()) > 1_500


def hello(name: str, password: str | None = None) -> Hello:
    return Hello(version=1, name=name, password=password)


@given(st.lists(NAMES, max_size=12))
def test_no_two_names_that_are_taken_look_alike(names: list[str]) -> None:
    chat = Chat(settings=ChatSettings(limited=False))
    for number, name in enumerate(names):
        peer = chat.connect()
        peer.says(hello(name, "correct horse" if number % 3 == 0 else None))
        if number % 4 == 0 and peer.got(Welcome):
            peer.says(Bye())
    book = chat.hub.people.book
    taken = {identity.key: identity for identity in (*book.holders.values(), *book.owners.values())}
    looks = [skeleton(identity.name) for identity in taken.values()]
    assert len(set(looks)) == len(looks)
    noted = {hash(look): i.key for i in taken.values() if (look := skeleton(i.name)) != i.key}
    assert book._looks == noted


def test_who_looks_like_somebody_who_is_here_is_refused_until_the_name_is_free() -> None:
    chat = Chat()
    ian = chat.enter("Ian")
    peer = chat.connect()
    peer.says(hello("lan"))
    error = peer.gets(Error)
    assert error.code == "name_taken" and "looks like" in error.message
    ian.says(Bye())
    peer.says(hello("lan"))
    peer.gets(Welcome)


def test_who_looks_like_an_account_is_refused_for_good() -> None:
    chat = Chat()
    chat.enter("paco", password="correct horse").says(Bye())
    for password in (None, "correct horse"):
        peer = chat.connect()
        peer.says(hello("\u0440\u0430\u0441\u043e", password))
        assert peer.gets(Error).code == "name_taken"
    chat = chat.restarted()
    peer = chat.connect()
    peer.says(hello("\u0440\u0430\u0441\u043e"))
    assert peer.gets(Error).code == "name_taken"


@pytest.mark.parametrize("name", ["admin", "Admin", "ADMIN", "ADMlN", "adrnin", "Admin"])
def test_what_looks_like_a_reserved_name_is_reserved(name: str) -> None:
    chat = Chat(settings=ChatSettings(reserved=("admin",)))
    peer = chat.connect()
    peer.says(hello(name))
    error = peer.gets(Error)
    assert error.code == "name_taken" and "reserved" in error.message


@pytest.mark.parametrize(
    "name",
    [
        "Łukasz",
        "Ñandú",
        "Ελένη",
        "Оксана",
        "李小龍",
        "日本テレビ",
        "さくら",
        "한국어",
        "K팝",
        "Ωmega",
        "محمد",
        "नेहा",
    ],
)
def test_names_of_many_scripts_are_fine(name: str) -> None:
    assert prepare_name(name)[1]
