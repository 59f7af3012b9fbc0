"""The methods in one row, on one scale: do their maps agree, and which is to be believed?"""

from collections.abc import Sequence

import pandas as pd

from rpbert.explain.faithfulness import Verdict
from rpbert.explain.methods import METHOD_NAMES, Explanation
from rpbert.explain.overlays import describe_grid, draw_overlay
from rpbert.ui.templating import jpeg_data, render
from rpbert.ui.workbench import ScreenState


def method_row(state: ScreenState, judged: Sequence[tuple[Explanation, Verdict]]) -> str:
    """Maps of one target by several methods, with verdicts, seconds and rank correlations."""
    assert state.picture is not None
    scale = max(explanation.strength for explanation, _ in judged)
    figures = []
    for explanation, verdict in judged:
        strongest = describe_grid(explanation.grid) if explanation.strength else "No cell has an effect."
        figures.append(
            {
                "name": METHOD_NAMES[explanation.method],
                "alt": f"{METHOD_NAMES[explanation.method]}. {strongest}",
                "image": jpeg_data(draw_overlay(state.picture, explanation.grid, scale), 360),
                "seconds": explanation.seconds,
                "strength": explanation.strength,
                "verdict": verdict.sentence(),
            }
        )
    names = [figure["name"] for figure in figures]
    rows = [[rank_correlation(one, other) for other, _ in judged] for one, _ in judged]
    return render(
        "analyse/methods.html",
        figures=figures,
        target=judged[0][0].target.describe(),
        scale=scale,
        names=names,
        correlations=list(zip(names, rows, strict=True)) if len(judged) > 1 else [],
    )


def rank_correlation(first: Explanation, second: Explanation) -> str:
    """Spearman's correlation of two maps with two decimals; a dash where a map has no order, being all the same."""
    if any(len(set(explanation.cells)) == 1 for explanation in (first, second)):
        return "–"
    # By pandas, which imports scipy when it is asked: half a second that the start of the app need not wait for.
    return f"{pd.Series(first.cells).corr(pd.Series(second.cells), method='spearman'):.2f}"
