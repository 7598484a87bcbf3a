"""An operator at a real server's socket."""

from __future__ import annotations

from subprocess import CompletedProcess

from tests.e2e.support import ServerProcess, run_netchat


def operate(server: ServerProcess, *words: str, typed: str = "") -> CompletedProcess[str]:
    """Run `netchat user ...` against a server."""
    command, *rest = words
    place = ("--data", str(server.data))
    return run_netchat(server.folder, "user", command, *place, *rest, typed=typed)


def table(done: CompletedProcess[str]) -> list[list[str]]:
    """The rows that a command printed, without their head."""
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()[1:]]
