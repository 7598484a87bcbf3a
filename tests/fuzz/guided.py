"""One target under atheris, in a process of its own: `-m tests.fuzz.guided TARGET FILE RUNS ...`.

FILE is where its figures go. The further arguments are libFuzzer's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

from tests.fuzz.watching import Watched

UNGUIDED = ["netchat.net.reactor", "netchat.net.timers", "netchat.net.histogram"]
"""What runs on each tick, whatever the input: to count its branches guides nothing, and takes as
long as all of the rest."""


def main() -> None:
    name, file, runs, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=["netchat"], exclude=UNGUIDED):
        from tests.fuzz.targets import TARGETS

        watched = Watched(TARGETS[name](), Path(file), int(runs))
    # A merge starts further processes, by the first argument and through a shell.
    command = f"{sys.executable} -m tests.fuzz.guided {name} {file} {runs}"
    atheris.Setup([command, *arguments], watched)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
