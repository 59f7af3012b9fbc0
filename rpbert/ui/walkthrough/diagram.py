"""The model as one picture, drawn from the numbers of one tweet: both passes, the gate, what comes out."""

from markupsafe import Markup

from rpbert.explain.walkthrough import STEPS, Walkthrough
from rpbert.ui.analyse.view import relation_rows
from rpbert.ui.templating import jpeg_data, render
from rpbert.ui.words import TYPE_COLOURS
from rpbert.ui.workbench import ScreenState

LINE_LETTERS, LINES = 24, 3  # of the tweet, as much as its box holds
NAMES = 7  # that the right edge has room for
BARS = 12  # words whose emissions are hinted at


def diagram(steps: Walkthrough, state: ScreenState) -> Markup:
    """The SVG; every part opens a step."""
    analysis = state.analysis
    gate = steps.gate
    return render(
        "walkthrough/diagram.svg",
        titles=[step.title for step in STEPS],
        lines=tweet_lines(analysis.text),
        pieces=sum(len(word.pieces) for word in steps.pieces) + 2,
        picture=None if state.picture is None else jpeg_data(state.picture, 160),
        scene=[_short(line.text, 16) for line in steps.scene[:2]],
        rows=[] if analysis.relation is None else relation_rows(analysis.relation),
        gate=None if gate is None else gate.value,
        masked=gate is not None and gate.masked,
        bars=[_height(scores) for scores in steps.emissions[:BARS]],
        labels=[label for label in steps.crf.best.labels if label.startswith("B-")][:NAMES],
        names=[
            {"text": _short(entity.text, 18), "type": entity.type, "p": entity.confidence}
            for entity in analysis.entities[:NAMES]
        ],
        colours=TYPE_COLOURS,
    )


def tweet_lines(text: str) -> list[str]:
    """The beginning of a tweet, in as many lines as its box has; the last one says if there is more."""
    lines, words = [""], text.split()
    for number, word in enumerate(words):
        if len(lines[-1]) + len(word) + 1 <= LINE_LETTERS or not lines[-1]:
            lines[-1] = f"{lines[-1]} {word}".strip()
        elif len(lines) < LINES:
            lines.append(word)
        else:
            lines[-1] = _short(lines[-1] + " " + " ".join(words[number:]), LINE_LETTERS)
            break
    return [_short(line, LINE_LETTERS) for line in lines]


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "…"


def _height(scores: tuple[float, ...]) -> float:
    """How far the best label leads over the next one, 0 to 1: a hint at how sure a word is."""
    first, second = sorted(scores, reverse=True)[:2]
    return min(1.0, (first - second) / 8)
