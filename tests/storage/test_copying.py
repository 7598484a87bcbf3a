"""Backups: whole, of a log in use, and under no epoch that clients know."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from netchat import cli, exits
from netchat.errors import StartError
from netchat.storage.copying import back_up

from .support import ROOMS, Folder, numbered


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data")


def test_a_backup_of_a_log_in_use_has_all_that_was_acknowledged(
    folder: Folder, tmp_path: Path
) -> None:
    log = folder.open()
    log.store.append(ROOMS)
    log.post(*numbered(200))
    copy = tmp_path / "copy.db"
    back_up(folder.file, copy)
    log.post(*numbered(201))
    log.close()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "data"]
    copy.replace(folder.file)
    store = folder.store()
    state = store.load()
    assert (state.epoch, state.rooms[0].head) == ("epoch-2", 200)
    store.close()
    assert folder.store().load().epoch == "epoch-2", "it is an epoch like any other"


def test_what_is_there_is_not_overwritten(folder: Folder, tmp_path: Path) -> None:
    folder.open().close()
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(StartError, match="exists already"):
        back_up(folder.file, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_log_that_is_not_there_leaves_no_copy(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be copied"):
        back_up(tmp_path / "netchat.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_the_command_makes_one(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.open().close()
    copy = str(tmp_path / "copy.db")
    command = ["backup", "--data", str(folder.path), copy]
    assert cli.main(command) == exits.OK
    assert cli.main(command) == exits.FAILURE
    assert f"{copy} exists already." in capsys.readouterr().err
