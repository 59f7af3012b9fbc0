"""The matching of tweets and pictures, against arithmetic done by hand."""

import copy
import math

import pytest
import torch

from rpbert.model.matching import CLASSES, Matching, PictureMap, contrastive_loss
from rpbert.model.modeling import RpBert

LN2 = math.log(2)


def cross_entropy(logits: list[float], label: int) -> float:
    return math.log(sum(math.exp(value) for value in logits)) - logits[label]


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


# ---- the picture map ----------------------------------------------------------------------------------------------


@torch.no_grad()
def test_a_picture_is_what_the_cnn_found_and_the_names_of_its_likely_classes() -> None:
    """Two channels in a space of sentences with three numbers: channel 0 says class 5, channel 1 says class 7."""
    made = PictureMap(2, 3)
    made.classifier.weight.zero_()
    made.classifier.bias.fill_(-50.0)
    made.classifier.bias[[5, 7]] = 0.0
    made.classifier.weight[5, 0] = made.classifier.weight[7, 1] = math.log(3)
    made.class_vectors.weight.zero_()
    made.class_vectors.weight[:, 5] = torch.tensor([4.0, 0.0, 0.0])
    made.class_vectors.weight[:, 7] = torch.tensor([0.0, 4.0, 0.0])
    made.map.weight.zero_()
    made.map.weight[:, 2:] = torch.eye(3)  # the names as they are
    made.map.weight[2, :2] = torch.tensor([2.0, 5.0])  # and the channels, weighted, in the third number
    made.map.bias.zero_()
    # Class 5 with the odds 3 to 1: the mixture is (3, 1, 0), and the channels add (0, 0, 2).
    expected = torch.tensor([3.0, 1.0, 2.0]) / math.sqrt(14)
    torch.testing.assert_close(made(torch.tensor([[1.0, 0.0]]))[0], expected)


def test_only_the_map_itself_is_trained() -> None:
    made = PictureMap(4, 3)
    made(torch.ones(2, 4)).sum().backward()
    assert {name for name, part in made.named_parameters() if part.requires_grad} == {"map.weight", "map.bias"}
    assert made.map.weight.grad is not None
    assert made.classifier.weight.shape == (CLASSES, 4)


def test_channels_are_left_out_in_training_alone() -> None:
    made, pooled = PictureMap(40, 8), torch.rand(3, 40, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        assert torch.equal(made(pooled), made(pooled))
        assert not torch.allclose(made(pooled, 0.7), made(pooled, 0.7), atol=1e-2)


# ---- what the pair says -------------------------------------------------------------------------------------------


def matching_of(model: RpBert) -> Matching:
    assert model.matching is not None
    return model.matching


@torch.no_grad()
def test_similarity_is_a_scaled_cosine(tiny_model: RpBert) -> None:
    matching = copy.deepcopy(matching_of(tiny_model))
    matching.log_scale.fill_(torch.tensor(10.0).log())
    text, picture = torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    torch.testing.assert_close(matching.similarity(text, picture), torch.tensor([[0.0, 10.0], [8.0, 6.0]]))
    matching.log_scale.fill_(20.0)
    assert matching.similarity(text, picture).max() < 101


@torch.no_grad()
def test_belongs_is_told_by_the_cosines_and_the_counts_alone(tiny_model: RpBert) -> None:
    """Not by the vectors. Eight numbers go in: five times each cosine, and log(1 + count) of each count."""
    matching = matching_of(tiny_model)
    counts = torch.tensor([[2.0, 0.5, 0.1, 0.6, 1.0, 0.4], [0.0] * 6])
    cosines = torch.tensor([[0.3, 0.1], [-0.2, 0.0]])
    numbers = matching.pair_numbers(cosines, counts)
    expected = [[1.5, 0.5, *(math.log1p(count) for count in counts[0].tolist())], [-1.0, 0.0, *[0.0] * 6]]
    torch.testing.assert_close(numbers, torch.tensor(expected))
    logits = matching.belongs_logits(numbers)
    assert logits.shape == (2, 2)
    for number in range(8):
        changed = numbers.clone()
        changed[:, number] += 1.0
        assert (matching.belongs_logits(changed) - logits).abs().max() > 0, number


@torch.no_grad()
def test_adds_and_shows_also_read_the_three_vectors(tiny_model: RpBert) -> None:
    """By one linear map: tweet, picture and words in it one after the other, then the eight numbers."""
    matching = copy.deepcopy(matching_of(tiny_model))
    size = matching.vector_head.in_features
    hidden = (size - 8) // 3
    matching.vector_head.weight.zero_()
    matching.vector_head.bias.copy_(torch.tensor([0.0, 0.5, 0.0, -0.5]))
    matching.vector_head.weight[1, 0] = 2.0  # adds: the tweet's first number
    matching.vector_head.weight[1, hidden + 1] = 3.0  # and the picture's second
    matching.vector_head.weight[3, 3 * hidden - 1] = 4.0  # shows: the last number of the words in it
    matching.vector_head.weight[3, size - 1] = 5.0  # and the last count
    vectors, numbers = torch.zeros(1, 3, hidden), torch.zeros(1, 8)
    vectors[0, 0, 0], vectors[0, 1, 1], vectors[0, 2, -1], numbers[0, -1] = 0.1, 0.2, 0.3, 0.4
    found = matching.vector_logits(vectors, numbers)
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.2 + 0.6 + 0.5, 0.0, 1.2 + 2.0 - 0.5]]))
