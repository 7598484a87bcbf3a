"""The targets of files: an outbox's journal, and the server's settings."""

from __future__ import annotations

from pathlib import Path
from typing import cast
from zlib import crc32

from netchat.client.journal import Kept, decode, encode
from netchat.errors import ConfigError
from netchat.loading import load_config, parse_set, to_toml


def journal(data: bytes) -> None:
    """Lines that are whole come out, the others are counted, and what is kept reads the same.

    Each line of the input is a record, which gets its checksum; one that begins with `!` is left
    as it is.
    """
    file = b"\n".join(
        line[1:] if line.startswith(b"!") else b"%08x %s" % (crc32(line), line)
        for line in data.split(b"\n")
    )
    records, lost = decode(file)
    *whole, rest = file.split(b"\n")
    assert len(records) + lost == len(whole) + bool(rest)
    assert decode(b"".join(map(encode, records))) == (records, 0)
    kept = Kept(records)
    shortest = list(kept.records())
    assert len(shortest) <= len(records)
    assert vars(Kept(shortest)) == vars(kept)


class File:
    """A file with this in it, as far as it is read."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read_text(self, encoding: str) -> str:
        return self._data.decode(encoding)


def settings(data: bytes) -> None:
    """Settings that are the same when they are written and read again, or a ConfigError.

    The input is a file; one that begins with `!` is what `--set` and the environment are given.
    """
    try:
        if data.startswith(b"!"):
            key, value = parse_set(data[1:].decode("utf-8", "replace"))
            config = load_config(_file(b""), {f"NETCHAT_{key}": value}, {key: value})
        else:
            config = load_config(_file(data), {}, {})
    except ConfigError as exc:
        assert str(exc)
    else:
        assert load_config(_file(to_toml(config).encode()), {}, {}) == config


def _file(data: bytes) -> Path:
    return cast(Path, File(data))
