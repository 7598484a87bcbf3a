"""`netchat user`, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netchat import exits
from tests.admin.support import operate, table
from tests.e2e.support import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("s"), "--durability", "memory") as running:
        yield running


def test_who_is_connected_is_listed(server: ServerProcess) -> None:
    with server.client("ana") as ana, server.client("ben"):
        ana.join("lobby")
        rows = table(operate(server, "sessions"))
        assert [[row[0], *row[2:]] for row in rows] == [
            ["ana", "127.0.0.1", "1"],
            ["ben", "127.0.0.1", "0"],
        ]
        assert table(operate(server, "sessions", "ANA")) == rows[:1]


def test_a_user_is_sent_away_with_a_reason(server: ServerProcess) -> None:
    with server.client("cem") as cem:
        assert operate(server, "kick", "cem", "--reason", "Be kind.").returncode == 0
        error = cem.recv()
        assert (error["code"], error["message"]) == ("kicked", "Be kind.")
        assert error["fatal"] and cem.is_ended()
    with server.client("cem"):  # nothing is held
        pass


def test_who_is_not_there_cannot_be_sent_away(server: ServerProcess) -> None:
    done = operate(server, "kick", "nobody")
    assert (done.returncode, done.stderr) == (exits.FAILURE, "netchat: Nobody has this name.\n")


def test_without_a_server_a_command_says_so(server: ServerProcess, tmp_path: Path) -> None:
    done = operate(server, "sessions", "--data", str(tmp_path))
    assert done.returncode == exits.UNREACHABLE
    assert done.stderr == f"netchat: No server runs on {tmp_path}.\n"


def test_a_wrong_setting_is_a_wrong_configuration(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[server]\ncolour = 1\n")
    done = operate(server, "sessions", "--config", str(tmp_path / "bad.toml"))
    assert done.returncode == exits.CONFIG
