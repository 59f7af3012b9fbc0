"""Too little memory is told before anything is loaded."""

from pathlib import Path

import pytest

from rpbert.errors import UserError
from rpbert.ui.memory import NEEDED, check_memory, free_megabytes


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
