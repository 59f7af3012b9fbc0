"""The three losses against arithmetic done by hand, on a stand-in model whose outputs are written down."""

import itertools
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from corpus import settings
from torch import Tensor, nn

from rpbert.configuration import LABELS, REGIONS
from rpbert.modeling import RpBert, RpBertOutput
from rpbert.objectives import Objectives, contrastive_loss

LN2 = math.log(2)


def cross_entropy(logits: list[float], label: int) -> float:
    return math.log(sum(math.exp(value) for value in logits)) - logits[label]


# ---- contrast -----------------------------------------------------------------------------------------------------


def test_contrastive_loss_of_two_pairs() -> None:
    logits = torch.tensor([[2.0, 0.0], [1.0, 3.0]])
    to_picture = cross_entropy([2, 0], 0) + cross_entropy([1, 3], 1)  # each text among the pictures: rows
    to_text = cross_entropy([2, 1], 0) + cross_entropy([0, 3], 1)  # each picture among the texts: columns
    expected = (to_picture / 2 + to_text / 2) / 2
    assert float(contrastive_loss(logits, torch.tensor([4, 9]))) == pytest.approx(expected)


def test_contrastive_loss_of_two_texts_with_one_picture() -> None:
    # Rows 0 and 1 see the same picture, so each has half its target at either; row 2 has another.
    logits = torch.tensor([[2.0, 2.0, 0.0], [1.0, 1.0, -1.0], [0.5, 0.5, 3.0]])
    rows, columns = logits.tolist(), logits.T.tolist()

    def one_way(lines: list[list[float]]) -> float:
        shared = [(cross_entropy(line, 0) + cross_entropy(line, 1)) / 2 for line in lines[:2]]
        return (sum(shared) + cross_entropy(lines[2], 2)) / 3

    expected = (one_way(rows) + one_way(columns)) / 2
    assert float(contrastive_loss(logits, torch.tensor([7, 7, 3]))) == pytest.approx(expected)


def test_contrastive_loss_of_one_picture_alone_is_that_of_a_fair_draw() -> None:
    assert float(contrastive_loss(torch.zeros(2, 2), torch.tensor([1, 1]))) == pytest.approx(LN2)
    assert float(contrastive_loss(torch.tensor([[3.0]]), torch.tensor([1]))) == 0


def test_another_caption_of_the_same_picture_is_not_pushed_away() -> None:
    logits = torch.zeros(2, 2, requires_grad=True)
    contrastive_loss(logits, torch.tensor([1, 1])).backward()
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-7


# ---- a stand-in model ---------------------------------------------------------------------------------------------


class StandIn(nn.Module):
    """Gives the outputs it was made with and remembers the regions that it was given."""

    def __init__(self, adds: Tensor, shown: Tensor, text: Tensor | None = None, picture: Tensor | None = None) -> None:
        super().__init__()
        self.output = RpBertOutput(
            image_adds_logits=adds, text_represented_logits=shown, text_vector=text, picture_vector=picture
        )
        self.matching = None if text is None else SimpleNamespace(similarity=lambda one, other: one @ other.T)
        self.given: Tensor | None = None

    def forward(self, input_ids: Tensor, mask: Tensor, word_index: None, regions: Tensor) -> RpBertOutput:
        assert word_index is None  # the relation task leaves pass 2 out
        self.given = regions
        return self.output


def relation_loss(model: StandIn, batch: dict[str, Any], **changes: Any) -> float:
    rows = len(batch["weight"])
    tensors = {
        "input_ids": torch.zeros(rows, 3, dtype=torch.long),
        "attention_mask": torch.ones(rows, 3, dtype=torch.long),
        "regions": torch.zeros(rows, REGIONS, 2),
        "pictures": torch.arange(rows),
        "own": torch.ones(rows, dtype=torch.bool),
        **{name: torch.as_tensor(value) for name, value in batch.items()},
    }
    return float(Objectives(model, settings(**changes)).eval()("relation", tensors))  # type: ignore[arg-type]


