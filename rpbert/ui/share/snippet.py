"""The analysis on the screen as Python code, which asks the same of this server through its API."""

import gradio as gr

from rpbert.model.gates import Gate
from rpbert.shipped import ASSETS
from rpbert.ui.common import LATEST, PRIVATE, QUIET
from rpbert.ui.samples import load_samples
from rpbert.ui.workbench import ScreenState

UPLOADED = "picture.jpg"  # an upload's own name is not known here
ADDRESS = "ADDRESS-OF-THIS-PAGE"  # the browser knows it; the server may stand behind another one
FILL_IN = f"(code) => code.replace('{ADDRESS}', window.location.origin + window.location.pathname)"

NOTE = """<p>This code asks the same of the same server. The API has more: see “Use via API” at the foot of the page.
The paths of the examples' pictures are seen from the folder of this project.</p>"""


def snippet(text: str, picture: str | None, gate: Gate, url: str) -> str:
    """Python code that analyses a tweet by the API at `url`; it ends with the result in `analysis`.

    Args:
        picture: path as the code is to have it, None for a tweet without one.
    """
    image = "None" if picture is None else f"handle_file({picture!r})"
    note = "  # please put the path of your picture here" if picture == UPLOADED else ""
    imports = "Client" if picture is None else "Client, handle_file"
    return f"""# pip install gradio_client
from gradio_client import {imports}

client = Client({url!r})
analysis = client.predict(
    text={text!r},
    image={image},{note}
    gate={str(gate)!r},
    api_name="/analyze",
)
for entity in analysis["entities"]:
    print(entity["type"], entity["text"], entity["confidence"])
"""


def snippet_of(state: ScreenState) -> str:
    """Of the analysis on the screen."""
    picture = None if state.picture is None else _path_of(state.sample)
    return snippet(state.analysis.text, picture, state.analysis.gate_setting, ADDRESS)


def _path_of(sample: str | None) -> str:
    """An example's picture as seen from the project's folder."""
    pictures = {one.id: one.picture for one in load_samples()}
    path = pictures.get(sample or "")
    return UPLOADED if path is None else path.relative_to(ASSETS.parent).as_posix()


def add_snippet(state: gr.State, address: gr.Textbox) -> None:
    """Draw the accordion with the code; call on the Analyse tab.

    The code is written anew when the accordion is opened and when the `address` of the analysis changes. `state.change`
    would be simpler, but gradio then hashes what the state holds, and an analysis has no hash.
    """
    with gr.Accordion("Do this from Python", open=False, elem_id="snippet-box") as box:
        gr.HTML(NOTE)
        code = gr.Code(language="python", interactive=False, label="Python code", wrap_lines=True, elem_id="snippet")
    written = gr.on([box.expand, address.change], snippet_of, state, code, **LATEST, **QUIET, **PRIVATE)
    written.then(None, code, code, js=FILL_IN, **PRIVATE)
