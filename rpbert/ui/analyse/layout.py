"""What stands where on the Analyse tab; what happens when something is clicked is in `rpbert.ui.analyse.events`."""

from dataclasses import dataclass

import gradio as gr

from rpbert.explain.methods import DEFAULT_METHOD, METHOD_NAMES, Explanation
from rpbert.model.texts import MAX_CHARACTERS
from rpbert.ui import keys
from rpbert.ui.analyse import card, maps, view
from rpbert.ui.common import GATE_CHOICES
from rpbert.ui.samples import Sample
from rpbert.ui.templating import jpeg_data, render
from rpbert.ui.workbench import ScreenState

METHOD_CHOICES = [(name, method) for method, name in METHOD_NAMES.items()]
# The page's script tells the component what was chosen in it, and the component tells gradio.
TELL_CHOICE = "element.addEventListener('choose', event => trigger('select', event.detail));"


@dataclass(frozen=True)
class Inputs:
    """What is read: the tweet, its picture, the gate."""

    examples: gr.HTML
    tweet: gr.Textbox
    analyse: gr.Button
    upload: gr.UploadButton
    remove: gr.Button
    picture: gr.State  # path of the picture that the next reading takes; None without one
    sample: gr.State  # id of the example whose picture it is; None for an upload
    typed: gr.Button  # pressed by the script while somebody types
    rested: gr.Button  # and when typing rests


@dataclass(frozen=True)
class Outputs:
    """What an analysis fills."""

    message: gr.HTML
    figure: gr.HTML
    names: gr.HTML
    relation: gr.HTML
    cards: gr.HTML
    maps: gr.HTML
    details: gr.HTML
    ask: gr.Button
    footer: gr.HTML


@dataclass(frozen=True)
class Experts:
    """What is folded: gate, method, other readings, tests of a map; not there without a picture."""

    box: gr.Accordion
    gate: gr.Radio
    fixed: gr.Slider
    reading: gr.Dropdown
    method: gr.Dropdown
    route: gr.Dropdown
    stop: gr.Button
    attend: gr.Button
    attention: gr.HTML
    compare: gr.Button
    methods: gr.HTML
    steady: gr.Button
    stability: gr.HTML


def draw_examples(samples: list[Sample]) -> gr.HTML:
    """A strip of thumbnails with their tweets."""
    drawn = [(sample, None if sample.picture is None else jpeg_data(sample.open(), 120)) for sample in samples]
    return gr.HTML(render("analyse/examples.html", samples=drawn), js_on_load=TELL_CHOICE, elem_id="examples")


def draw_inputs(samples: list[Sample], examples: gr.HTML) -> Inputs:
    """The tweet and its buttons; filled with the first example."""
    first = samples[0]
    tweet = gr.Textbox(
        first.text,
        label=f"Tweet (at most {MAX_CHARACTERS:,} characters)",
        info="Names are marked while you type. Ctrl+Enter analyses at once.",
        lines=2,
        max_lines=6,
        elem_id="tweet",
    )
    with gr.Row(elem_id="input-buttons"):
        analyse = gr.Button("Analyse", variant="primary", size="sm", elem_id="analyse", min_width=90)
        upload = gr.UploadButton("Choose a picture", size="sm", elem_id="upload", min_width=110)
        remove = gr.Button("Remove the picture", size="sm", elem_id="remove", min_width=110)
    with gr.Row(elem_classes=["script-only"]):
        typed, rested = gr.Button("typed", elem_id="typed"), gr.Button("rested", elem_id="rested")
    states = gr.State(str(first.picture)), gr.State(first.id)
    return Inputs(examples, tweet, analyse, upload, remove, *states, typed, rested)


def figure_panel(state: ScreenState, alt: str = "") -> str:
    """The picture, over which the script draws the map; or where to put one."""
    picture = None if state.picture is None else jpeg_data(state.picture)
    lines = [(line.text, " ".join(f"{x:.4f},{y:.4f}" for x, y in line.quad)) for line in state.prepared.scene]
    alt = alt or "The picture of the tweet"
    own = state.uploaded
    return render("analyse/figure.html", picture=picture, alt=alt, key=state.key, own=own, lines=lines)


def draw_outputs(state: ScreenState, alt: str, explained: list[tuple[str, Explanation]], footer: gr.HTML) -> Outputs:
    """The result, filled with an analysis; call in the order of the columns by way of `render` (see events)."""
    return Outputs(
        message=gr.HTML(visible=False, elem_id="message", render=False),
        figure=gr.HTML(figure_panel(state, alt), elem_id="figure", render=False),
        names=gr.HTML(
            view.names_panel(state, keys.first_key(state.analysis)),
            js_on_load=TELL_CHOICE,
            elem_id="names",
            render=False,
        ),
        relation=gr.HTML(view.relation_panel(state), js_on_load=TELL_CHOICE, elem_id="relation", render=False),
        cards=gr.HTML(card.cards_panel(state, []), elem_id="cards", render=False),
        maps=gr.HTML(maps.maps_panel(state, explained), elem_id="maps", render=False),
        details=gr.HTML(card.pending_details(card.UNJUDGED), elem_id="details", render=False),
        ask=gr.Button("Make the maps", visible=False, size="sm", elem_id="ask", render=False),
        footer=footer,
    )


def draw_experts(state: ScreenState) -> Experts:
    """Gate, method, route, other readings, and the tests of a map; folded."""
    first = keys.first_key(state.analysis)
    with gr.Accordion("For experts: gate, method, “why not …?”", open=False, elem_id="experts") as box:
        gate = gr.Radio(GATE_CHOICES, value="soft", label="Gate: how much of the picture is let in", elem_id="gate")
        fixed = gr.Slider(0, 1, value=0.5, step=0.05, label="Gate value (0 to 1)", visible=False, elem_id="fixed")
        gr.HTML(render("terms.html", words=["gate", "soft", "hard", "occlusion", "log-odds", "MISC"]))
        with gr.Row():
            reading = gr.Dropdown(
                keys.readings_of(state.analysis, first), value=keys.AS_FOUND, label="Which reading", elem_id="reading"
            )
            method = gr.Dropdown(METHOD_CHOICES, value=DEFAULT_METHOD, label="Method", elem_id="method")
            route = gr.Dropdown(
                [(name, route) for route, name in card.ROUTE_NAMES.items()],
                value="total",
                label="Which way the picture acts",
                elem_id="route",
            )
        with gr.Row():
            attend = gr.Button("Show this name's attention", size="sm", elem_id="attend")
            compare = gr.Button("Compare all methods (about a minute)", size="sm", elem_id="compare-methods")
            steady = gr.Button("Test how steady the map is", size="sm", elem_id="steady")
            stop = gr.Button("Stop what is running", size="sm", elem_id="stop")
        attention, methods = gr.HTML(elem_id="attention"), gr.HTML(elem_id="methods")
        stability = gr.HTML(elem_id="stability")
    return Experts(
        box, gate, fixed, reading, method, route, stop, attend, attention, compare, methods, steady, stability
    )