ADDS = torch.tensor([[0.0, 1.0], [0.5, -0.5], [2.0, 0.0]])
SHOWN = torch.tensor([[1.0, 0.0], [0.0, 3.0], [0.0, 0.25]])


def test_relation_loss_by_hand() -> None:
    batch = {"image_adds": [1, 0, 0], "text_represented": [1, 1, 0], "weight": [1.0, 1.0, 0.5]}
    adds = cross_entropy([0, 1], 1) + cross_entropy([0.5, -0.5], 0) + 0.5 * cross_entropy([2, 0], 0)
    shown = cross_entropy([1, 0], 1) + cross_entropy([0, 3], 1) + 0.5 * cross_entropy([0, 0.25], 0)
    loss = relation_loss(StandIn(ADDS, SHOWN), batch, relation_weight=0.5)
    assert loss == pytest.approx(0.5 * (adds + shown) / 2.5, abs=1e-6)


def test_a_row_without_a_label_adds_nothing() -> None:
    batch = {"image_adds": [1, -1, 0], "text_represented": [-1, -1, 0], "weight": [1.0, 1.0, 1.0]}
    loss = relation_loss(StandIn(ADDS, SHOWN), batch)
    # A labelled row counts the same however many rows beside it have no label, so the divisor stays three.
    expected = (cross_entropy([0, 1], 1) + cross_entropy([2, 0], 0) + cross_entropy([0, 0.25], 0)) / 3
    assert loss == pytest.approx(expected, abs=1e-6)
    elsewhere = ADDS.clone()
    elsewhere[1] = torch.tensor([-50.0, 50.0])
    assert relation_loss(StandIn(elsewhere, SHOWN), batch) == loss


def test_no_labels_at_all_is_no_loss() -> None:
    batch = {"image_adds": [-1] * 3, "text_represented": [-1] * 3, "weight": [1.0] * 3}
    assert relation_loss(StandIn(ADDS, SHOWN), batch) == 0


def test_the_contrast_is_among_the_pairs_that_belong_together() -> None:
    text = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    picture = torch.tensor([[0.8, 0.6], [0.0, 1.0], [1.0, 0.0]])
    batch = {
        "image_adds": [-1, -1, -1],
        "text_represented": [-1, -1, -1],
        "weight": [1.0, 1.0, 0.5],
        "own": [True, True, False],  # the third is a swapped pair: neither a positive nor a negative
        "pictures": [5, 6, 6],
    }
    loss = relation_loss(StandIn(ADDS, SHOWN, text, picture), batch, matching_weight=0.2)
    expected = contrastive_loss(torch.tensor([[0.8, 0.0], [0.6, 1.0]]), torch.tensor([5, 6]))
    assert loss == pytest.approx(0.2 * float(expected), abs=1e-6)


# ---- region dropout -----------------------------------------------------------------------------------------------


def regions_seen(training: bool, dropout: float) -> tuple[Tensor, Tensor]:
    """Regions (4, 49, 40) given to the loss, and what the model saw of them."""
    model = StandIn(ADDS[:1].expand(4, 2), SHOWN[:1].expand(4, 2))
    regions = torch.rand(4, REGIONS, 40, generator=torch.Generator().manual_seed(0)) + 1  # no zeros of its own
    labels = torch.ones(4, dtype=torch.long)
    batch = {
        "input_ids": torch.zeros(4, 3, dtype=torch.long),
        "attention_mask": torch.ones(4, 3, dtype=torch.long),
        "regions": regions,
        "pictures": torch.arange(4),
        "image_adds": labels,
        "text_represented": labels,
        "weight": torch.ones(4),
        "own": labels.bool(),
    }
    torch.manual_seed(0)
    Objectives(model, settings(region_dropout=dropout)).train(training)("relation", batch)  # type: ignore[arg-type]
    assert model.given is not None
    return regions, model.given


def test_region_dropout_drops_whole_channels() -> None:
    regions, seen = regions_seen(training=True, dropout=0.75)
    dropped = seen == 0
    assert torch.equal(dropped.all(dim=1), dropped.any(dim=1))  # of a channel, all 49 regions or none
    assert torch.allclose(seen[~dropped], 4 * regions[~dropped])  # what is left makes up for it
    assert 0.6 < dropped.float().mean() < 0.9
    assert not torch.equal(dropped[0], dropped[1])  # each picture loses others


