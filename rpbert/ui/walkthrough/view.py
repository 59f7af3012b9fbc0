"""The walkthrough of one tweet as HTML: for each step its sentence, its code, and this tweet's own numbers.

Plain functions from results to HTML, without gradio; every word of the user's is escaped.
"""

import html
import itertools
import math
from collections.abc import Iterable, Sequence

from PIL import Image, ImageDraw

from rpbert.explain.attention import Attention
from rpbert.explain.methods import Grid
from rpbert.explain.walkthrough import STEPS, GateStep, Path, RelationScore, Walkthrough
from rpbert.model.configuration import GRID
from rpbert.ui.analyse.card import figure
from rpbert.ui.workbench import Shown

NO_PICTURE = '<p class="empty">No picture was given: this step is left out, and the text is read alone.</p>'


def walkthrough_html(steps: Walkthrough, shown: Shown, attention: Sequence[Attention]) -> str:
    """All steps; `attention` is that of every name, empty without a picture."""
    words = [word.text for word in steps.pieces][: len(steps.emissions)]
    numbers = (
        _pieces(steps),
        _regions(steps, shown),
        _scene(steps),
        _relation(steps),
        _gate(steps),
        _second_pass(steps, shown, attention),
        _emissions(steps, words),
        _transitions(steps.crf.best, words),
        _paths(steps, words),
    )
    sections = [
        f'<section class="step"><h3>{number}. {html.escape(step.title)}</h3>'
        f"<p>{html.escape(step.sentence)} <code>{html.escape(step.code)}</code></p>{body}</section>"
        for number, (step, body) in enumerate(zip(STEPS, numbers, strict=True), start=1)
    ]
    return f'<div class="walkthrough">{"".join(sections)}</div>'


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in a box that scrolls by itself; cells are HTML, the first of a row is its header."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>' for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table: {html.escape(caption)}"><table>'
        f"<caption>{html.escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _pieces(steps: Walkthrough) -> str:
    read = sum(len(word.pieces) for word in steps.pieces)
    first, last = (html.escape(piece) for piece in steps.special)
    rows = []
    for word in steps.pieces:
        pieces = " ".join(f"<code>{html.escape(piece)}</code>" for piece in word.pieces) or "none"
        rows.append([html.escape(word.text), pieces + (" (cut off: beyond the limit)" if word.cut_off else "")])
    return (
        f"<p>Here {len(steps.pieces)} words give {read} pieces; with <code>{first}</code> before and "
        f"<code>{last}</code> after them, BERT reads {read + 2}. A piece that begins with ## "
        "goes on with the word before it.</p>"
    ) + _table("The words and their pieces", ["Word", "Pieces"], rows)


def _regions(steps: Walkthrough, shown: Shown) -> str:
    if steps.regions is None or shown.picture is None:
        return NO_PICTURE
    lengths = list(itertools.chain(*steps.regions.before))
    caption = (
        f"The 49 regions. After the projection into BERT's space their vectors have lengths from {min(lengths):.2f} to "
        f"{max(lengths):.2f} (Euclidean, without unit)."
    )
    return figure(_with_grid(shown.picture), "The picture, divided into 7 rows of 7 regions.", caption)


def _with_grid(picture: Image.Image) -> Image.Image:
    gridded = picture.copy()
    draw = ImageDraw.Draw(gridded)
    for line in range(1, GRID):
        x, y = line * picture.width // GRID, line * picture.height // GRID
        for colour, width in (("black", 5), ("white", 2)):
            draw.line((x, 0, x, picture.height), fill=colour, width=width)
            draw.line((0, y, picture.width, y), fill=colour, width=width)
    return gridded


def _scene(steps: Walkthrough) -> str:
    if steps.regions is None:
        return NO_PICTURE
    if not steps.scene:
        return "<p>No words were found in this picture.</p>"
    rows = [
        [
            html.escape(line.text),
            " ".join(f"<code>{html.escape(piece)}</code>" for piece in line.pieces),
            html.escape(", ".join(line.shared)) or "none",
        ]
        for line in steps.scene
    ]
    return _table("The words in the picture", ["Line", "Pieces", "Words of the tweet that stand in it"], rows)


def _relation(steps: Walkthrough) -> str:
    relation = steps.relation
    if relation is None:
        return NO_PICTURE
    scores = {} if relation.belongs is None else {"The picture belongs to the tweet": relation.belongs}
    scores |= {
        "Given that, it adds to the tweet": relation.image_adds,
        "Given that, it shows what the tweet says": relation.text_represented,
    }
    head = ["Relation", "From [CLS] (nats)", "From the pair itself (nats)", "Log-odds: their sum (nats)", "Probability"]
    table = _table("What pass 1 says of tweet and picture", head, [_score_row(*score) for score in scores.items()])
    if relation.similarity is None:
        return table
    return table + (
        f"<p>The matching compares one vector of the text with one of the picture: their cosine similarity is "
        f"{relation.similarity:+.2f} (from −1 to 1).</p>"
    )


def _score_row(name: str, score: RelationScore) -> list[str]:
    matching = "not in this checkpoint" if score.from_pair is None else f"{score.from_pair:+.2f}"
    return [name, f"{score.from_cls:+.2f}", matching, f"{score.log_odds:+.2f}", f"{score.probability:.2f}"]


