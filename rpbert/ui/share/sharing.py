"""Links and files: what is on the screen, to be kept or sent. Nothing is written on the server."""

import json
from typing import Any

import gradio as gr

from rpbert.ui.analyse import card
from rpbert.ui.analyse import view as analyse
from rpbert.ui.analyse.events import PRIVATE, SLOW, AnalyseEvents
from rpbert.ui.analyse.layout import FIXED, Inputs
from rpbert.ui.samples import Sample
from rpbert.ui.share.export import analysis_html, analysis_json
from rpbert.ui.share.links import TABS, Place, from_query, link_note, to_query
from rpbert.ui.workbench import Shown, Workbench

# The browser knows the address under which it sees the page; the server may stand behind another one.
ADDRESS = "(query) => window.location.origin + window.location.pathname + '?' + query"
# The file is made in the browser, so that it never lies on the server's disk.
SAVE = """(file) => {
  const {name, type, text} = JSON.parse(file);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type}));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}"""


class Sharing:
    """The accordion with link and files, and what happens when somebody comes by a link."""

    def __init__(self, bench: Workbench, events: AnalyseEvents, tabs: gr.Tabs, samples: list[Sample]) -> None:
        self.bench, self.events, self.tabs = bench, events, tabs
        self.samples = {sample.id: sample for sample in samples}
        self.tab = gr.State("analyse")
        self.wanted: gr.State = gr.State(None)  # the choice of the card that a link asks for; None without a link

    def draw(self) -> None:
        """Draw the accordion and wire it; call where it is to stand."""
        inputs, parts = self.events.inputs, self.events.card
        with gr.Accordion("Keep or share this analysis", open=False, elem_id="share"):
            with gr.Row():
                make = gr.Button("Make a link", size="sm", elem_id="make-link")
                as_json = gr.Button("Save as JSON", size="sm", elem_id="save-json")
                as_page = gr.Button("Save as a web page", size="sm", elem_id="save-page")
            link = gr.Textbox(label="Link to this analysis", buttons=["copy"], interactive=False, elem_id="link")
            note = gr.HTML(elem_id="link-note")
            file = gr.Textbox(visible=False)
        chosen = [inputs.sample, inputs.picture, inputs.gate, inputs.fixed, self.tab, parts.target, parts.method]
        make.click(self.link, [self.events.state, *chosen], [link, note], **PRIVATE).then(
            None, link, link, js=ADDRESS, **PRIVATE
        )
        for button, write in ((as_json, self.json), (as_page, self.page)):
            button.click(write, [self.events.state, parts.method, parts.route], file, **SLOW, **PRIVATE).then(
                None, file, None, js=SAVE, **PRIVATE
            )

    def link(
        self,
        shown: Shown,
        sample: str | None,
        picture: str | None,
        choice: str,
        fixed: float,
        tab: str,
        target: int,
        method: str,
    ) -> tuple[str, str]:
        """The query string of what was analysed, and what it leaves out."""
        gate = fixed if choice == FIXED else choice
        entity = None if target < len(card.RELATIONS) else target - len(card.RELATIONS)
        query = to_query(Place(shown.analysis.text, sample, gate, tab, entity, method))
        return query, f"<p>{link_note(picture is not None and sample is None)}</p>"

    def json(self, shown: Shown, method: str, route: str) -> str:
        """The analysis as a JSON file."""
        result = analysis_json(shown.analysis, self._judged(shown, method, route))
        return _file("rpbert.json", "application/json", json.dumps(result, ensure_ascii=False, indent=1) + "\n")

    def page(self, shown: Shown, method: str, route: str) -> str:
        """The analysis as a web page that needs nothing else."""
        return _file("rpbert.html", "text/html", analysis_html(shown, self._judged(shown, method, route)))

    def _judged(self, shown: Shown, method: str, route: str) -> list[Any]:
        if shown.picture is None:
            return []
        explanations = self.bench.explanations(shown, method, route)
        if shown.closed:  # there is no map of a name then
            explanations = explanations[: len(card.RELATIONS)]
        return [(one, self.bench.verdict(shown, one) if route == "total" else None) for one in explanations]

    def wire_arrival(self, demo: gr.Blocks) -> None:
        """Whoever comes by a link finds what it says; everybody gets the verdict on the map that is shown."""
        inputs, parts = self.events.inputs, self.events.card
        self.tabs.select(_tab, None, self.tab, **PRIVATE)
        filled = [*_fields(inputs), parts.method, self.tabs, self.tab, self.wanted]
        self.events.judged_after(demo.load(self.arrive, None, filled, **PRIVATE))
        arrived = self.events.analysed_after(self.wanted.change)  # so nothing is analysed anew without a link
        aimed = arrived.then(self.aim, [self.events.state, self.wanted], [parts.target, parts.reading], **PRIVATE)
        self.events.explained_after(aimed.then)

    def arrive(self, request: gr.Request) -> list[Any]:
        """The inputs as a link's query string says, or as they are."""
        place = from_query(dict(request.query_params))
        if place is None:
            return [gr.skip()] * 10
        sample = self.samples.get(place.sample or "")
        picture = None if sample is None or sample.picture is None else str(sample.picture)
        alt = "" if sample is None else analyse.described(sample.alt)
        fixed = isinstance(place.gate, float)
        wanted = 0 if place.entity is None else place.entity + len(card.RELATIONS)
        gates = [FIXED if fixed else place.gate, gr.update(value=place.gate if fixed else 0.5, visible=fixed)]
        fields = [place.text, picture, alt, place.sample, *gates]
        return [*fields, place.method, gr.Tabs(selected=place.tab), place.tab, wanted]

    def aim(self, shown: Shown, wanted: int) -> tuple[int, Any]:
        """The choice that the link asks for, if this analysis has it."""
        there = wanted < len(card.RELATIONS) + len(shown.analysis.entities)
        choice = wanted if there else 0
        return choice, gr.update(choices=card.reading_choices(shown.analysis, choice), value=card.AS_FOUND)


def _tab(event: gr.SelectData) -> str:
    return TABS[event.index]


def _fields(inputs: Inputs) -> list[Any]:
    return [inputs.tweet, inputs.picture, inputs.described, inputs.sample, inputs.gate, inputs.fixed]


def _file(name: str, kind: str, text: str) -> str:
    return json.dumps({"name": name, "type": kind, "text": text})
