"""The number of files, and so of connections, that this process may have open."""

from __future__ import annotations

import contextlib
import resource

MOST_FILES = 1_048_576
"""Asked for where the hard limit is infinite: Linux's own ceiling (fs.nr_open)."""


def raise_file_limit() -> int:
    """Raise the soft limit to the hard one where that is permitted; the limit that holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft
