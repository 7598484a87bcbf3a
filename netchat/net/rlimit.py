"""The number of files, and so of connections, that this process may have open."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource

MOST_FILES = 1_048_576
"""Asked for where the hard limit is infinite: Linux's own ceiling (fs.nr_open)."""

MOST_ROOM = 65_536
"""Files that the table is made for at once: half a MiB of the kernel's."""


def raise_file_limit() -> int:
    """Raise the soft limit to the hard one where that is permitted; the limit that holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


def make_room(files: int) -> None:
    """Have the kernel make its table of our files as large as it may become.

    It doubles by itself as they come, from 64 on. But where several threads share it, each time
    waits until no processor looks at the old one (fs/file.c, `expand_fdtable`): `accept` took 7 to
    15 ms at the 256th connection, the 512th, and so on.
    """
    with contextlib.suppress(OSError), open(os.devnull, "rb") as null:
        os.close(fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, min(files, MOST_ROOM) - 1))
