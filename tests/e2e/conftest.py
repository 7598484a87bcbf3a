from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.client import RawClient
from tests.e2e.support import UNLIMITED, ServerProcess

_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that the module's tests share, each with names and a room of its own."""
    with ServerProcess(tmp_path_factory.mktemp("server"), *UNLIMITED) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server for this test alone, which may stop and start it."""
    with ServerProcess(tmp_path, *UNLIMITED) as server:
        yield server


@pytest.fixture
def room() -> str:
    return f"room-{next(_numbers)}"


@pytest.fixture
def ana(server: ServerProcess) -> Iterator[RawClient]:
    """A client of the shared server, welcome under a name that no other test uses."""
    with server.client(f"ana-{next(_numbers)}") as client:
        yield client


@pytest.fixture
def ben(server: ServerProcess) -> Iterator[RawClient]:
    with server.client(f"ben-{next(_numbers)}") as client:
        yield client


@pytest.fixture
def stranger(server: ServerProcess) -> Iterator[RawClient]:
    """A client that has not said hello."""
    with server.client() as client:
        yield client
