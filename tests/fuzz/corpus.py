"""The corpus: inputs worth keeping, a file a target, an input a line in base64."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"


def load(target: str) -> list[bytes]:
    """What is kept for a target, the shortest first."""
    return [b64decode(line) for line in _file(target).read_text().splitlines()]


def save(target: str, inputs: Iterable[bytes]) -> None:
    """Keep exactly these."""
    ordered = sorted(set(inputs), key=lambda data: (len(data), data))
    _file(target).write_text("".join(b64encode(data).decode() + "\n" for data in ordered))


def unpack(target: str, folder: Path) -> None:
    """Write a file an input, as fuzzers want them."""
    for number, data in enumerate(load(target)):
        (folder / f"{number:05}").write_bytes(data)


def read(folder: Path) -> list[bytes]:
    return [Path(entry).read_bytes() for entry in os.scandir(folder)]


def _file(target: str) -> Path:
    return FOLDER / f"{target}.txt"
