"""A client's password, where nobody is to be asked for it: from a file. Never from argv, which
every user of the machine can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "NETCHAT_PASSWORD_FILE"
"""Names the file where `--password-file` does not."""


def password_as_told(file: Path | None, env: Mapping[str, str]) -> str | None:
    """The first line of the file that was named, if one was. Raises ValueError."""
    path = file or (Path(env[VARIABLE]) if env.get(VARIABLE) else None)
    if path is None:
        return None
    try:
        if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO) and path.is_file():
            raise ValueError(f"{path} can be read by others: chmod 600 {path}")
        return path.read_text("utf-8").partition("\n")[0].removesuffix("\r")
    except OSError as exc:
        raise ValueError(f"{path} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in UTF-8.") from None


def environment_password(file: Path | None) -> str | None:
    """As `password_as_told`, in our own environment."""
    return password_as_told(file, os.environ)
