"""What is refused while it is uploaded: in a sentence, and nothing of it stays on the disk."""

import errno
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import anyio
import gradio as gr
import httpx
import pytest
from gradio.route_utils import GradioUploadFile
from gradio.routes import App
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from starlette.types import Message

from rpbert.ui import disk
from rpbert.ui.upload_limits import SPARE, UploadLimits

ADDRESS = "/gradio_api/upload"
FULL = "The disk of this server is full. Please tell whoever runs it, and try again later."
TOO_LARGE = "'{}' has 41 MB; at most 40 MB a picture can be read. Please make it smaller."
BOUNDARY = "----WebKitFormBoundary"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return tmp_path / "uploads"


@pytest.fixture
def client(folder: Path) -> TestClient:
    with gr.Blocks(analytics_enabled=False) as demo:
        gr.Image()
    demo.max_file_size = None
    limits = {"middleware": [Middleware(UploadLimits, folder=folder)]}
    return TestClient(App.create_app(demo, app_kwargs=limits), raise_server_exceptions=False)


def stored(folder: Path) -> int:
    """Bytes of all uploads."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def trickle(client: TestClient, name: str, size: int, ends: bool = True) -> tuple[int, str]:
    """Upload in pieces of half a megabyte without having said how many; returns status and text of the answer."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    pieces = [head[:50], head[50:], *[bytes(500_000)] * (size // 500_000)]
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    last = f"\r\n--{BOUNDARY}--\r\n".encode()
    messages.append({"type": "http.request", "body": last} if ends else {"type": "http.disconnect"})
    answer: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        answer.append(message)

    kind = f"multipart/form-data; boundary={BOUNDARY}".encode()
    scope = {
        "type": "http",
        "method": "POST",
        "path": ADDRESS,
        "query_string": b"",
        "headers": [(b"content-type", kind)],
    }
    anyio.run(client.app, scope, receive, send)
    return answer[0]["status"], answer[1]["body"].decode()


def note_writing(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes gradio writes of an upload, piece by piece."""
    written: list[int] = []
    write = GradioUploadFile.write

    async def noted(self: GradioUploadFile, data: bytes) -> None:
        written.append(len(data))
        await write(self, data)

    monkeypatch.setattr(GradioUploadFile, "write", noted)
    return written


def free(monkeypatch: pytest.MonkeyPatch, left: Callable[[], int]) -> None:
    """Let the disk seem to have so many bytes left."""
    usage = type(shutil.disk_usage("."))
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage(10**9, 0, left()))


def test_an_announced_picture_is_refused_before_anything_is_written(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = note_writing(monkeypatch)
    answer = client.post(ADDRESS, files={"files": ("a <b>walk.jpg", io.BytesIO(bytes(41 * 10**6)))})
    assert (answer.status_code, answer.text) == (400, TOO_LARGE.format("a &lt;b&gt;walk.jpg"))  # shown as HTML
    assert written == []


def test_an_unannounced_picture_is_counted_and_what_was_written_is_deleted(
    client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = note_writing(monkeypatch)
    assert trickle(client, "walk.jpg", 60 * 10**6) == (400, TOO_LARGE.format("walk.jpg"))
    assert 39 * 10**6 < sum(written) < 41 * 10**6
    assert stored(folder) == 0


@pytest.mark.parametrize(("name", "size"), [("set.zip", 42), ("rows.JSONL", 42), ("walk.jpg", 40)])
def test_a_data_set_may_be_larger_and_a_picture_as_large_as_one_that_is_opened(
    client: TestClient, folder: Path, name: str, size: int
) -> None:
    answer = client.post(ADDRESS, files={"files": (name, io.BytesIO(bytes(size * 10**6)))})
    assert Path(answer.json()[0]).name == name
    assert stored(folder) == size * 10**6


def test_what_has_no_room_is_refused_before_anything_is_written(
    client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, lambda: 2 * SPARE)
    answer = client.post(ADDRESS, files={"files": ("set.zip", io.BytesIO(bytes(2 * SPARE)))})
    assert (answer.status_code, answer.text) == (400, FULL)
    assert client.post(ADDRESS, files={"files": ("set.zip", io.BytesIO(bytes(SPARE // 2)))}).is_success
    assert stored(folder) == SPARE // 2


def test_a_disk_that_fills_meanwhile_is_told_and_emptied(
    client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, lambda: 4 * SPARE - stored(folder))
    written = note_writing(monkeypatch)
    assert trickle(client, "set.zip", 5 * SPARE) == (400, FULL)
    assert sum(written) > SPARE
    assert stored(folder) == 0


def test_a_disk_that_is_full_without_warning_is_told(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(GradioUploadFile, "write", write)
    answer = client.post(ADDRESS, files={"files": ("walk.jpg", io.BytesIO(b"picture"))})
    assert (answer.status_code, answer.text) == (507, FULL)
    monkeypatch.undo()
    assert client.get("/config").is_success


def test_of_an_upload_that_was_cut_off_nothing_stays(
    client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = note_writing(monkeypatch)
    trickle(client, "set.zip", SPARE, ends=False)
    assert sum(written) == SPARE
    assert stored(folder) == 0


def test_the_app_that_is_served_has_these_limits(app_url: str) -> None:
    answer = httpx.post(f"{app_url}{ADDRESS[1:]}", files={"files": ("walk.jpg", bytes(41 * 10**6))})
    assert answer.text == TOO_LARGE.format("walk.jpg")
