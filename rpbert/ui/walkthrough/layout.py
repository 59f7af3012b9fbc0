"""What stands where on the tab "How it works"; what happens there is in `rpbert.ui.walkthrough.events`."""

from dataclasses import dataclass

import gradio as gr

from rpbert.ui.templating import render
from rpbert.ui.walkthrough.stories import Story, answers, question, story_panel

NOT_WALKED = "The numbers of the tweet on the tab “Analyse” stand here in a moment."


@dataclass(frozen=True)
class StoryParts:
    """A story to predict and reveal."""

    chosen: gr.Radio
    panel: gr.HTML
    guess: gr.Radio
    reveal: gr.Button
    walk: gr.Button
    result: gr.HTML


@dataclass(frozen=True)
class WalkParts:
    """One tweet's way through the model."""

    current: gr.Button
    steps: gr.HTML


def draw_walkthrough(stories: list[Story]) -> tuple[StoryParts, WalkParts]:
    """All components; the first story is open. Call inside the tab."""
    first = stories[0]
    gr.HTML(render("walkthrough/presenter.html"))
    with gr.Row(elem_id="walk-row"):
        with gr.Column(scale=7, min_width=320, elem_id="walk-column"):
            current = gr.Button("Walk the tweet of the tab “Analyse”", size="sm", elem_id="walk-current")
            steps = gr.HTML(render("note.html", note=NOT_WALKED), elem_id="walkthrough")
        with gr.Column(scale=4, min_width=320, elem_id="story-column"):
            gr.HTML(render("heading.html", heading="Predict, then look: five stories"))
            chosen = gr.Radio(
                [(story.title, number) for number, story in enumerate(stories)], value=0, label="Story", elem_id="story"
            )
            panel = gr.HTML(story_panel(first), elem_id="story-panel")
            guess = gr.Radio(answers(first), label=question(first), elem_id="story-guess")
            with gr.Row():
                reveal = gr.Button("Reveal", variant="primary", elem_id="story-reveal")
                load = gr.Button("Walk this story through the model", elem_id="story-walk")
            result = gr.HTML(elem_id="story-result")
    return StoryParts(chosen, panel, guess, reveal, load, result), WalkParts(current, steps)
