from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

MAPPINGS = """
import ctypes
from netchat.memory import MAPPED, tune_memory

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks rest".split()]
    _fields_ += [("others", ctypes.c_size_t * 6)]

def mappings():
    told = ctypes.CDLL(None).mallinfo2
    told.restype = Info
    return told().hblks

{tune}
large = bytearray(64 * MAPPED)
del large  # from here on the library would hold on to blocks of this size
before = mappings()
kept = bytearray(8 * MAPPED)
print(mappings() - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="glibc 2.33 can be asked")
@pytest.mark.parametrize(("tune", "mapped"), [("", 0), ("tune_memory()", 1)])
def test_large_blocks_go_back_to_the_system_however_many_came_before(
    tune: str, mapped: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MAPPINGS.format(tune=tune)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == mapped
