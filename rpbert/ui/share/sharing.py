"""Links and files: what is on the screen, to be kept or sent. Nothing is written on the server."""

import base64
import functools
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from rpbert.errors import UserError
from rpbert.explain.overlays import draw_map
from rpbert.model.configuration import REGIONS
from rpbert.ui import keys
from rpbert.ui.analyse import maps, view
from rpbert.ui.analyse.events import AnalyseEvents, place_of
from rpbert.ui.common import LONG, PRIVATE, PROGRESS, QUIET, SHORT, choice_of, session_of
from rpbert.ui.samples import Sample
from rpbert.ui.share.export import Exported, analysis_html, analysis_json, rows_of
from rpbert.ui.share.links import PICTURE_LOST, TABS, Place, from_query, link_note, tab_of, to_query
from rpbert.ui.templating import render
from rpbert.ui.turns import StoppedError
from rpbert.ui.workbench import ScreenState, Workbench

# The browser knows the address under which it sees the page; the server may stand behind another one.
ADDRESS = "query => window.location.origin + window.location.pathname + '?' + query"
SAVE = "file => window.rpbert.save(file)"  # in the browser, so that a file never lies on the server's disk
STOPPED = "Stopped: nothing was saved."


class Sharing:
    """The accordion with link and files, and what happens when somebody comes by a link."""

    def __init__(self, bench: Workbench, events: AnalyseEvents, tabs: gr.Tabs, samples: list[Sample]) -> None:
        self.bench, self.events, self.tabs = bench, events, tabs
        self.samples = {sample.id: sample for sample in samples}
        self.tab = gr.State("analyse")

    def draw(self) -> None:
        """Draw the accordion and wire it; call where it is to stand."""
        events, experts = self.events, self.events.experts
        with gr.Accordion("Keep or share this analysis", open=False, elem_id="share"):
            with gr.Row():
                make = gr.Button("Make a link", size="sm", elem_id="make-link")
                as_png = gr.Button("Save the map (PNG)", size="sm", elem_id="save-png")
                as_json = gr.Button("Save as JSON", size="sm", elem_id="save-json")
                as_page = gr.Button("Save as a web page", size="sm", elem_id="save-page")
            link = gr.Textbox(label="Link to this analysis", buttons=["copy"], interactive=False, elem_id="link")
            note = gr.HTML(elem_id="link-note")
            file = gr.Textbox(visible=False)
        made = make.click(self.link, [events.state, events.chosen, experts.method, self.tab], [link, note], **PRIVATE)
        made.then(None, link, link, js=ADDRESS, **PRIVATE)
        every = [events.state, experts.method, experts.route]
        for button, write, asked in (
            (as_png, self.png, events.asked),
            (as_json, self.json, every),
            (as_page, self.page, every),
        ):
            saved = button.click(write, asked, [file, note], **LONG)
            saved.then(None, file, None, js=SAVE, **PRIVATE)

    def link(self, state: ScreenState, chosen: str, method: str, tab: str) -> tuple[str, str]:
        """The query string of what was analysed, and what it leaves out."""
        return to_query(place_of(state, chosen, method, tab)), render("note.html", note=link_note(state.uploaded))

    def png(self, state: ScreenState, chosen: str, reading: str, method: str, route: str) -> tuple[Any, str]:
        """The map of what is chosen, with its title and its colour bar."""
        empty = maps.empty_sentence(state, relation=chosen in keys.RELATIONS)
        if empty is not None or state.picture is None:
            return "", render("note.html", note=empty)
        target = keys.target_of(state.analysis, chosen, reading)
        explanation = self.bench.explanation(state, target, method, route)
        data = maps.map_data(state, chosen, explanation, maps.scale_of(explanation, [explanation]))
        lines = maps.line_worths(state, data["cells"])
        cells, file = rows_of(data["cells"][:REGIONS]), io.BytesIO()
        draw_map(state.picture, cells, data["scale"], data["title"], data["unit"], lines).save(file, "PNG")
        written = base64.b64encode(file.getvalue()).decode()
        return _file(state, "png", "image/png", base64=written), ""

    def json(
        self,
        state: ScreenState,
        method: str,
        route: str,
        progress: gr.Progress = PROGRESS,
        request: gr.Request | None = None,
    ) -> tuple[Any, str]:
        """The analysis with all its maps as a JSON file."""

        def text(judged: list[Exported]) -> str:
            return json.dumps(analysis_json(state.analysis, judged), ensure_ascii=False, indent=1) + "\n"

        return self._written(state, ("json", "application/json"), text, method, route, progress, request)

    def page(
        self,
        state: ScreenState,
        method: str,
        route: str,
        progress: gr.Progress = PROGRESS,
        request: gr.Request | None = None,
    ) -> tuple[Any, str]:
        """The analysis as a web page that needs nothing else."""
        kind, text = ("html", "text/html"), functools.partial(analysis_html, state)
        return self._written(state, kind, text, method, route, progress, request)

    def _written(
        self,
        state: ScreenState,
        kind: tuple[str, str],
        text: Callable[[list[Exported]], str],
        method: str,
        route: str,
        progress: gr.Progress,
        request: gr.Request | None,
    ) -> tuple[Any, str]:
        """All maps with their verdicts as a file of a kind (ending, media type), unless somebody stops it."""
        try:
            return _file(state, *kind, text=text(self._judged(state, method, route, progress, request))), ""
        except StoppedError as ended:  # by somebody, or because its time was over, which says so
            return "", render("note.html", note=str(ended) or STOPPED)

    def _judged(
        self, state: ScreenState, method: str, route: str, progress: gr.Progress, request: gr.Request | None
    ) -> list[Exported]:
        """All maps with their verdicts, which takes some seconds a name."""
        if state.picture is None:
            return []
        stopped = self.bench.stops.begin(session_of(request), "save")
        explanations = self.bench.explanations(state, method, route, stopped)
        if state.closed:  # there is no map of a name then
            explanations = [one for one in explanations if one.target.span is None]
        judged: list[Exported] = []
        for one in progress.tqdm(explanations, desc="maps", unit="map"):
            judged.append((one, self.bench.verdict(state, one, stopped) if route == "total" else None))
        return judged

    # ---- arriving -------------------------------------------------------------------------------------------------

    def wire_arrival(self, demo: gr.Blocks) -> None:
        """Whoever comes by a link finds what it says; everybody gets the verdict on the map that is shown."""
        events, inputs, experts = self.events, self.events.inputs, self.events.experts
        asked = [events.state, events.chosen, experts.method]
        self.tabs.select(self.select_tab, asked, [self.tab, events.address], **QUIET, **SHORT)
        fields = [inputs.tweet, inputs.picture, inputs.sample, experts.gate, experts.fixed, experts.method]
        filled = [*fields, self.tabs, self.tab, *events.results]
        demo.load(self.arrive, None, filled, **QUIET, **SHORT)
        demo.unload(self.leave)

    def select_tab(self, state: ScreenState, chosen: str, method: str, event: gr.SelectData) -> tuple[str, str]:
        """The address follows the tab."""
        tab = TABS[event.index]
        return tab, to_query(place_of(state, chosen, method, tab))

    def leave(self, request: gr.Request) -> None:
        """The page was closed: nobody waits for its maps."""
        self.bench.stops.stop(session_of(request))

    def arrive(self, request: gr.Request) -> Any:
        """What a link's query string says; without one, what is there already."""
        place = from_query(dict(request.query_params))
        if place is None:
            tab = tab_of(dict(request.query_params))
            asked = {} if tab == TABS[0] else {self.tabs: gr.Tabs(selected=tab), self.tab: tab}
            return {self.events.fresh: "opened", **asked}  # somebody may have chosen another tab by now
        inputs, experts = self.events.inputs, self.events.experts
        sample = self.samples.get(place.sample or "")
        picture = None if sample is None or sample.picture is None else str(sample.picture)
        choice, fixed = choice_of(place.gate)
        fields = {
            inputs.tweet: place.text,
            inputs.picture: picture,
            inputs.sample: place.sample,
            experts.gate: choice,
            experts.fixed: gr.update(value=fixed, visible=isinstance(place.gate, float)),
            experts.method: place.method,
            self.tabs: gr.Tabs(selected=place.tab),
            self.tab: place.tab,
        }
        try:
            state = self.bench.analyse(place.text, picture, place.gate, sample=place.sample)
        except UserError as error:
            return fields | self.events.mistake(str(error))
        found = fields | self.events.show(state, place.method, wanted_key(place))
        found[self.events.fresh] = f"{state.key} opened"  # explained, also when it is the example of the page
        if place.uploaded:
            found[self.events.outputs.message] = gr.update(value=view.notice(PICTURE_LOST), visible=True)
        return found


def wanted_key(place: Place) -> str:
    """The key of the name that a link asks for; an empty one for none."""
    return "" if place.entity is None else keys.name_key(place.entity)


def file_name(text: str, ending: str, now: datetime) -> str:
    """A name that says of which tweet the file is, and of when."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
    return f"rpbert-{words or 'tweet'}-{now:%Y-%m-%d-%H%M}.{ending}"


def _file(state: ScreenState, ending: str, kind: str, **content: str) -> str:
    return json.dumps({"name": file_name(state.analysis.text, ending, datetime.now(UTC)), "type": kind, **content})
