"""The contrast against arithmetic done by hand."""

import math

import pytest
import torch

from rpbert.model.matching import contrastive_loss

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
