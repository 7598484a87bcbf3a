"""What the system knows of the process, under the names that all Prometheus clients give it.

Not by the library's own collector: it counts open files by listing them, which with 18,000
of them keeps the loop busy for 30 ms and more. Linux tells the number since 6.2.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

MEMORY = Path("/proc/self/statm")
FILES = Path("/proc/self/fd")


class Process(Collector):
    """CPU time, memory, open files. `began` is the start's wall clock, ms since the epoch."""

    def __init__(self, began: int) -> None:
        self._began = began

    def collect(self) -> Iterator[Metric]:
        """See Collector. What this system does not tell is left out."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        seconds = usage.ru_utime + usage.ru_stime
        yield CounterMetricFamily("process_cpu_seconds", "CPU time, of all threads.", seconds)
        yield GaugeMetricFamily("process_start_time_seconds", "Unix time.", self._began / 1_000)
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        yield GaugeMetricFamily("process_max_fds", "How many files may be open.", limit)
        with suppress(OSError):
            if count := FILES.stat().st_size:
                yield GaugeMetricFamily("process_open_fds", "How many are (Linux 6.2+).", count)
        with suppress(OSError):
            size, resident = map(int, MEMORY.read_text().split()[:2])
            page = os.sysconf("SC_PAGESIZE")
            text = "Memory in use."
            yield GaugeMetricFamily("process_resident_memory_bytes", text, resident * page)
            text = "Address space in use."
            yield GaugeMetricFamily("process_virtual_memory_bytes", text, size * page)
