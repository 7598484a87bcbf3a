"""What several files of tests need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .disk import Disk


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.unregister()
