"""The walkthrough of one tweet: for each step its sentence, its code, and this tweet's own numbers.

Plain functions from results to the parts that templates/walkthrough/steps.html puts on the page.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup
from PIL import Image, ImageDraw

from rpbert.explain.attention import Attention
from rpbert.explain.methods import Grid
from rpbert.explain.walkthrough import STEPS, GateStep, Path, RelationScore, Walkthrough
from rpbert.explain.what_if import GateScan
from rpbert.model.configuration import GRID
from rpbert.ui.templating import jpeg_data, render
from rpbert.ui.walkthrough.diagram import diagram
from rpbert.ui.workbench import ScreenState

NO_PICTURE = "No picture was given: this step is left out, and the text is read alone."


@dataclass(frozen=True)
class Table:
    """A table in a box that scrolls by itself; the first cell of a row is its header."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Part:
    """What one step shows; what is empty is left out."""

    sentences: list[str] = field(default_factory=list)
    image: str = ""  # a data URI
    alt: str = ""
    tables: list[Table] = field(default_factory=list)
    grids: list[tuple[str, list[list[tuple[str, float]]]]] = field(default_factory=list)  # caption, (number, share)
    notes: list[str] = field(default_factory=list)  # below the tables


def walkthrough_panel(
    steps: Walkthrough, state: ScreenState, attention: Sequence[Attention], scans: Sequence[GateScan]
) -> Markup:
    """The diagram and all steps; `attention` is that of every name, empty without a picture."""
    words = [word.text for word in steps.pieces][: len(steps.emissions)]
    parts = (
        _pieces(steps),
        _regions(steps, state),
        _scene(steps),
        _relation(steps),
        _gate(steps),
        _second_pass(steps, state, attention),
        _emissions(steps, words),
        _transitions(steps.crf.best, words),
        _paths(steps, words),
    )
    return render(
        "walkthrough/steps.html",
        text=state.analysis.text,
        warnings=state.analysis.warnings,
        diagram=diagram(steps, state),
        steps=list(zip(STEPS, parts, strict=True)),
        gate=None if steps.gate is None else steps.gate.value,
        scans=[
            {"text": scan.entity.text, "best": scan.best, "confidences": [round(p, 3) for p in scan.confidences]}
            for scan in scans
        ],
    )


def _pieces(steps: Walkthrough) -> Part:
    read = sum(len(word.pieces) for word in steps.pieces)
    first, last = steps.special
    rows = []
    for word in steps.pieces:
        pieces = " ".join(word.pieces) or "none"
        rows.append([word.text, pieces + (" (cut off: beyond the limit)" if word.cut_off else "")])
    sentence = (
        f"Here {len(steps.pieces)} words give {read} pieces; with {first} before and {last} after them, BERT reads "
        f"{read + 2}. A piece that begins with ## goes on with the word before it."
    )
    return Part([sentence], tables=[Table("The words and their pieces", ["Word", "Pieces"], rows)])


def _regions(steps: Walkthrough, state: ScreenState) -> Part:
    if steps.regions is None or state.picture is None:
        return Part([NO_PICTURE])
    lengths = list(itertools.chain(*steps.regions.before))
    sentence = (
        f"The 49 regions. After the projection into BERT's space their vectors have lengths from {min(lengths):.2f} to "
        f"{max(lengths):.2f} (Euclidean, without unit)."
    )
    image = jpeg_data(_with_grid(state.picture), 360)
    return Part([sentence], image=image, alt="The picture, divided into 7 rows of 7 regions.")


def _with_grid(picture: Image.Image) -> Image.Image:
    gridded = picture.copy()
    draw = ImageDraw.Draw(gridded)
    for line in range(1, GRID):
        x, y = line * picture.width // GRID, line * picture.height // GRID
        for colour, width in (("black", 5), ("white", 2)):
            draw.line((x, 0, x, picture.height), fill=colour, width=width)
            draw.line((0, y, picture.width, y), fill=colour, width=width)
    return gridded


def _scene(steps: Walkthrough) -> Part:
    if steps.regions is None:
        return Part([NO_PICTURE])
    if not steps.scene:
        return Part(["No words were found in this picture."])
    rows = [[line.text, " ".join(line.pieces), ", ".join(line.shared) or "none"] for line in steps.scene]
    head = ["Line", "Pieces", "Words of the tweet that stand in it"]
    return Part(tables=[Table("The words in the picture", head, rows)])


def _relation(steps: Walkthrough) -> Part:
    relation = steps.relation
    if relation is None:
        return Part([NO_PICTURE])
    scores = {} if relation.belongs is None else {"The picture belongs to the tweet": relation.belongs}
    scores |= {
        "Given that, it adds to the tweet": relation.image_adds,
        "Given that, it shows what the tweet says": relation.text_represented,
    }
    head = ["Relation", "From [CLS] (nats)", "From the pair itself (nats)", "Log-odds: their sum (nats)", "Probability"]
    table = Table("What pass 1 says of tweet and picture", head, [_score_row(*score) for score in scores.items()])
    notes = []
    if relation.similarity is not None:
        notes.append(
            "The matching compares one vector of the text with one of the picture: their cosine similarity is "
            f"{relation.similarity:+.2f} (from −1 to 1)."
        )
    if relation.said is not None:
        notes.append(f"The words in the picture are read as a sentence, too: its similarity is {relation.said:+.2f}.")
    return Part(tables=[table], notes=notes)


