"""Memory: a start with too little of it is refused, and freed memory is not kept once for every thread."""

import ctypes
import platform
from pathlib import Path

from rpbert.errors import UserError

NEEDED = 1_600  # megabytes for the page and its first maps, as benchmarks/speed.py measures them
M_ARENA_MAX = -8  # glibc's number of the setting (malloc.h)
ARENAS = 2
MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def free_megabytes(meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> int | None:
    """What Linux says is still to be had, within the container's limit if there is one; None where nobody says."""
    found = []
    if meminfo.is_file():
        rows = (line.split() for line in meminfo.read_text(encoding="utf-8").splitlines())
        found += [int(row[1]) // 1024 for row in rows if row[0] == "MemAvailable:"]
    limit, used = cgroup / "memory.max", cgroup / "memory.current"
    if limit.is_file() and used.is_file() and (most := limit.read_text(encoding="utf-8").strip()) != "max":
        found.append((int(most) - int(used.read_text(encoding="utf-8"))) // 2**20)
    return min(found, default=None)


def check_memory(free: int | None) -> None:
    """Raises `UserError` when there are fewer than `NEEDED` megabytes; None is not known, and passes."""
    if free is not None and free < NEEDED:
        raise UserError(
            f"The page needs {NEEDED:,} MB of free memory, and there are {free:,} MB. Please end other programs, or "
            "give the container more."
        )


def share_arenas() -> None:
    """Let all threads take their memory from `ARENAS` pools; where the C library is not glibc, nothing is done.

    Each map is made in a thread of its own. glibc gives every thread another pool, up to eight a core, and a pool keeps
    much of what was freed in it, so that the app grew under load (`benchmarks/load.py`).
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Give to the system what was freed but kept for later, with glibc: after the start, about 100 MB."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
