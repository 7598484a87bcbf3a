"""The claim on a data folder: two servers must never write to one log."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from netchat.errors import StartError

LOCK_NAME = "netchat.lock"


class Claim:
    """Holds a folder until it is released or the process ends, however it ends.

    Makes the folder, for its owner alone, where it is missing. Raises StartError. The lock
    file stays behind: removing it would let two servers lock two files of one name.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise StartError(f"{folder} cannot be written to: {exc.strerror}.") from exc
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            self.release()
            raise StartError(f"{folder} is in use by another server.") from exc
        except OSError as exc:
            self.release()
            raise StartError(f"{folder} cannot be locked: {exc.strerror}.") from exc

    def release(self) -> None:
        os.close(self._lock)
