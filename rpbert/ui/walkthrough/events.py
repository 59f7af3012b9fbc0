"""The tab "How it works": five stories to predict, then the walkthrough of a tweet through the model."""

import html
from typing import Any

import gradio as gr

from rpbert.errors import UserError
from rpbert.explain.walkthrough import walk
from rpbert.model.pictures import open_picture
from rpbert.ui.analyse import view as analyse
from rpbert.ui.analyse.card import figure
from rpbert.ui.analyse.events import MODEL, PRIVATE
from rpbert.ui.walkthrough.stories import (
    Evidence,
    Story,
    answers,
    explain_outcome,
    load_stories,
    outcome,
    question,
    reading_name,
)
from rpbert.ui.walkthrough.view import walkthrough_html
from rpbert.ui.workbench import Shown, Workbench

UNGUESSED = '<p class="notice" role="alert">Choose your prediction first; then see what the model does.</p>'
NOT_WALKED = '<p class="empty">The numbers of the tweet on the tab “Analyse” stand here in a moment.</p>'


def add_walkthrough_tab(bench: Workbench, state: gr.State) -> None:
    """Draw and wire the tab; call inside the page's `gr.Tabs`. `state` holds the `Shown` of the Analyse tab."""
    stories = load_stories()
    first = stories[0]
    with gr.Tab("How it works", id="how-it-works") as tab:
        gr.HTML("<h2>Predict, then look: five stories</h2>")
        chosen = gr.Radio(
            [(story.title, number) for number, story in enumerate(stories)], value=0, label="Story", elem_id="story"
        )
        panel = gr.HTML(story_panel(first), elem_id="story-panel")
        guess = gr.Radio(answers(first), label=question(first), elem_id="story-guess")
        with gr.Row():
            reveal = gr.Button("Reveal what the model does", variant="primary", elem_id="story-reveal")
            load = gr.Button("Walk this story through the model", elem_id="story-walk")
        result = gr.HTML(elem_id="story-result")
        gr.HTML("<h2>One tweet's way through the model</h2>")
        current = gr.Button("Walk the tweet of the tab “Analyse”", size="sm", elem_id="walk-current")
        steps = gr.HTML(NOT_WALKED, elem_id="walkthrough")

    def choose(number: int) -> tuple[str, Any, str]:
        story = stories[number]
        return story_panel(story), gr.update(choices=answers(story), label=question(story), value=None), ""

    def compare(number: int, guessed: str | None, shown: Shown) -> str:
        if guessed is None:
            return UNGUESSED
        try:
            return revealed(stories[number], evidence_of(bench, stories[number], shown.checkpoint), guessed)
        except UserError as error:
            return analyse.mistake(str(error))

    def walk_story(number: int, shown: Shown) -> str:
        try:
            story = stories[number]
            return walked(bench, bench.analyse(story.text, story.picture, story.gate, shown.checkpoint))
        except UserError as error:
            return analyse.mistake(str(error))

    def walk_current(shown: Shown) -> str:
        return walked(bench, shown)

    chosen.input(choose, chosen, [panel, guess, result], **PRIVATE)
    reveal.click(compare, [chosen, guess, state], result, **MODEL, **PRIVATE)
    load.click(walk_story, [chosen, state], steps, **MODEL, **PRIVATE)
    gr.on([tab.select, current.click], walk_current, state, steps, **MODEL, **PRIVATE)


def story_panel(story: Story) -> str:
    """Tweet, picture and gate of a story, as HTML."""
    picture = figure(open_picture(story.picture).image, story.alt, html.escape(story.alt))
    return (
        f'<div class="story"><blockquote>{html.escape(story.text)}</blockquote>{picture}'
        f'<p class="key">Gate: {html.escape(str(story.gate))}.</p></div>'
    )


def evidence_of(bench: Workbench, story: Story, checkpoint: int) -> Evidence:
    """What a checkpoint says of a story, with its gate and with the gate closed."""
    gates = (story.gate, "closed")
    return Evidence(*(bench.analyse(story.text, story.picture, gate, checkpoint).analysis for gate in gates))


def revealed(story: Story, evidence: Evidence, guessed: str) -> str:
    """Whether the learner was right, what the model does and why, as HTML."""
    known, actual = {key: text for text, key in answers(story)}, outcome(story, evidence)
    right = "✓ Your prediction was right." if guessed == actual else "✗ Your prediction was not right."
    answer = known.get(actual) or f"As {reading_name(actual)}, which was not among the answers"
    sentences = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in explain_outcome(story, evidence))
    return (
        f'<div class="revealed" role="status"><p><strong>{right}</strong> The model’s answer: '
        f"{html.escape(answer)}.</p>{sentences}{_both_ways(evidence)}</div>"
    )


def _both_ways(evidence: Evidence) -> str:
    """The names with the picture and from the text alone, as a list."""
    rows = {"With the picture": evidence.shown, "From the text alone": evidence.alone}
    items = []
    for way, analysis in rows.items():
        names = [f"{html.escape(e.text)}: {e.type} ({e.confidence:.2f})" for e in analysis.entities]
        items.append(f"<li>{way}, gate {analysis.gate:.2f}: {', '.join(names) or 'no names'}</li>")
    return f'<ul>{"".join(items)}</ul><p class="key">In brackets: confidence, a probability from 0 to 1.</p>'


def walked(bench: Workbench, shown: Shown) -> str:
    """The walkthrough of an analysis, under the tweet it is of, as HTML."""
    analyzer, gate = bench.analyzer(shown), shown.analysis.gate_setting
    steps = bench.memory.get((shown.key, "walk"), lambda: walk(analyzer, shown.prepared, gate))
    looks = bench.attention(shown) if shown.picture is not None and shown.analysis.entities else []
    tweet = f"<blockquote>{html.escape(shown.analysis.text)}</blockquote>"
    notices = "".join(f'<p class="notice">{html.escape(warning)}</p>' for warning in shown.analysis.warnings)
    return f'<div class="story">{tweet}</div>{notices}{walkthrough_html(steps, shown, looks)}'
