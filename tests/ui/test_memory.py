"""Too little memory is told before anything is loaded, and what was freed is not kept for every thread."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

import rpbert
from rpbert.errors import UserError
from rpbert.ui.memory import ARENAS, NEEDED, check_memory, free_megabytes


def test_the_smaller_of_computer_and_container_counts(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    assert free_megabytes(meminfo, tmp_path) is None
    meminfo.write_text("MemTotal:       8000000 kB\nMemAvailable:   4096000 kB\n")
    assert free_megabytes(meminfo, tmp_path) == 4000
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text(f"{100 * 2**20}\n")
    assert free_megabytes(meminfo, tmp_path) == 4000
    (tmp_path / "memory.max").write_text(f"{512 * 2**20}\n")
    assert free_megabytes(meminfo, tmp_path) == 412


def test_too_little_is_refused_and_the_unknown_is_not() -> None:
    check_memory(None)
    check_memory(NEEDED)
    with pytest.raises(UserError, match="there are 412 MB"):
        check_memory(412)


EIGHT_THREADS = """
import ctypes, sys, threading
from rpbert.ui.memory import share_arenas
share_arenas()
together = threading.Barrier(8)
def work():
    together.wait()
    kept = bytearray(100_000)
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has a pool for each thread")
def test_threads_share_two_pools_of_memory(tmp_path: Path) -> None:
    told = tmp_path / "malloc.xml"
    subprocess.run([sys.executable, "-c", EIGHT_THREADS, str(told)], check=True, cwd=Path(rpbert.__file__).parents[1])
    assert told.read_text(encoding="utf-8").count("<heap nr=") == ARENAS


FREED_BELOW_SOMETHING_KEPT = """
from rpbert.ui.memory import give_back
def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) // 1024
many = [bytes(1_000) for _ in range(200_000)]
kept = many.pop()
full = resident()
del many
give_back()
print(full - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks glibc")
def test_what_was_freed_goes_back_to_the_system() -> None:
    script = [sys.executable, "-c", FREED_BELOW_SOMETHING_KEPT]
    done = subprocess.run(script, check=True, cwd=Path(rpbert.__file__).parents[1], capture_output=True, text=True)
    assert int(done.stdout) > 150  # megabytes, of 200
