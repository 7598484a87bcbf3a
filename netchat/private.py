"""What may be read by nobody else: keys, and everything that people have written."""

from __future__ import annotations

import stat
from pathlib import Path

from netchat.errors import StartError

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_private(path: Path) -> None:
    """Raise StartError where others than its owner may read or change a file that exists.

    A file of root's may be read by its group: so certificates' keys are shared with services
    (PostgreSQL has the same rule).
    """
    try:
        found = path.stat()
    except OSError:
        return
    shared = stat.S_IMODE(found.st_mode) & OTHERS
    if found.st_uid == 0:
        shared &= ~stat.S_IRGRP
    if shared:
        mode = stat.S_IMODE(found.st_mode)
        raise StartError(
            f"{path} can be read or changed by others (its mode is {mode:04o}): chmod 600 {path}"
        )
