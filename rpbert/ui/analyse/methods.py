"""The methods in one row, on one scale: do their maps agree, and which is to be believed?"""

import html
from collections.abc import Sequence

from scipy.stats import spearmanr

from rpbert.explain.faithfulness import Verdict
from rpbert.explain.methods import METHOD_NAMES, Explanation
from rpbert.explain.overlays import describe_grid, draw_overlay
from rpbert.ui.analyse.card import figure
from rpbert.ui.workbench import Shown

Judged = tuple[Explanation, Verdict]


def method_row(shown: Shown, judged: Sequence[Judged]) -> str:
    """Maps of one target by several methods, with verdicts, seconds and rank correlations, as HTML."""
    assert shown.picture is not None
    scale = max(explanation.strength for explanation, _ in judged)
    figures = []
    for explanation, verdict in judged:
        name = METHOD_NAMES[explanation.method]
        strongest = describe_grid(explanation.grid) if explanation.strength else "No cell has an effect."
        caption = (
            f"<strong>{name}</strong>, {explanation.seconds:.1f} s. Strongest cell {explanation.strength:.3f} nats. "
            f"{verdict.sentence()}"
        )
        image = draw_overlay(shown.picture, explanation.grid, scale)
        figures.append(figure(image, f"{name}. {strongest}", caption))
    target = html.escape(judged[0][0].target.describe())
    intro = f"<p>All maps of: {target}. One scale: full colour is {scale:.3f} nats.</p>"
    return f'{intro}<div class="side-by-side">{"".join(figures)}</div>{_correlations(judged)}'


def _correlations(judged: Sequence[Judged]) -> str:
    """Spearman's rank correlation of every two maps as a table."""
    if len(judged) < 2:
        return ""
    names = [METHOD_NAMES[explanation.method] for explanation, _ in judged]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = []
    for name, (explanation, _) in zip(names, judged, strict=True):
        cells = "".join(f"<td>{rank_correlation(explanation, other)}</td>" for other, _ in judged)
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    caption = "Rank correlation of the 49 cells (Spearman; 1 same order, 0 unrelated, −1 opposite order)"
    return f"<table><caption>{caption}</caption><thead><tr><td></td>{head}</tr></thead>{''.join(rows)}</table>"


def rank_correlation(first: Explanation, second: Explanation) -> str:
    """Spearman's correlation of two maps with two decimals; a dash where a map has no order, being all the same."""
    if any(len(set(explanation.cells)) == 1 for explanation in (first, second)):
        return "–"
    return f"{spearmanr(first.cells, second.cells).statistic:.2f}"
