from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.net.addresses import format_address, is_this_machine, parse_address, resolve


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:7001", ("127.0.0.1", 7001)),
        ("chat.example.org", ("chat.example.org", 7000)),
        ("[::1]:7001", ("::1", 7001)),
        ("[::1]", ("::1", 7000)),
        (":7001", ("", 7001)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_an_address_is_read(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text, 7000) == expected


@pytest.mark.parametrize(
    "text",
    ["", "::1", "a:b:c", "[::1", "[]", "[::1]x", "[::1]7000", "host:", "host:-1", "host:65536",
     "host:\u0667", "host:1_0", "a b:1", " host:1", "http://host:1", "host:999999999999999999"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_address(text, 7000)


@given(st.text())
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        host, port = parse_address(text, 7000)
    except ValueError:
        return
    assert 0 <= port <= 65_535
    assert parse_address(format_address((host, port)), 1) == (host, port)


def test_an_address_is_written() -> None:
    assert format_address(("10.0.0.1", 80)) == "10.0.0.1:80"
    assert format_address(("::1", 80, 0, 0)) == "[::1]:80"


def test_figures_are_resolved_to_themselves() -> None:
    assert [address for _, address in resolve("127.0.0.1", 7000)] == [("127.0.0.1", 7000)]


def test_what_cannot_be_a_host_name_is_an_os_error() -> None:
    for host in ("a" * 300, "a\0b", "\ud800"):
        with pytest.raises(OSError):
            resolve(host, 7000)


def test_this_machine_is_known_by_its_names() -> None:
    for host in ("", "localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"):
        assert is_this_machine(host), host
    for host in ("0.0.0.0", "::", "192.168.1.10", "fe80::1%eth0", "localhost.example.org", "127.1"):
        assert not is_this_machine(host), host
