"""The two passes: what padding, gates and missing pictures may and may not change."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from passes import CLEAR, GATES, TWEETS, BatchOf, apart, encoder_calls, random_regions
from torch import Tensor

from rpbert.model.configuration import LABELS, RpBertConfig
from rpbert.model.gates import Gate
from rpbert.model.inputs import Texts
from rpbert.model.matching import masked_mean
from rpbert.model.modeling import RpBert
from rpbert.model.outputs import RpBertOutput
from rpbert.model.texts import CASES
from rpbert.model.vision import RegionEncoder


def with_relation(model: RpBert, logit: float) -> RpBert:
    """A copy that is sure that pictures belong and add, or do not: log-odds far beyond what its weights can say."""
    changed = copy.deepcopy(model)
    assert changed.belongs_head is not None
    with torch.no_grad():
        for head in (changed.belongs_head, changed.image_adds_head):
            head.bias.copy_(torch.tensor([0.0, logit]))
    return changed


def matching_of(model: RpBert) -> Any:
    """The matching part, which a model need not have."""
    assert model.matching is not None
    return model.matching


def sentence_vectors(model: RpBert, batch: dict[str, Tensor]) -> Tensor:
    """Of the tweets of a batch, by the model's sentence tower."""
    texts = Texts(batch["input_ids"], batch["attention_mask"])
    return model.sentence_vector(texts, model.text_encoder.embeddings.word_embeddings(texts.input_ids))


def trainable(model: RpBert, **changes: object) -> RpBert:
    """A copy in training mode, its configuration changed."""
    copied = copy.deepcopy(model)
    for name, value in changes.items():
        setattr(copied.config, name, value)
    return copied.train()


@pytest.fixture(scope="module")
def batch(batch_of: BatchOf) -> dict[str, Tensor]:
    return batch_of(TWEETS)


