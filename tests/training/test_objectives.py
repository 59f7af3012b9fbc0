"""The losses against arithmetic done by hand, on a stand-in model whose outputs are written down."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from corpus import settings
from passes import SCENES, TWEETS, random_regions, words_in
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from rpbert.model.configuration import LABELS, REGIONS
from rpbert.model.modeling import RpBert
from rpbert.model.outputs import Relation, RpBertOutput
from rpbert.training.objectives import Objectives


def cross_entropy(logits: list[float], label: int) -> float:
    return math.log(sum(math.exp(value) for value in logits)) - logits[label]


# ---- a stand-in model ---------------------------------------------------------------------------------------------


class StandIn(nn.Module):
    """Gives the relation it was made with."""

    def __init__(self, adds: Tensor, shows: Tensor, belongs: Tensor | None = None) -> None:
        super().__init__()
        self.output = RpBertOutput(relation=Relation(belongs, adds, shows, None))

    def forward(
        self, input_ids: Tensor, mask: Tensor, word_index: None, case_ids: None, regions: Tensor
    ) -> RpBertOutput:
        assert word_index is None  # the relation task leaves pass 2 out
        return self.output


def relation_loss(model: StandIn, batch: dict[str, Any], **changes: Any) -> float:
    rows = len(batch["belongs"])
    tensors = {
        "input_ids": torch.zeros(rows, 3, dtype=torch.long),
        "attention_mask": torch.ones(rows, 3, dtype=torch.long),
        "regions": torch.zeros(rows, REGIONS, 2),
        **{name: torch.as_tensor(value) for name, value in batch.items()},
    }
    return float(Objectives(model, settings(**changes)).eval()("relation", tensors))  # type: ignore[arg-type]


ADDS = torch.tensor([[0.0, 1.0], [0.5, -0.5], [2.0, 0.0]])
SHOWS = torch.tensor([[1.0, 0.0], [0.0, 3.0], [0.0, 0.25]])
BELONGS = torch.tensor([[0.0, 2.0], [0.0, -1.0], [0.0, 0.5]])


def test_relation_loss_by_hand() -> None:
    """Two own pictures and a swapped one, of which nothing but that it does not belong is to be learned."""
    batch = {"belongs": [1, 1, 0], "image_adds": [1, 0, -1], "text_represented": [1, 1, -1]}
    belongs = cross_entropy([0, 2], 1) + cross_entropy([0, -1], 1) + cross_entropy([0, 0.5], 0)
    adds = cross_entropy([0, 1], 1) + cross_entropy([0.5, -0.5], 0)
    shows = cross_entropy([1, 0], 1) + cross_entropy([0, 3], 1)
    loss = relation_loss(StandIn(ADDS, SHOWS, BELONGS), batch, relation_weight=0.5)
    assert loss == pytest.approx(0.5 * (belongs / 3 + adds / 2 + shows / 2), abs=1e-6)


def test_a_model_that_does_not_ask_what_belongs_learns_the_other_two() -> None:
    batch = {"belongs": [1, 1, 1], "image_adds": [1, 0, 0], "text_represented": [1, 1, 0]}
    adds = cross_entropy([0, 1], 1) + cross_entropy([0.5, -0.5], 0) + cross_entropy([2, 0], 0)
    shows = cross_entropy([1, 0], 1) + cross_entropy([0, 3], 1) + cross_entropy([0, 0.25], 0)
    assert relation_loss(StandIn(ADDS, SHOWS), batch) == pytest.approx((adds + shows) / 3, abs=1e-6)


def test_a_row_without_a_label_adds_nothing() -> None:
    batch = {"belongs": [1, 1, 1], "image_adds": [1, -1, 0], "text_represented": [-1, -1, 0]}
    loss = relation_loss(StandIn(ADDS, SHOWS), batch)
    # Each loss is the mean over the rows of which it is known.
    expected = (cross_entropy([0, 1], 1) + cross_entropy([2, 0], 0)) / 2 + cross_entropy([0, 0.25], 0)
    assert loss == pytest.approx(expected, abs=1e-6)
    elsewhere = ADDS.clone()
    elsewhere[1] = torch.tensor([-50.0, 50.0])
    assert relation_loss(StandIn(elsewhere, SHOWS), batch) == loss


def test_no_labels_at_all_is_no_loss() -> None:
    batch = {"belongs": [1] * 3, "image_adds": [-1] * 3, "text_represented": [-1] * 3}
    assert relation_loss(StandIn(ADDS, SHOWS), batch) == 0
    alone = sum(cross_entropy(row, 1) for row in BELONGS.tolist()) / 3
    assert relation_loss(StandIn(ADDS, SHOWS, BELONGS), batch) == pytest.approx(alone, abs=1e-6)


def test_the_real_model_learns_from_what_goes_with_its_pictures(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, batch_of: Callable[[list[str]], dict[str, Tensor]]
) -> None:
    """Words in the pictures and cosines from elsewhere reach the relation, and the swapped row only `belongs`."""
    batch = batch_of(TWEETS)
    del batch["word_index"]
    labels = {
        "belongs": torch.tensor([1, 1, 1, 0]),
        "image_adds": torch.tensor([1, 0, 1, -1]),
        "text_represented": torch.tensor([0, 1, -1, -1]),
    }
    given = {"regions": random_regions(4), "cosine": torch.tensor([0.3, -0.1, 0.5, 0.0]), **words_in(tokenizer, SCENES)}
    with torch.no_grad():
        relation = tiny_model(**batch, **given).relation
    expected = (
        sum(
            cross_entropy(row, int(label))
            for row, label in zip(relation.belongs.tolist(), labels["belongs"], strict=True)
        )
        / 4
        + sum(cross_entropy(relation.image_adds[row].tolist(), label) for row, label in enumerate((1, 0, 1))) / 3
        + sum(cross_entropy(relation.text_represented[row].tolist(), label) for row, label in enumerate((0, 1))) / 2
    )
    loss = Objectives(tiny_model, settings()).eval()("relation", {**batch, **labels, **given})
    assert float(loss) == pytest.approx(expected, abs=1e-4)


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


# ---- whether a name is depicted -----------------------------------------------------------------------------------


@pytest.fixture
def depicted(tiny_model: RpBert, batch_of: Callable[[list[str]], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Two tweets with pictures; a name that is depicted, one that is not, and words of which nothing is known."""
    paths = [["O", "B-PER", "O"], ["B-ORG", "B-LOC"]]
    indices = [[LABELS.index(label) for label in path] for path in paths]
    return {
        **batch_of(["meet James in", "obama rocks"]),
        "labels": torch.tensor([indices[0], [*indices[1], 0]]),
        "regions": torch.randn(2, REGIONS, 96, generator=torch.Generator().manual_seed(0)),
        "visible": torch.tensor([[-1, 1, -1], [0, 0, -1]]),
    }


