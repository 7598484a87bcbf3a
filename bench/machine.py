"""What the operating system says of a process and of this machine (Linux)."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import resource
import subprocess
import time
from pathlib import Path

PAGE = resource.getpagesize()


def cpu_seconds(pid: int) -> float:
    """CPU time of a whole process so far, threads that have ended included, to the nanosecond.

    The clock's number is made as clock_getcpuclockid(3) of the GNU C library makes it.
    """
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM. The kernel's own, for its sockets, is not in it."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def socket_bytes(port: int) -> int | None:
    """Kernel memory of the sockets of a local port: received, queued to be sent, and reserved
    (ss(8), skmem). None where there is no `ss`."""
    with contextlib.suppress(OSError):
        told = subprocess.run(  # noqa: S603
            ["ss", "-tmnH", "sport", "=", f":{port}"],  # noqa: S607
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        parts = re.findall(r"skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f(\d+),w(\d+)", told.stdout)
        return sum(int(number) for part in parts for number in part)
    return None


def cores() -> list[int]:
    """The cores that we may use."""
    return sorted(os.sched_getaffinity(0))


def server_cores() -> list[int]:
    """The first core is the server's, where there is another for the generators."""
    ours = cores()
    return ours[:1] if len(ours) > 1 else []


def split_cores(wanted: int) -> tuple[int, list[int]]:
    """How many generators, and their cores."""
    rest = cores()[1:]
    return wanted or max(1, min(4, len(rest))), rest


def pin(pid: int, wanted: list[int]) -> None:
    """Keep a process (its threads made from now on, too) on these cores, where permitted."""
    with contextlib.suppress(OSError):
        os.sched_setaffinity(pid, wanted)


def go_first(pid: int) -> None:
    """Let a process have its core before all others whenever it wants to, where permitted."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))


def environment() -> dict[str, str | int]:
    """Where the figures were measured."""
    return {
        "cpu": _cpu_model(),
        "cores": len(cores()),
        "kernel": platform.release(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "file_limit": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC",
    }


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    """The commit of the working copy, with a + where files have changed."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    with contextlib.suppress(OSError):
        told = subprocess.run(git, capture_output=True, text=True, check=False)  # noqa: S603
        return told.stdout.strip() or "unknown"
    return "unknown"