@pytest.fixture(scope="module")
def regions() -> Tensor:
    return random_regions(len(TWEETS))


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    """Seeds what is sampled (dropout, the hard gate) without touching other tests' randomness."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


# ---- batched equals single ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", GATES, ids=str)
@pytest.mark.parametrize("pictures", [(True, True, True, True), (True, False, False, True)], ids=["all", "mixed"])
@torch.no_grad()
def test_batched_equals_single(
    tiny_model: RpBert, batch_of: BatchOf, regions: Tensor, gate: Gate, pictures: tuple[bool, ...]
) -> None:
    together = tiny_model(**batch_of(TWEETS), regions=regions, has_picture=torch.tensor(pictures), gate=gate)
    for row, tweet in enumerate(TWEETS):
        alone = tiny_model(
            **batch_of([tweet]), regions=regions[row : row + 1], has_picture=torch.tensor([pictures[row]]), gate=gate
        )
        words = alone.emissions.shape[1]
        assert together.word_mask[row].tolist() == [place < words for place in range(together.word_mask.shape[1])]
        assert apart(together.emissions[row, :words], alone.emissions[0]) < 1e-5
        assert apart(together.gate[row], alone.gate[0]) < 1e-5
        for task in ("belongs", "image_adds", "text_represented", "cosine"):
            assert apart(getattr(together.relation, task)[row], getattr(alone.relation, task)[0]) < 1e-5


@torch.no_grad()
def test_shapes(tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor) -> None:
    output = tiny_model(**batch, regions=regions)
    words = int(batch["word_index"].max()) + 1
    assert output.emissions.shape == (4, words, len(LABELS))
    assert output.word_mask.sum(dim=1).tolist() == [6, 1, 8, 2]
    relation = output.relation
    assert relation.belongs.shape == relation.image_adds.shape == relation.text_represented.shape == (4, 2)
    assert relation.cosine.shape == (4,)
    assert output.gate.shape == (4,)


@torch.no_grad()
def test_one_word_tweet(tiny_model: RpBert, batch_of: BatchOf, regions: Tensor) -> None:
    output = tiny_model(**batch_of(["Paris"]), regions=regions[:1])
    assert output.emissions.shape == (1, 1, len(LABELS))
    assert tiny_model.crf.viterbi(output.emissions, output.word_mask)[0][0] in (0, 1, 3, 5, 7)


@torch.no_grad()
def test_relation_alone_equals_the_relation_of_both_passes(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor
) -> None:
    alone = tiny_model(**{**batch, "word_index": None}, regions=regions)
    both = tiny_model(**batch, regions=regions)
    assert alone.emissions is None
    for task in ("belongs", "image_adds", "text_represented"):
        assert apart(getattr(alone.relation, task), getattr(both.relation, task)) < 1e-6
    torch.testing.assert_close(both.gate, both.relation.gate_logits.softmax(dim=1)[:, 1])


# ---- gates --------------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_closed_and_missing_pictures_equal_text_only(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor
) -> None:
    text_only = tiny_model(**batch)
    closed = tiny_model(**batch, regions=regions, gate="closed")
    missing = tiny_model(**batch, regions=regions, has_picture=torch.zeros(4, dtype=torch.bool), gate="open")
    assert apart(closed.emissions, text_only.emissions) < 1e-6
    assert apart(missing.emissions, text_only.emissions) < 1e-6
    assert closed.gate.tolist() == missing.gate.tolist() == text_only.gate.tolist() == [0.0] * 4


@pytest.mark.parametrize("gate", ["soft", "open", 0.3, 0.0])
@torch.no_grad()
def test_gates_that_are_not_closed(tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor, gate: Gate) -> None:
    """Also not 0.0: a zeroed region still has a position, a segment and a share of the attention."""
    text_only = tiny_model(**batch)
    output = tiny_model(**batch, regions=regions, gate=gate)
    for row in range(len(TWEETS)):
        real = text_only.word_mask[row]
        assert apart(output.emissions[row, real], text_only.emissions[row, real]) > CLEAR


@torch.no_grad()
def test_gate_one_is_open_and_gates_differ(tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor) -> None:
    found = {gate: tiny_model(**batch, regions=regions, gate=gate).emissions for gate in ("open", 1.0, 0.5, 0.0)}
    assert apart(found["open"], found[1.0]) == 0
    assert apart(found["open"], found[0.5]) > CLEAR
    assert apart(found[0.5], found[0.0]) > CLEAR


@torch.no_grad()
def test_zero_gate_hides_what_the_picture_shows(tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor) -> None:
    other = random_regions(4, seed=7)
    one, two = (tiny_model(**batch, regions=picture, gate=0.0).emissions for picture in (regions, other))
    assert apart(one, two) == 0
    one, two = (tiny_model(**batch, regions=picture, gate="open").emissions for picture in (regions, other))
    assert apart(one, two) > CLEAR


@torch.no_grad()
def test_hard_gate_is_closed_below_and_open_above_the_threshold(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor
) -> None:
    for logit, same, value in ((-99.0, "closed", 0.0), (99.0, "open", 1.0)):
        model = with_relation(tiny_model, logit)
        hard = model(**batch, regions=regions, gate="hard")
        assert hard.gate.tolist() == [value] * 4
        assert apart(hard.emissions, model(**batch, regions=regions, gate=same).emissions) < 1e-6


@torch.no_grad()
def test_gate_acts_row_by_row(tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor) -> None:
    """The hard gate opens some rows of a batch and closes others."""
    model = with_relation(tiny_model, 99.0)  # every picture belongs, so the gate is that of image_adds
    middle = float(model(**batch, regions=regions).relation.image_adds.diff(dim=1).median())
    model.image_adds_head.bias[1] -= middle + 1e-3  # now some log-odds are above 0 and some below
    hard = model(**batch, regions=regions, gate="hard")
    assert 0 < hard.gate.sum() < 4
    for row, value in enumerate(hard.gate.tolist()):
        same = model(**batch, regions=regions, gate="open" if value else "closed")
        real = hard.word_mask[row]
        assert apart(hard.emissions[row, real], same.emissions[row, real]) < 1e-6


@torch.no_grad()
def test_rows_without_picture_ignore_the_regions(tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor) -> None:
    has_picture = torch.tensor([True, False, True, False])
    garbage = regions.clone()
    garbage[~has_picture] = 1e4
    one, two = (tiny_model(**batch, regions=picture, has_picture=has_picture) for picture in (regions, garbage))
    assert apart(one.emissions, two.emissions) == 0
    assert one.gate[~has_picture].tolist() == two.gate[~has_picture].tolist() == [0.0, 0.0]
    assert (one.gate[has_picture] > 0).all()


# ---- what BERT is given -------------------------------------------------------------------------------------------


def test_regions_stand_behind_the_pieces_whatever_the_padding(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor
) -> None:
    has_picture = torch.tensor([True, True, False, True])
    with encoder_calls(tiny_model) as calls, torch.no_grad():
        tiny_model(**batch, regions=regions, has_picture=has_picture, gate="open")
    width = batch["input_ids"].shape[1]
    lengths = batch["attention_mask"].sum(dim=1).tolist()
    assert lengths == [8, 5, 20, 7]
    assert [call["inputs_embeds"].shape[1] for call in calls] == [width + 49] * 2
    for call in calls:
        for row, length in enumerate(lengths):
            positions = call["position_ids"][row].tolist()
            assert positions[:length] == list(range(length))
            assert positions[width:] == list(range(length, length + 49))
            seen = [1] * length + [0] * (width - length) + [int(has_picture[row])] * 49
            assert call["attention_mask"][row].tolist() == seen
            assert call["token_type_ids"][row].tolist() == [0] * width + [1] * 49


def test_the_longest_tweet_leaves_room_for_all_regions(tiny_model: RpBert, tiny_config: RpBertConfig) -> None:
    longest = tiny_config.max_pieces
    ids = torch.full((2, longest), 9)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    with encoder_calls(tiny_model) as calls, torch.no_grad():
        tiny_model(ids, mask, case_ids=torch.zeros_like(ids), regions=random_regions(2))
    assert longest == 512 - 49 - 12  # as many pieces of words in the picture as the configuration allows
    assert calls[0]["position_ids"][0].tolist() == list(range(512 - 12))
    assert calls[0]["position_ids"][1, longest:].tolist() == list(range(5, 54))


def test_only_the_gate_tells_the_passes_apart(tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor) -> None:
    """Pass 1 reads V, pass 2 g * V; the factor is on the projected vectors, so that its bias is gated too."""
    width = batch["input_ids"].shape[1]
    with encoder_calls(tiny_model) as calls, torch.no_grad():
        output = tiny_model(**batch, regions=regions)
        visual = tiny_model.projection(regions)
    first, second = (call["inputs_embeds"] for call in calls)
    assert torch.equal(first[:, :width], second[:, :width])
    torch.testing.assert_close(first[:, width:], visual)
    torch.testing.assert_close(second[:, width:], output.gate.view(4, 1, 1) * visual)


def test_a_word_is_the_mean_of_its_pieces(tiny_model: RpBert) -> None:
    states = torch.arange(2 * 6 * 32, dtype=torch.float32).view(2, 6, 32)
    word_index = torch.tensor([[-1, 0, 0, 0, 1, -1], [-1, 0, -1, -1, -1, -1]])
    vectors: list[Tensor] = []
    handle = tiny_model.dropout.register_forward_pre_hook(lambda _module, args: vectors.append(args[0]))
    with torch.no_grad():
        emissions, word_mask = tiny_model.emit(torch.cat([states, states], dim=1), word_index)  # as if with regions
    handle.remove()
    torch.testing.assert_close(vectors[0][0, 0], (states[0, 1] + states[0, 2] + states[0, 3]) / 3)
    torch.testing.assert_close(vectors[0][0, 1], states[0, 4])
    torch.testing.assert_close(vectors[0][1, 0], states[1, 1])
    assert word_mask.tolist() == [[True, True], [True, False]]
    assert emissions.shape == (2, 2, len(LABELS))


def test_captum_sees_one_map_of_all_regions(tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor) -> None:
    maps: list[Tensor] = []
    handle = tiny_model.region_map.register_forward_hook(lambda _module, _args, output: maps.append(output))
    with torch.no_grad():
        tiny_model(**batch, regions=regions)
    handle.remove()
    assert len(maps) == 1, "a hook on a module that runs twice sees only the last run"
    assert maps[0].shape == (4, 96, 7, 7)
    assert torch.equal(maps[0][2, :, 3, 5], regions[2, 3 * 7 + 5])


# ---- the CNN ------------------------------------------------------------------------------------------------------


def test_region_encoder_never_trains(tiny_model: RpBert) -> None:
    model = trainable(tiny_model)
    assert model.training
    assert model.dropout.training
    assert not any(module.training for module in model.region_encoder.modules())
    assert not any(parameter.requires_grad for parameter in model.region_encoder.parameters())
    assert all(parameter.requires_grad for parameter in model.text_encoder.parameters())
    assert {"crf.transitions", "crf.start_transitions", "crf.end_transitions"} <= dict(model.named_parameters()).keys()


def test_batchnorm_statistics_do_not_move(tiny_model: RpBert) -> None:
    model = trainable(tiny_model)
    before = {name: value.clone() for name, value in model.region_encoder.state_dict().items()}
    assert any("running_mean" in name for name in before)
    pixels = torch.randn(2, 3, 224, 224)
    found = model.region_encoder.regions(pixels)
    assert all(torch.equal(value, before[name]) for name, value in model.region_encoder.state_dict().items())
    assert apart(found[:1], model.region_encoder.regions(pixels[:1])) < 1e-4, "a picture depends on its batch"


def test_regions_are_read_row_by_row(tiny_config: RpBertConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = RegionEncoder(tiny_config)
    feature_map = torch.arange(2 * 96 * 49).view(2, 96, 7, 7)
    monkeypatch.setattr(encoder.cnn, "forward_features", lambda _pixels: feature_map)
    regions = encoder(torch.zeros(2, 3, 224, 224))
    assert regions.shape == (2, 49, 96)
    assert torch.equal(regions[1, 7 * 2 + 6], feature_map[1, :, 2, 6])


def test_a_cnn_of_another_stride_is_refused(tiny_config: RpBertConfig) -> None:
    with pytest.raises(AssertionError, match="stride-32"):
        RegionEncoder(tiny_config)(torch.zeros(1, 3, 128, 128))


# ---- gradients ----------------------------------------------------------------------------------------------------


def ner_loss(output: RpBertOutput) -> Tensor:
    """Some function of the emissions that no symmetry makes flat."""
    assert output.emissions is not None
    return output.emissions.pow(2).sum()


@pytest.mark.parametrize("gate", ["soft", "hard"])
@pytest.mark.parametrize("detach", [True, False])
def test_detach_gate_keeps_the_tasks_apart(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor, gate: Gate, detach: bool
) -> None:
    model = trainable(with_relation(tiny_model, 4.0), detach_gate=detach)
    torch.manual_seed(0)  # of the hard gate's samples
    output = model(**batch, regions=regions, gate=gate)
    if gate == "hard":  # a sampled 0 masks the picture, and with it the way back
        assert output.gate.sum() > 0
    ner_loss(output).backward()
    assert model.belongs_head is not None
    heads = [model.belongs_head, model.image_adds_head, matching_of(model)]
    relation = [parameter for head in heads for parameter in head.parameters()]
    reached = [parameter.grad is not None and bool(parameter.grad.any()) for parameter in relation]
    assert any(reached) is not detach
    assert model.projection.weight.grad is not None, "pass 2 itself must train"
    assert model.text_encoder.embeddings.word_embeddings.weight.grad is not None
    assert all(parameter.grad is None for parameter in model.region_encoder.parameters())


def test_relation_loss_trains_its_heads_though_the_gate_is_detached(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor
) -> None:
    model = trainable(tiny_model, detach_gate=True)
    output = model(**{**batch, "word_index": None}, regions=regions)
    relation = output.relation
    sum(logits.pow(2).sum() for logits in (relation.belongs, relation.image_adds, relation.text_represented)).backward()
    heads = (model.belongs_head, model.image_adds_head, model.text_represented_head)
    matching = matching_of(model)
    for head in (*heads, model.projection, matching.pair_head[0], matching.vector_head):
        assert head.weight.grad is not None
        assert head.weight.grad.abs().sum() > 0
    assert model.emission_head.weight.grad is None


def test_explanations_see_both_routes(tiny_model: RpBert, batch_of: BatchOf, regions: Tensor) -> None:
    """In eval mode the gradient also runs through the gate's value, although training detaches it."""
    assert tiny_model.config.detach_gate
    tweet = batch_of(TWEETS[:1])
    leaf = regions[:1].clone().requires_grad_()
    output = tiny_model(**tweet, regions=leaf)
    (whole,) = torch.autograd.grad(ner_loss(output), leaf)
    fixed = tiny_model(**tweet, regions=leaf, gate=output.gate.item())
    (content,) = torch.autograd.grad(ner_loss(fixed), leaf)
    assert apart(output.emissions, fixed.emissions) < 1e-5
    assert apart(whole, content) > 0.01 * float(whole.abs().max()), "the route through the gate is missing"


