"""Uploads vanish when the app ends, also by SIGTERM, and what a killed app left vanishes at the next start."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rpbert.ui.uploads import PREFIX, delete_leftovers, upload_folder

WAITS = """
import signal, sys, time
from rpbert.ui.uploads import upload_folder
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
with upload_folder() as folder:
    (folder / "picture.jpg").write_bytes(b"private")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_running_app_that_is_ended_leaves_nothing(how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True) as app:
        assert app.stdout is not None
        folder = Path(app.stdout.readline().strip())
        assert (folder / "picture.jpg").exists()
        app.send_signal(how)
        app.wait(timeout=30)
    assert not folder.exists()


def test_leftovers_of_dead_apps_go_and_those_of_living_ones_stay() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        ended.wait()
    dead = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{ended.pid}-"))
    living = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    try:
        delete_leftovers()
        assert not dead.exists()
        assert living.exists()
    finally:
        living.rmdir()


def test_gradio_puts_uploads_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "elsewhere")
    with upload_folder() as folder:
        assert os.environ["GRADIO_TEMP_DIR"] == str(folder)


def test_the_runs_of_a_killed_app_go_with_its_uploads() -> None:
    """They hold the tweets and pictures of a data set; a killed process cannot delete them itself."""
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from rpbert.ui.errors.jobs import Job\n"
        "from rpbert.ui.uploads import upload_folder\n"
        "with upload_folder():\n"
        "    job = Job(Path('x'), 'soft', 0)\n"
        "    print(job.folder.name, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    run = Path(killed.stdout.strip())
    assert run.is_dir()
    delete_leftovers()
    assert not run.exists()
