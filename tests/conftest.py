"""Hypothesis: examples differ from run to run at home and are fixed in CI; no time limits.

Ctrl+C: a shell has what it starts in the background ignore it, and whatever that starts too. The
commands that the tests start are to be interrupted.
"""

from __future__ import annotations

import os
import signal

from hypothesis import settings

settings.register_profile("home", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "home")

signal.signal(signal.SIGINT, signal.default_int_handler)
