"""The tab "About": what the page is, which checkpoint answers, how it was made, whose pictures it shows."""

from pathlib import Path

import gradio as gr

from rpbert.analyzer import Analyzer
from rpbert.model.checkpoint import checkpoint_identity
from rpbert.shipped import DEFAULT_CHECKPOINT
from rpbert.ui.samples import SAMPLES
from rpbert.ui.templating import render
from rpbert.ui.words import GLOSSARY
from rpbert.ui.workbench import Workbench

WHAT = """## About this page

This page demonstrates **RpBERT**, a model that finds names in a tweet and lets the tweet's picture help as far as it
believes that the picture relates to the words. It is meant for teaching, for demonstrations and for studying the
model's errors.

The paper: Lin Sun, Jiquan Wang, Kai Zhang, Yindu Su, Fangsheng Weng: *RpBERT: A Text-image Relation Propagation-based
BERT Model for Multimodal NER*. AAAI 2021. https://arxiv.org/abs/2102.02967

### Privacy

Nothing you enter is sent to another service or kept on record. Analyses stand in the memory of the computer that runs
this page until later ones push them out. An uploaded picture lies there in a temporary folder. It is deleted after an
hour, and at the latest when the app ends. Your browser keeps your last picture for the tab, so that it survives a
reload; it is gone when you close the tab.

### Limits

- The model is small and makes mistakes, on the picture's account too. A confidence is its own estimate, not a promise.
- It was made for English tweets. It does not recognise faces and cannot tell who is in a picture.
- The heatmaps say what changes the model's numbers. They do not say what is true of the picture.
- Do not use it for decisions about people.
"""


def add_about_tab(bench: Workbench) -> None:
    """Draw the tab; call inside the page's `gr.Tabs`."""
    with gr.Tab("About", id="about"):
        gr.Markdown(WHAT)
        gr.HTML(render("heading.html", heading="Words on this page") + render("glossary.html", glossary=GLOSSARY))
        gr.Markdown(checkpoints_text(bench.analyzers), elem_id="checkpoints")
        with gr.Accordion("Model card of the checkpoint that comes with this page", open=False):
            gr.Markdown(card_text(DEFAULT_CHECKPOINT, bench.analyzers), elem_id="model-card")
        gr.Markdown(licences_text(), elem_id="licences")


def checkpoints_text(analyzers: list[Analyzer]) -> str:
    """The loaded checkpoints, as Markdown."""
    lines = [f"- `{one.identity}`: {_training(one)}" for one in analyzers]
    return "### Checkpoints in use\n\n" + "\n".join(lines)


def _training(analyzer: Analyzer) -> str:
    if analyzer.trained:
        return "comes out of training, as its configuration says."
    return "**has no training record: its answers may mean nothing.**"


def card_text(folder: Path, analyzers: list[Analyzer]) -> str:
    """The model card in a checkpoint's folder, as Markdown without its front matter, headings two levels down."""
    card = folder / "README.md"
    if not card.is_file() or checkpoint_identity(folder) not in [one.identity for one in analyzers]:
        return "The checkpoint that comes with this page is not in use, so no model card is shown."
    return _deeper(_without_front_matter(card.read_text(encoding="utf-8")))


def _without_front_matter(text: str) -> str:
    """What follows the metadata between the first two lines of `---`."""
    if not text.startswith("---\n"):
        return text
    return text.split("\n---\n", 1)[1].lstrip("\n")


def _deeper(text: str) -> str:
    """Headings two levels down, so that they follow those of the page; lines of code stay."""
    lines, code = [], False
    for line in text.splitlines():
        code ^= line.startswith("```")
        lines.append(f"##{line}" if line.startswith("#") and not code else line)
    return "\n".join(lines)


def licences_text() -> str:
    """Whose pictures the examples are, as Markdown."""
    return "### Pictures of the examples\n\n" + (SAMPLES / "LICENSES.md").read_text(encoding="utf-8")