def test_a_closed_gate_passes_no_gradient_to_the_picture(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor
) -> None:
    leaf = regions.clone().requires_grad_()
    loss = ner_loss(tiny_model(**batch, regions=leaf, gate="closed"))
    (gradient,) = torch.autograd.grad(loss, leaf, allow_unused=True)
    assert gradient is None or not gradient.any()


# ---- matching -----------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_matching_vectors_do_not_see_each_other(tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor) -> None:
    """The cosine is that of a vector of the tweet alone and one of the picture alone."""
    text = sentence_vectors(tiny_model, batch)
    picture = matching_of(tiny_model).picture_map(regions.mean(dim=1))
    for vectors in (text, picture):
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(4))
    for shift in (0, 1):
        found = tiny_model(**batch, regions=regions.roll(shift, dims=0)).relation.cosine
        torch.testing.assert_close(found, (text * picture.roll(shift, dims=0)).sum(dim=1))


@torch.no_grad()
def test_matching_adds_to_all_relations(tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor) -> None:
    """With the weights of the term's heads zeroed, what is left is the authors' reading of h_CLS."""
    full = tiny_model(**batch, regions=regions).relation
    model = copy.deepcopy(tiny_model)
    matching = matching_of(model)
    for head, bias in ((matching.pair_head[-1], [1.0, 2.0]), (matching.vector_head, [3.0, 4.0, 5.0, 7.0])):
        head.weight.zero_()
        head.bias.copy_(torch.tensor(bias))
    biased = model(**batch, regions=regions).relation
    model.matching = None
    plain = model(**batch, regions=regions).relation
    assert apart(full.image_adds, plain.image_adds) > CLEAR
    torch.testing.assert_close(biased.belongs, plain.belongs + torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(biased.image_adds, plain.image_adds + torch.tensor([3.0, 4.0]))
    torch.testing.assert_close(biased.text_represented, plain.text_represented + torch.tensor([5.0, 7.0]))
    assert plain.cosine is None


@torch.no_grad()
def test_a_cosine_from_elsewhere_takes_the_place_of_the_model_s(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor
) -> None:
    own = tiny_model(**batch, regions=regions)
    same = tiny_model(**batch, regions=regions, cosine=own.relation.cosine)
    other = tiny_model(**batch, regions=regions, cosine=-own.relation.cosine)
    assert apart(same.relation.belongs, own.relation.belongs) == apart(same.emissions, own.emissions) == 0
    assert apart(other.relation.belongs, own.relation.belongs) > CLEAR
    assert torch.equal(other.relation.cosine, -own.relation.cosine)


def test_masked_mean_leaves_padding_out() -> None:
    vectors = torch.tensor([[[1.0, 3.0], [3.0, 5.0], [99.0, 99.0]], [[7.0, 8.0], [99.0, 99.0], [99.0, 99.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    assert masked_mean(vectors, mask).tolist() == [[2.0, 4.0], [7.0, 8.0]]
    assert masked_mean(vectors[:1], torch.tensor([[0.5, 1.5, 0.0]])).tolist() == [[2.5, 4.5]]  # a weighted mean
    assert masked_mean(vectors[:1], torch.zeros(1, 3)).tolist() == [[0.0, 0.0]]


@torch.no_grad()
def test_matching_shares_the_lower_layers_alone(tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor) -> None:
    """What the layers above learn for names must not change how well a tweet matches a picture."""
    assert tiny_model.config.matching_layer == 1
    model, lower = copy.deepcopy(tiny_model), copy.deepcopy(tiny_model)
    for parameter in model.text_encoder.encoder.layer[1:].parameters():
        parameter.mul_(0.5)
    before, after = (one(**batch, regions=regions) for one in (tiny_model, model))
    assert apart(before.emissions, after.emissions) > CLEAR
    assert apart(before.relation.cosine, after.relation.cosine) == 0
    for parameter in lower.text_encoder.encoder.layer[:1].parameters():
        parameter.mul_(0.5)
    assert apart(before.relation.cosine, lower(**batch, regions=regions).relation.cosine) > 1e-4


@torch.no_grad()
def test_the_sentence_tower_is_the_plain_text_encoder_where_its_layers_are_the_same(
    tiny_model: RpBert, batch: dict[str, Tensor]
) -> None:
    model = copy.deepcopy(tiny_model)
    upper = model.text_encoder.encoder.layer[1:]
    matching_of(model).sentence_layers.load_state_dict(upper.state_dict())
    states = model.text_encoder(batch["input_ids"], batch["attention_mask"]).last_hidden_state
    for row, length in enumerate(batch["attention_mask"].sum(dim=1).tolist()):
        mean = states[row, :length].mean(dim=0)  # [CLS] and [SEP] included, as sentence encoders are trained
        torch.testing.assert_close(sentence_vectors(model, batch)[row], mean / mean.norm(), atol=1e-5, rtol=0)


@torch.no_grad()
def test_how_a_word_is_written_matters_for_names_but_not_for_matching(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor
) -> None:
    small = {**batch, "case_ids": torch.zeros_like(batch["case_ids"])}
    large = {**batch, "case_ids": torch.full_like(batch["case_ids"], CASES.index("UPPER"))}
    first, second = (tiny_model(**inputs, regions=regions) for inputs in (small, large))
    assert apart(first.emissions, second.emissions) > CLEAR
    torch.testing.assert_close(first.relation.cosine, second.relation.cosine)


# ---- a new model --------------------------------------------------------------------------------------------------


def test_new_weights_are_those_of_the_field(tiny_config: RpBertConfig) -> None:
    """`transformers` may build on the meta device and fill weights itself: nothing may stay empty."""
    model = RpBert(tiny_config)
    lstm_bound = tiny_config.lstm_hidden**-0.5
    for parameter in model.bilstm.parameters():
        assert parameter.abs().max() <= lstm_bound
        assert parameter.std() > lstm_bound / 4
    for parameter in model.crf.parameters():
        assert 0.01 < parameter.abs().max() <= 0.1
    assert matching_of(model).log_scale.item() == pytest.approx(2.659)
    assert model.projection.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert not model.projection.bias.any()
