"""Memory of a process in which ten thousand people come and go: Python's collector, C's malloc."""

from __future__ import annotations

import ctypes
import gc
import sys

YOUNG = (50_000, 20, 50)
"""When the collector looks for rings (`gc.set_threshold`): by default it would go through every
connection for each 700 new objects. Messages are in no ring, and are gone without it."""

MAPPED = 131_072
"""Bytes from which a block is a mapping of its own, which goes back to the system when it is let
go of. That is the C library's own default; but it lets it grow to 32 MiB when such a block is let
go of, and then tables that grow as a crowd comes in, each twice as large as the last, leave holes
that stay: 60 bytes a member, measured."""

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h: mallopt(3)


def tune_memory() -> None:
    """Call once the server has started: what lives by now, stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*YOUNG)
    if sys.platform == "linux" and (tune := getattr(ctypes.CDLL(None), "mallopt", None)):
        tune(_MMAP_THRESHOLD, MAPPED)  # glibc's; musl, which has none, needs none
