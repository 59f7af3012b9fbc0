"""The input for a picture: a `gr.Image` that leaves opening the file to us."""

from typing import Any
from unittest.mock import patch

import gradio as gr

# gradio writes a stub file beside every module that extends a component; it would stand in the way of this one's types.
with patch("gradio.component_meta.create_or_modify_pyi"):

    class PictureInput(gr.Image):
        """A `gr.Image` whose handlers get the path of the uploaded file, unopened, or None.

        gradio's own decoding would answer a file that is no picture with a message nobody understands, and would decode
        a huge one. That the path is an upload, and not any file of this computer, gradio has checked before. A class of
        its own, because gradio builds components anew when it runs the page: an override on an instance is lost.
        """

        def preprocess(self, payload: Any) -> str | None:
            """The path of an upload."""
            return None if payload is None else payload.path

        def get_block_name(self) -> str:
            """The browser draws it as the component that it extends."""
            return "image"


def picture_input(**settings: Any) -> PictureInput:
    """A picture input; its constructor is inherited as it is, because gradio tells the browser what that takes."""
    return PictureInput(type="filepath", image_mode=None, **settings)
