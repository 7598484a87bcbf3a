from __future__ import annotations

import logging
import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netchat.errors import ConfigError, StartError
from netchat.private import check_private
from netchat.process import become, keep_alive, notify, remark_on_user

ROOT = os.geteuid() == 0
NOBODY = "nobody"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_what_is_its_owners_alone_is_private(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.touch()
    path.chmod(mode)
    check_private(path)
    check_private(tmp_path / "missing")


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o660, 0o666, 0o601])
def test_what_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.touch()
    path.chmod(mode)
    with pytest.raises(StartError, match=f"{mode:04o}.*chmod 600"):
        check_private(path)


@pytest.mark.skipif(not ROOT, reason="only root can own root's files")
def test_roots_keys_may_be_read_by_a_group(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch()
    path.chmod(0o640)
    check_private(path)
    os.chown(path, pwd.getpwnam(NOBODY).pw_uid, -1)
    with pytest.raises(StartError):
        check_private(path)


def in_a_child(question: str, user: str, data: Path) -> str:
    """What a process answers that became somebody else."""
    begin = "import os; from pathlib import Path; from netchat.process import become"
    code = f"{begin}; become({user!r}, Path({str(data)!r})); print({question})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if "may not read" in done.stderr:
        pytest.skip("this Python is root's alone, and that is said")
    assert not done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not ROOT, reason="only root can become somebody else")
def test_root_becomes_somebody_else_for_good(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    data = tmp_path / "made" / "data"
    account = pwd.getpwnam(NOBODY)
    said = in_a_child("(os.getresuid(), os.getresgid())", NOBODY, data)
    assert said == str(((account.pw_uid,) * 3, (account.pw_gid,) * 3))
    assert data.stat().st_uid == account.pw_uid and data.stat().st_mode & 0o777 == 0o700
    said = in_a_child("os.getgroups()", NOBODY, data)
    assert "0" not in said.strip("[]").split(", ")


@pytest.mark.skipif(not ROOT, reason="only root can become somebody else")
def test_a_user_who_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match="no-such-user"):
        become("no-such-user", None)
    become("root", None)
    become(None, None)


def test_a_wish_that_cannot_be_fulfilled_is_remarked_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    own = pwd.getpwuid(os.geteuid()).pw_name
    remark_on_user(own)
    assert not caplog.messages
    remark_on_user("somebody-else")
    assert "Only root" in caplog.text
    remark_on_user(None)
    assert ("runs as root" in caplog.text) is ROOT


@pytest.mark.parametrize("abstract", [True, False])
def test_the_service_manager_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    name = f"netchat-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind(f"\0{name}" if abstract else str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if abstract else str(tmp_path / "notify"))
        notify("READY")
        assert sock.recv(100) == b"READY=1"
        notify("RELOADING")
        assert sock.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")


def test_signs_of_life_come_twice_in_the_time_that_the_service_manager_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laters: list[tuple[float, Callable[[float], None]]] = []
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "10000000")
        keep_alive(lambda wait, call: laters.append((wait, call)))
        for due in range(3):
            assert sock.recv(100) == b"WATCHDOG=1"
            wait, call = laters.pop()
            assert wait == 5.0
            call(float(due))


@pytest.mark.parametrize(
    ("patience", "pid"), [("", None), ("soon", None), ("0", None), ("10000000", "1")]
)
def test_who_is_not_waited_for_shows_no_sign_of_life(
    monkeypatch: pytest.MonkeyPatch, patience: str, pid: str | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", patience)
    monkeypatch.setenv("WATCHDOG_PID", pid or str(os.getpid()))  # or it is somebody else's
    keep_alive(lambda wait, call: pytest.fail("nobody waits"))


def test_nobody_who_wants_to_know_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    notify("READY")
