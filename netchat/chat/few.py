"""Few: what is mostly one, and may be none or several, kept without a tuple around the one.

A client has one session in one room: a tuple for each would be a tenth of what it takes.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

T = TypeVar("T")

Few: TypeAlias = "T | tuple[T, ...] | None"
"""As it is kept. The things themselves are no tuples."""


def pack(things: tuple[T, ...]) -> Few[T]:
    """To be kept."""
    if len(things) == 1:
        return things[0]
    return things or None


def add(few: Few[T], thing: T) -> Few[T]:
    """One more, behind the others."""
    return thing if few is None else (*unpack(few), thing)


def unpack(few: Few[T]) -> tuple[T, ...]:
    """What was packed."""
    if few is None:
        return ()
    return few if isinstance(few, tuple) else (few,)
