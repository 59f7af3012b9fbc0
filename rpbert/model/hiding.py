"""A reading of a tweet and its picture while some cells of the picture are hidden.

The picture is read as 49 cells, 7 rows of 7, numbered row by row from the upper left. A hidden cell is taken away as in
`rpbert.explain.methods`: its visual token is zero in both passes, so it has no content left, but still its position and
its share of attention. Hiding all 49 is therefore not the same as a closed gate, which masks the regions out of
attention.
"""

from collections.abc import Collection

import torch
from torch import Tensor

from rpbert.errors import UserError
from rpbert.model.configuration import GRID, REGIONS
from rpbert.model.gates import Gate
from rpbert.model.modeling import RpBert, RpBertOutput, View


def read_hiding(
    model: RpBert, pieces: dict[str, Tensor], regions: Tensor | None, gate: Gate, hidden: Collection[int]
) -> RpBertOutput:
    """As `model(**pieces, regions=regions, gate=gate)`, and just that with nothing hidden.

    Args:
        pieces: of one tweet, from `Prepared`. regions: (1, 49, C), or None without a picture.
        hidden: cells 0..48.

    Raises:
        UserError: a cell that the picture does not have, or no picture.
    """
    if not hidden:
        output: RpBertOutput = model(**pieces, regions=regions, gate=gate)
        return output
    if regions is None:
        raise UserError("There is no picture whose cells could be hidden. Please add a picture, or hide no cells.")
    words = model.text_encoder.embeddings.word_embeddings(pieces["input_ids"])  # (1, n, d)
    view = View(words, model.project(regions) * _kept(hidden))
    others = {name: tensor for name, tensor in pieces.items() if name != "input_ids"}
    return model.two_passes(view, view, gate=gate, **others)


def _kept(hidden: Collection[int]) -> Tensor:
    """(49, 1): 0 at hidden cells, 1 at the others."""
    wrong = [cell for cell in hidden if cell not in range(REGIONS)]
    if wrong:
        raise UserError(
            f"The picture has no cell {wrong[0]}. Please choose cells from 0 to {REGIONS - 1}: {GRID} rows of {GRID}, "
            "counted from the upper left."
        )
    kept = torch.ones(REGIONS, 1)
    kept[list(hidden)] = 0.0
    return kept
