"""Where the operator's socket is, and who may come in."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from netchat.admin.place import LONGEST_PATH, SOCKET_NAME, is_trusted, open_socket
from netchat.errors import StartError


def test_the_socket_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    place = open_socket(folder)
    path = folder / SOCKET_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert os.listdir(folder) == [SOCKET_NAME]
    place.close()
    assert os.listdir(folder) == []


def test_what_a_crashed_server_left_behind_is_replaced(tmp_path: Path) -> None:
    left = open_socket(tmp_path)
    left.sock.close()
    place = open_socket(tmp_path)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(os.fspath(tmp_path / SOCKET_NAME))
    place.close()


def test_a_file_of_another_kind_in_its_place_is_replaced_too(tmp_path: Path) -> None:
    (tmp_path / SOCKET_NAME).write_text("")
    open_socket(tmp_path).close()


def test_a_socket_that_is_answered_is_left_alone(tmp_path: Path) -> None:
    place = open_socket(tmp_path)
    with pytest.raises(StartError, match="in use by another server"):
        open_socket(tmp_path)
    assert (tmp_path / SOCKET_NAME).exists()
    place.close()


def test_a_path_that_is_too_long_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=f"longer than the {LONGEST_PATH} bytes"):
        open_socket(tmp_path / ("x" * 100))


def test_a_folder_that_cannot_be_written_to_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be listened on"):
        open_socket(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    ("user", "trusted"), [(0, True), (os.geteuid(), True), (os.geteuid() + 1, False)]
)
def test_only_the_own_user_and_root_are_trusted(user: int, trusted: bool) -> None:
    class Peer:
        def getsockopt(self, *_: int) -> bytes:
            return (1).to_bytes(4, "little") + user.to_bytes(4, "little") + bytes(4)

    assert is_trusted(Peer()) is trusted  # type: ignore[arg-type]


def test_our_own_other_end_is_trusted() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert is_trusted(ours)
