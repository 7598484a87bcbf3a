"""`python -m netchat` is the `netchat` command."""

from __future__ import annotations

import sys

from netchat.cli import main

if __name__ == "__main__":
    sys.exit(main())
