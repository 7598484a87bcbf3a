from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.peer import Peer, echo


@pytest.fixture(scope="session")
def plain() -> Iterator[str]:
    with echo() as address:
        yield address


@pytest.fixture(scope="session")
def compressing() -> Iterator[str]:
    with echo("--compression") as address:
        yield address


@pytest.fixture
def peer(plain: str) -> Iterator[Peer]:
    with Peer(plain) as peer:
        yield peer
