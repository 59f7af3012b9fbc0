"""What is refused while it is uploaded: a picture that is too large, and what the disk has no room for.

gradio writes an upload to the disk as it arrives. It gives an upload up, deletes what is written, and answers with a
sentence that the page shows, when its parser meets a `MultiPartException`; so that is raised here, between two pieces
of the upload. Of any other error it would leave half a file behind, and say "HTTP 500".

What is no data set by its name is taken for a picture. For data sets, gradio's own limit holds (`rpbert.ui.app`).
"""

import html
import re
from pathlib import Path

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rpbert.data.archives import TEXTS
from rpbert.errors import UserError
from rpbert.model.pictures import check_file_size
from rpbert.ui.disk import check_room, full_disk_told

DATA_SETS = (".zip", *TEXTS)
FILE_NAME = re.compile(rb'filename="([^"\r\n]*)"')
HEAD = 8192  # bytes in which the file's name must stand; gradio's parser takes no longer head of a part
FRAME = 1000  # bytes around a file in its request, at the most
SPARE = 10**6  # bytes of the disk that uploads leave to everything else


class UploadLimits:
    """An ASGI middleware around gradio's app; `folder` is where uploads are stored."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self.app, self.folder = app, folder
        folder.mkdir(parents=True, exist_ok=True)  # to be asked for its room before gradio makes it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; an upload through `Upload`."""
        if scope["type"] != "http" or not scope["path"].endswith("/upload"):
            await self.app(scope, receive, send)
            return
        upload = Upload(Headers(scope=scope), receive, self.folder)
        try:
            with full_disk_told():  # others write to it, too; then half a file stays until the app ends
                await self.app(scope, upload.receive, send)
        except UserError as error:
            await PlainTextResponse(str(error), status_code=507)(scope, receive, send)


class Upload:
    """One upload as it arrives, counted."""

    def __init__(self, headers: Headers, receive: Receive, folder: Path) -> None:
        self._receive, self.folder = receive, folder
        self.announced = int(headers.get("content-length", 0))  # bytes; 0 where nothing was said
        self.arrived = 0  # bytes
        self.head = b""
        self.ended = False

    async def receive(self) -> Message:
        """The next piece. Raises `MultiPartException`, a sentence in HTML, for what must not be stored."""
        message = await self._receive()
        if self.ended:
            return message
        if message["type"] == "http.disconnect":
            raise MultiPartException("The upload was cut off.")  # nobody reads it, but what is written is deleted
        self.ended = not message.get("more_body", False)
        try:
            self._check(message.get("body", b""))
        except UserError as error:
            raise MultiPartException(html.escape(str(error), quote=False)) from error
        return message

    def _check(self, piece: bytes) -> None:
        left = max(len(piece), self.announced - self.arrived)
        self.arrived += len(piece)
        if len(self.head) < HEAD:
            self.head = (self.head + piece)[:HEAD]
        name = FILE_NAME.search(self.head)
        path = Path("" if name is None else name[1].decode(errors="replace"))
        if path.suffix.lower() not in DATA_SETS and (name or len(self.head) == HEAD):  # or it comes with the next piece
            check_file_size(path, max(self.announced, self.arrived) - FRAME)
        check_room(self.folder, left + SPARE)