def _score_row(name: str, score: RelationScore) -> list[str]:
    pair = "not in this checkpoint" if score.from_pair is None else f"{score.from_pair:+.2f}"
    return [name, f"{score.from_cls:+.2f}", pair, f"{score.log_odds:+.2f}", f"{score.probability:.2f}"]


def _gate(steps: Walkthrough) -> Part:
    if steps.gate is None or steps.regions is None:
        return Part([NO_PICTURE])
    scale = max(map(max, steps.regions.before))
    named = {"Before the gate": steps.regions.before, "After the gate": steps.regions.after}
    grids = [(f"{name}: length of each region's vector", _shares(grid, scale)) for name, grid in named.items()]
    return Part([_gate_sentence(steps.gate)], grids=grids)


def _shares(grid: Grid, scale: float) -> list[list[tuple[str, float]]]:
    """Each number as it is written, and its share of the longest of all, in percent."""
    return [[(f"{value:.1f}", 100 * value / scale) for value in row] for row in grid]


def _gate_sentence(gate: GateStep) -> str:
    setting = gate.setting if isinstance(gate.setting, str) else "fixed by you"
    sentence = f"The setting is “{setting}”, the factor {gate.value:.3f}."
    if gate.masked:
        return f"{sentence} The gate is closed: pass 2 cannot look at the picture at all."
    if gate.value == 0:
        return f"{sentence} The vectors become zero, but pass 2 still sees 49 empty regions: that is not a closed gate."
    return sentence


def _second_pass(steps: Walkthrough, state: ScreenState, attention: Sequence[Attention]) -> Part:
    read = sum(len(word.pieces) for word in steps.pieces) + 2
    if steps.gate is None:
        return Part([f"Without a picture there is one pass only, over {read} pieces."])
    beside = "without the regions, which are masked out" if steps.gate.masked else "beside 49 gated regions"
    sentence = f"{read} pieces are read {beside}."
    if not attention:
        return Part([sentence])
    rows = [
        [name.text, *(f"{100 * one.on_picture:.0f} %" for one in (looks.before, looks.after))]
        for name, looks in zip(state.analysis.entities, attention, strict=True)
    ]
    caption = "Share of the attention of each name that goes to the picture (mean over layers and heads)"
    return Part(
        [sentence], tables=[Table(caption, ["Name", "Pass 1, before the gate", "Pass 2, after the gate"], rows)]
    )


def _emissions(steps: Walkthrough, words: Sequence[str]) -> Part:
    rows, overruled = [], []
    for word, scores, label in zip(words, steps.emissions, steps.crf.best.labels, strict=True):
        best = steps.labels[scores.index(max(scores))]
        cells = [
            f"{score:+.1f} ←" if name == best else f"{score:+.1f}"
            for name, score in zip(steps.labels, scores, strict=True)
        ]
        rows.append([word, *cells, label])
        if label != best:
            overruled.append(f"“{word}” ({best} → {label})")
    neighbours = (
        f"The CRF overrules the highest emission of: {', '.join(overruled)}."
        if overruled
        else "Here the CRF keeps the highest emission of every word."
    )
    caption = "Emissions (logits); the highest of each word is marked ←"
    return Part(tables=[Table(caption, ["Word", *steps.labels, "Label on the best path"], rows)], notes=[neighbours])


def _transitions(path: Path, words: Sequence[str]) -> Part:
    rows = [["Beginning", path.labels[0], f"{path.start:+.2f}"]]
    for number, score in enumerate(path.transitions):
        (word, after), (label, other) = words[number : number + 2], path.labels[number : number + 2]
        rows.append([f"{word} → {after}", f"{label} → {other}", f"{score:+.2f}"])
    rows.append(["End", path.labels[-1], f"{path.end:+.2f}"])
    caption = "Scores of the steps of the best path, which are added to the emissions (logits)"
    return Part(tables=[Table(caption, ["Step", "Labels", "Score"], rows)])


def _paths(steps: Walkthrough, words: Sequence[str]) -> Part:
    best, second = steps.crf.best, steps.crf.runner_up
    head = ["Path", "Emissions", "Transitions, with beginning and end", "Score: their sum", "Log-probability (nats)"]
    scores = Table(
        "The two best paths", [*head, "Probability"], [_path_row("Best", best), _path_row("Runner-up", second)]
    )
    rows = [[words[word], best.labels[word], second.labels[word]] for word in steps.crf.differs]
    differs = Table("Where the two differ", ["Word", "Best path", "Runner-up"], rows)
    return Part(tables=[scores, differs], notes=[_not_the_confidence(steps.crf.temperature)])


def _path_row(name: str, path: Path) -> list[str]:
    emissions = sum(path.emissions)
    numbers = [f"{value:+.2f}" for value in (emissions, path.score - emissions, path.score)]
    return [name, *numbers, f"{path.log_probability:.3f}", f"{math.exp(path.log_probability):.3f}"]


def _not_the_confidence(temperature: float) -> str:
    sentence = (
        "A path's probability is that of all its labels together. It is not the confidence of a name that the page "
        "shows, which adds up all paths in which the name has its words and its type"
    )
    if temperature == 1:
        return f"{sentence}."
    return (
        f"{sentence}, and first divides all scores by the temperature {temperature:.2f}, fitted after training so that "
        "confidences are neither too high nor too low. The numbers here are at temperature 1."
    )
