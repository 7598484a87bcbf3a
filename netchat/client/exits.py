"""Exit codes, after sysexits.h where it has one."""

from __future__ import annotations

OK = 0
FAILURE = 1
USAGE = 2
UNREACHABLE = 69
TRY_AGAIN = 75
REFUSED = 77
INTERRUPTED = 130
TERMINATED = 143
