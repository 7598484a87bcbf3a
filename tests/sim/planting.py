"""Planting: how a bug gets into the server for a while, and the list of them all.

A patch goes around a method rather than in its place, so that it lasts longer than the method's
inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]

BUGS: dict[str, Plant] = {}


def bug(plant: Plant) -> Plant:
    """Put a bug on the list, under its name."""
    BUGS[plant.__name__] = plant
    return plant


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The server has this bug for a while."""
    with Patch.context() as patch:
        BUGS[name](patch)
        yield


def around(patch: Patch, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Replace a method by `wrapper`, which is given the method and its arguments."""
    inner = getattr(owner, name)
    patch.setattr(owner, name, lambda *args, **named: wrapper(inner, *args, **named))


def nothing(inner: Any, *args: Any, **named: Any) -> None:
    """Do not do it."""