def test_no_region_dropout_outside_training() -> None:
    regions, seen = regions_seen(training=False, dropout=0.75)
    assert torch.equal(seen, regions)


# ---- names --------------------------------------------------------------------------------------------------------


def log_likelihood(model: RpBert, emissions: Tensor, path: list[int]) -> float:
    """log P of a path, by adding up every path that BIO allows."""
    crf = model.crf

    def score(labels: tuple[int, ...]) -> float:
        total = crf.start_transitions[labels[0]] + crf.end_transitions[labels[-1]]
        total = total + sum(emissions[word, label] for word, label in enumerate(labels))
        return float(total + sum(crf.transitions[a, b] for a, b in itertools.pairwise(labels)))

    def allowed(labels: tuple[int, ...]) -> bool:
        names = ["O", *(LABELS[label] for label in labels)]
        return all(b[0] != "I" or a[1:] == b[1:] for a, b in itertools.pairwise(names))

    paths = [labels for labels in itertools.product(range(len(LABELS)), repeat=len(path)) if allowed(labels)]
    return score(tuple(path)) - math.log(sum(math.exp(score(labels)) for labels in paths))


@pytest.mark.parametrize("gate", ["soft", "closed", "0.5"])
@torch.no_grad()
def test_ner_loss_is_the_mean_negative_log_likelihood(
    tiny_model: RpBert, batch_of: Callable[[list[str]], dict[str, Tensor]], gate: str
) -> None:
    batch = batch_of(["meet James in", "obama rocks"])
    regions = torch.randn(2, REGIONS, 96, generator=torch.Generator().manual_seed(0))
    paths = [["O", "B-PER", "O"], ["B-ORG", "I-ORG"]]
    indices = [[LABELS.index(label) for label in path] for path in paths]
    labels = torch.tensor([indices[0], [*indices[1], 0]])
    setting = float(gate) if gate == "0.5" else gate  # a recipe writes numbers as text
    emissions = tiny_model(**batch, regions=regions, gate=setting).emissions
    expected = -sum(log_likelihood(tiny_model, emissions[row], indices[row]) for row in range(2)) / 2
    objectives = Objectives(tiny_model, settings(gate=gate)).eval()
    assert float(objectives("ner", {**batch, "labels": labels, "regions": regions})) == pytest.approx(
        expected, abs=1e-4
    )


@torch.no_grad()
def test_ner_loss_without_a_picture(tiny_model: RpBert, batch_of: Callable[[list[str]], dict[str, Tensor]]) -> None:
    batch = batch_of(["obama rocks"])
    indices = [LABELS.index("B-PER"), LABELS.index("O")]
    expected = -log_likelihood(tiny_model, tiny_model(**batch).emissions[0], indices)
    loss = Objectives(tiny_model, settings()).eval()("ner", {**batch, "labels": torch.tensor([indices])})
    assert float(loss) == pytest.approx(expected, abs=1e-4)


@torch.no_grad()
def test_matching_loss(tiny_model: RpBert, batch_of: Callable[[list[str]], dict[str, Tensor]]) -> None:
    batch = batch_of(["sunrise over paris", "the rings", "a rings"])
    del batch["word_index"]
    regions = torch.randn(3, REGIONS, 96, generator=torch.Generator().manual_seed(0))
    regions[2] = regions[1]
    output = tiny_model(**batch, regions=regions)
    assert tiny_model.matching is not None
    scale = float(tiny_model.matching.log_scale.exp())
    cosines = scale * output.text_vector @ output.picture_vector.T
    expected = 0.3 * contrastive_loss(cosines, torch.tensor([0, 1, 1]))
    objectives = Objectives(tiny_model, settings(matching_weight=0.3)).eval()
    loss = objectives("matching", {**batch, "regions": regions, "pictures": torch.tensor([0, 1, 1])})
    assert float(loss) == pytest.approx(float(expected), abs=1e-4)