@torch.no_grad()
def test_visible_loss_is_the_mean_over_the_words_of_which_it_is_known(
    tiny_model: RpBert, depicted: dict[str, Tensor]
) -> None:
    objectives = Objectives(tiny_model, settings(visible_weight=2.0)).eval()
    assert objectives.visible_head is not None
    objectives.visible_head.weight.zero_()
    objectives.visible_head.bias.fill_(1.0)  # every name: log-odds 1 that it is depicted
    alone = objectives("ner", {name: tensor for name, tensor in depicted.items() if name != "visible"})
    mean = (math.log(1 + math.exp(-1)) + 2 * math.log(1 + math.e)) / 3
    assert float(objectives("ner", depicted) - alone) == pytest.approx(2 * mean, abs=1e-4)
    unknown = {**depicted, "visible": torch.full((2, 3), -1)}
    assert float(objectives("ner", unknown)) == pytest.approx(float(alone), abs=1e-5)


def test_visible_loss_makes_the_words_look_at_the_picture(tiny_model: RpBert, depicted: dict[str, Tensor]) -> None:
    objectives = Objectives(tiny_model, settings(visible_weight=1.0, gate="open")).eval()
    losses = [objectives("ner", {**depicted, "visible": visible}) for visible in (depicted["visible"], None)]
    (gradient,) = torch.autograd.grad(losses[0] - losses[1], tiny_model.projection.weight)
    assert gradient.abs().max() > 0


def test_without_a_weight_there_is_no_head(tiny_model: RpBert) -> None:
    assert Objectives(tiny_model, settings()).visible_head is None
