"""The process: under whose name it runs, and what it tells the service manager."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import pwd
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from netchat.errors import ConfigError, StartError

log = logging.getLogger("netchat")


def become(user: str | None, data: Path | None) -> None:
    """Change from root to `user` for good, and see to it that `data` can be its folder.

    Called when every address is bound: nothing that follows needs root. Does nothing where
    there is nothing to be done. Raises StartError.
    """
    if user is not None and user != "root" and os.geteuid() == 0:
        _change_to(user, data)


def remark_on_user(user: str | None) -> None:
    """Say so where that is not what was wanted, or what should be."""
    if os.geteuid() == 0 and user is None:
        log.warning("This runs as root. server.user names the user that it should change to.")
    elif user is not None and user != _own_name():
        log.warning("Only root can change its user: this runs as %s, not %s.", _own_name(), user)


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _change_to(user: str, data: Path | None) -> None:
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise ConfigError(f"server.user: there is no user {user} on this machine") from None
    try:
        if data is not None and not data.exists():
            data.mkdir(mode=0o700, parents=True)
            os.chown(data, account.pw_uid, account.pw_gid)
        os.initgroups(user, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    except OSError as exc:
        raise StartError(f"Cannot change to the user {user}: {exc}.") from None
    with contextlib.suppress(PermissionError):
        os.setuid(0)
        raise StartError(f"The change to the user {user} could be taken back.")
    for part in (__file__, os.__file__):
        if not os.access(part, os.R_OK):
            raise StartError(f"The user {user} may not read {part}, which is part of netchat.")
    log.info("Running as %s from here on.", user)


def notify(state: str) -> None:
    """Tell systemd, where it wants to know (sd_notify(3)): READY, RELOADING, STOPPING, WATCHDOG."""
    if not (place := os.environ.get("NOTIFY_SOCKET")):
        return
    message = f"{state}=1"
    if state == "RELOADING":
        message += f"\nMONOTONIC_USEC={time.monotonic_ns() // 1_000}"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(f"\0{place[1:]}" if place.startswith("@") else place)
        sock.send(message.encode())


def keep_alive(later: Callable[[float, Callable[[float], None]], object]) -> None:
    """Show systemd a sign of life twice in the time after which, without one, it would end us
    (WatchdogSec=; sd_watchdog_enabled(3)). `later` is the loop's: who stands still shows none."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    patience = int(wanted) if wanted.isdecimal() else 0
    if not patience or os.environ.get("WATCHDOG_PID") not in (None, str(os.getpid())):
        return

    def live(_now: float) -> None:
        notify("WATCHDOG")
        later(patience / 2e6, live)

    live(0.0)


def dump_when_killed() -> None:
    """What breaks the process (SIGSEGV), or ends one that hangs (SIGABRT, as systemd's watchdog
    does), has it write to stderr where each thread stood."""
    if sys.stderr is not None:
        faulthandler.enable()
