"""Exit codes of all commands, after sysexits.h where it has one.

0 done, 1 failed, 2 wrong usage, 69 the server cannot be reached, 75 try again later, 77
refused (the server's certificate, too: by us), 78 wrong configuration, 129, 130 and 143 ended by
a signal.
"""

from __future__ import annotations

OK = 0
FAILURE = 1
USAGE = 2
UNREACHABLE = 69
TRY_AGAIN = 75
REFUSED = 77
CONFIG = 78
HUNG_UP = 129
INTERRUPTED = 130
TERMINATED = 143
