"""The app as a program of its own, for benchmarks."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gradio_client import Client, handle_file

PROJECT = Path(__file__).parents[1]
# All that the app imports from elsewhere before it serves; of most, the parts that take long.
LIBRARIES = "import torch, transformers.models.bert.modeling_bert, timm, captum.attr, pandas, gradio"
LIBRARIES += "; from rapidocr import RapidOCR"
PATIENCE = 120  # seconds until a start has failed


def seconds_of(code: str) -> float:
    """How long a fresh Python takes for `code`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def megabytes(process: str, field: str) -> int:
    """Memory of a process, by its number or `self`: VmRSS now, VmHWM at its peak."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) // 1024


class RunningApp:
    """`python app.py` on a free port; a context that ends it."""

    def __enter__(self) -> Self:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        self._began = time.perf_counter()
        command = [sys.executable, "app.py", "--port", str(port)]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        self.process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
        while not self._answers():
            if self.process.poll() is not None or self.seconds() > PATIENCE:
                raise SystemExit("The app did not start.")
            time.sleep(0.05)
        self.client = self.new_client()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)

    def new_client(self) -> Client:
        """Somebody who uses the app."""
        return Client(self.url, verbose=False)

    def seconds(self) -> float:
        """Since the program was started."""
        return time.perf_counter() - self._began

    def analyze(self, text: str, picture: Path | None) -> Any:
        """The endpoint of this name, for the first user."""
        return self.client.predict(text, picture and handle_file(str(picture)), "soft", api_name="/analyze")

    def explain(self, text: str, picture: Path | None) -> Any:
        """The endpoint of this name, for the first user."""
        return self.client.predict(text, picture and handle_file(str(picture)), "soft", api_name="/explain")

    def memory(self, field: str) -> int:
        """Megabytes of the program: VmRSS now, VmHWM at its peak."""
        return megabytes(str(self.process.pid), field)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=1):
                return True
        except OSError:
            return False
