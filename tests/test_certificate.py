from __future__ import annotations

import errno
import os
import ssl
from pathlib import Path
from typing import Any

import pytest

from netchat.certificate import load_certificate
from netchat.config import Tls
from netchat.errors import StartError
from netchat.net import tls as net_tls
from tests.certificates import Files, write_files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_files(tmp_path)


def settings(files: Files) -> Tls:
    return Tls(cert=str(files.certificate), key=str(files.key))


def test_no_settings_are_no_certificate() -> None:
    assert load_certificate(Tls()) is None


def test_what_is_loaded_is_what_peers_are_shown(files: Files) -> None:
    assert isinstance(load_certificate(settings(files)), ssl.SSLContext)


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_without_descriptors_nothing_is_loaded_by_halves(
    files: Files, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Each call that opens a file fails in turn."""
    calls = iter(range(1, 10))

    def fail(act: Any) -> Any:
        def guarded(*args: Any) -> Any:
            if next(calls) == failing:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return act(*args)

        return guarded

    monkeypatch.setattr(Path, "read_bytes", fail(Path.read_bytes))
    monkeypatch.setattr(net_tls, "server_context", fail(net_tls.server_context))
    with pytest.raises(StartError, match="Too many open files"):
        load_certificate(settings(files))


def test_every_way_of_being_wrong_is_one_sentence(files: Files, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    other = write_files(stranger, which=1)
    empty = tmp_path / "empty.pem"
    empty.touch(mode=0o600)
    for cert, key in [
        (files.certificate, other.key),
        (empty, files.key),
        (files.certificate, empty),
        (tmp_path, files.key),
        (files.certificate, tmp_path / "missing"),
    ]:
        with pytest.raises(StartError) as raised:
            load_certificate(Tls(cert=str(cert), key=str(key)))
        assert "\n" not in str(raised.value) and "tls." in str(raised.value)
