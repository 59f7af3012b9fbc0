"""The tab "How it works": one tweet's way through the model, and five stories to predict."""

from typing import Any

import gradio as gr

from rpbert.errors import UserError
from rpbert.ui.analyse import view as analyse
from rpbert.ui.common import QUIET, SHORT
from rpbert.ui.walkthrough.layout import StoryParts, WalkParts, draw_walkthrough
from rpbert.ui.walkthrough.stories import (
    UNGUESSED,
    answers,
    evidence_of,
    load_stories,
    question,
    revealed,
    story_panel,
)
from rpbert.ui.walkthrough.view import walkthrough_panel
from rpbert.ui.workbench import ScreenState, Workbench

Update = dict[Any, Any]


def add_walkthrough_tab(bench: Workbench, state: gr.State) -> None:
    """Draw and wire the tab; call inside the page's `gr.Tabs`."""
    with gr.Tab("How it works", id="how-it-works") as tab:
        WalkthroughEvents(bench, state, *draw_walkthrough(load_stories())).wire(tab)


class WalkthroughEvents:
    """The handlers, on the components that they change."""

    def __init__(self, bench: Workbench, state: gr.State, story: StoryParts, walk: WalkParts) -> None:
        self.bench, self.state, self.story, self.walk = bench, state, story, walk
        self.stories = load_stories()

    def wire(self, tab: gr.Tab) -> None:
        """Connect everything."""
        story, walk = self.story, self.walk
        chosen = [story.panel, story.guess, story.result]
        story.chosen.input(self.choose, story.chosen, chosen, **QUIET, **SHORT)
        story.reveal.click(self.compare, [story.chosen, story.guess, self.state], story.result, **SHORT)
        story.walk.click(self.walk_story, [story.chosen, self.state], walk.steps, **QUIET, **SHORT)
        gr.on([tab.select, walk.current.click], self.walk_current, self.state, walk.steps, **QUIET, **SHORT)

    def choose(self, number: int) -> Update:
        """Another story, with nothing predicted yet."""
        story = self.stories[number]
        guess = gr.update(choices=answers(story), label=question(story), value=None)
        return {self.story.panel: story_panel(story), self.story.guess: guess, self.story.result: ""}

    def compare(self, number: int, guessed: str | None, state: ScreenState) -> str:
        """What the model does, held against the prediction."""
        if guessed is None:
            return analyse.notice(UNGUESSED)
        try:
            story = self.stories[number]
            return revealed(story, evidence_of(self.bench, story, state.checkpoint), guessed)
        except UserError as error:
            return analyse.mistake(str(error))

    def walk_story(self, number: int, state: ScreenState) -> str:
        """A story's tweet through the model."""
        try:
            story = self.stories[number]
            return self.walk_current(self.bench.analyse(story.text, story.picture, story.gate, state.checkpoint))
        except UserError as error:
            return analyse.mistake(str(error))

    def walk_current(self, state: ScreenState) -> str:
        """The walkthrough of an analysis."""
        with self.bench.turns.short():
            steps, looks = self.bench.walkthrough(state), self.bench.attention(state)
            return walkthrough_panel(steps, state, looks, self.bench.scans(state))