def _gate(steps: Walkthrough) -> str:
    if steps.gate is None or steps.regions is None:
        return NO_PICTURE
    scale = max(map(max, steps.regions.before))
    grids = {"Before the gate": steps.regions.before, "After the gate": steps.regions.after}
    tables = "".join(
        _grid_table(f"{name}: length of each region's vector", grid, scale) for name, grid in grids.items()
    )
    return f'<p>{_gate_sentence(steps.gate)}</p><div class="side-by-side">{tables}</div>'


def _gate_sentence(gate: GateStep) -> str:
    setting = gate.setting if isinstance(gate.setting, str) else "fixed by you"
    sentence = f"The setting is “{setting}”, the factor {gate.value:.3f}."
    if gate.masked:
        return f"{sentence} The gate is closed: pass 2 cannot look at the regions at all."
    if gate.value == 0:
        return f"{sentence} The vectors become zero, but pass 2 still sees 49 empty regions: that is not a closed gate."
    return sentence


def _grid_table(caption: str, grid: Grid, scale: float) -> str:
    """7 by 7 lengths; the shade repeats the number, with the longest of all at full strength."""
    head = ["Row", *map(str, range(1, GRID + 1))]
    cells = [
        [str(row), *(f'<span style="--share:{100 * value / scale:.0f}%">{value:.1f}</span>' for value in values)]
        for row, values in enumerate(grid, start=1)
    ]
    return f'<div class="regions">{_table(f"{caption}; rows from the top, columns from the left", head, cells)}</div>'


def _second_pass(steps: Walkthrough, shown: Shown, attention: Sequence[Attention]) -> str:
    read = sum(len(word.pieces) for word in steps.pieces) + 2
    if steps.gate is None:
        return f"<p>Without a picture there is one pass only, over {read} pieces.</p>"
    beside = "without the regions, which are masked out" if steps.gate.masked else "beside 49 gated regions"
    sentence = f"<p>{read} pieces are read {beside}.</p>"
    if not attention:
        return sentence
    rows = [
        [html.escape(name.text), *(f"{100 * one.on_picture:.0f} %" for one in (looks.before, looks.after))]
        for name, looks in zip(shown.analysis.entities, attention, strict=True)
    ]
    caption = "Share of the attention of each name that goes to the picture (mean over layers and heads)"
    return sentence + _table(caption, ["Name", "Pass 1, before the gate", "Pass 2, after the gate"], rows)


def _emissions(steps: Walkthrough, words: Sequence[str]) -> str:
    rows, overruled = [], []
    for word, scores, label in zip(words, steps.emissions, steps.crf.best.labels, strict=True):
        best = steps.labels[scores.index(max(scores))]
        cells = [
            f"<strong>{score:+.1f} ←</strong>" if name == best else f"{score:+.1f}"
            for name, score in zip(steps.labels, scores, strict=True)
        ]
        rows.append([html.escape(word), *cells, label])
        if label != best:
            overruled.append(f"“{html.escape(word)}” ({best} → {label})")
    caption = "Emissions (logits); the highest of each word is bold and marked ←"
    neighbours = (
        f"The CRF overrules the highest emission of: {', '.join(overruled)}."
        if overruled
        else "Here the CRF keeps the highest emission of every word."
    )
    return _table(caption, ["Word", *steps.labels, "Label on the best path"], rows) + f"<p>{neighbours}</p>"


def _transitions(path: Path, words: Sequence[str]) -> str:
    rows = [["Beginning", path.labels[0], f"{path.start:+.2f}"]]
    for number, score in enumerate(path.transitions):
        (word, after), (label, other) = words[number : number + 2], path.labels[number : number + 2]
        rows.append([f"{html.escape(word)} → {html.escape(after)}", f"{label} → {other}", f"{score:+.2f}"])
    rows.append(["End", path.labels[-1], f"{path.end:+.2f}"])
    caption = "Scores of the steps of the best path, which are added to the emissions (logits)"
    return _table(caption, ["Step", "Labels", "Score"], rows)


def _paths(steps: Walkthrough, words: Sequence[str]) -> str:
    best, second = steps.crf.best, steps.crf.runner_up
    head = ["Path", "Emissions", "Transitions, with beginning and end", "Score: their sum", "Log-probability (nats)"]
    scores = _table(
        "The two best paths", [*head, "Probability"], [_path_row("Best", best), _path_row("Runner-up", second)]
    )
    rows = [[html.escape(words[word]), best.labels[word], second.labels[word]] for word in steps.crf.differs]
    differs = _table("Where the two differ", ["Word", "Best path", "Runner-up"], rows)
    return f"{scores}{differs}<p>{_not_the_confidence(steps.crf.temperature)}</p>"


def _path_row(name: str, path: Path) -> list[str]:
    emissions = sum(path.emissions)
    probability = math.exp(path.log_probability)
    numbers = [f"{value:+.2f}" for value in (emissions, path.score - emissions, path.score)]
    return [name, *numbers, f"{path.log_probability:.3f}", f"{probability:.3f}"]


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
