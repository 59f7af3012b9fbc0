"""Gate settings and the numbers they stand for."""

import math

import pytest
import torch

from rpbert.errors import UserError
from rpbert.model.gates import Gate, closes_regions, gate_value, parse_gate

# Differences of log 3, -log 3 and 0: relation probabilities of 3/4, 1/4 and 1/2.
LOGITS = torch.tensor([[0.0, math.log(3)], [math.log(3), 0.0], [2.0, 2.0]])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("soft", "soft"),
        ("SOFT ", "soft"),
        (" Hard", "hard"),
        ("open", "open"),
        ("closed\n", "closed"),
        ("0.3", 0.3),
        (" 1 ", 1.0),
        (0, 0.0),
        (0.25, 0.25),
        (1, 1.0),
    ],
)
def test_parse_gate_accepts(given: Gate, expected: Gate) -> None:
    parsed = parse_gate(given)
    assert parsed == expected
    assert type(parsed) is type(expected)


@pytest.mark.parametrize(
    "given",
    [
        *("nan", "1.5", "-0.1", "inf", "", "soft hard", "half", "0,3", None, math.nan, 1.0001, -1, [0.5], {}),
        pytest.param(10**400, id="too large for a float"),
    ],
)
def test_parse_gate_refuses_with_a_sentence(given: object) -> None:
    with pytest.raises(UserError) as caught:
        parse_gate(given)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "soft, hard, open or closed" in message
    assert "a number from 0 to 1" in message
    assert repr(str(given)[:40]) in message
    assert message.endswith(".")


def test_refusal_does_not_repeat_a_page_of_input() -> None:
    with pytest.raises(UserError) as caught:
        parse_gate("x" * 10_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ("soft", [0.75, 0.25, 0.5]),
        ("hard", [1.0, 0.0, 0.0]),  # the threshold is r > 0.5: a tie stays out
        ("open", [1.0, 1.0, 1.0]),
        ("closed", [0.0, 0.0, 0.0]),
        (0.3, [0.3, 0.3, 0.3]),
        (0.0, [0.0, 0.0, 0.0]),
    ],
)
def test_gate_value(gate: Gate, expected: list[float]) -> None:
    assert gate_value(gate, LOGITS).tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("gate", ["soft", "open", "closed", 0.3])
def test_only_the_hard_gate_is_sampled(gate: Gate) -> None:
    torch.testing.assert_close(gate_value(gate, LOGITS, training=True), gate_value(gate, LOGITS))


def test_hard_gate_is_sampled_in_training() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sample = gate_value("hard", LOGITS.repeat(2000, 1), training=True).view(2000, 3)
    assert set(sample.unique().tolist()) == {0.0, 1.0}
    # Gumbel-max draws from the softmax; 2000 draws have a standard error of about 0.01.
    assert sample.mean(dim=0).tolist() == pytest.approx([0.75, 0.25, 0.5], abs=0.04)


def test_sampled_hard_gate_is_straight_through() -> None:
    logits = LOGITS.clone().requires_grad_()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        gate_value("hard", logits, training=True).sum().backward()
    assert logits.grad is not None
    assert (logits.grad[:, 1] > 0).all(), "more 'adds' must open the gate, also where the sample fell on 0"
    torch.testing.assert_close(logits.grad[:, 0], -logits.grad[:, 1])


def test_soft_gate_has_the_slope_of_a_softmax() -> None:
    logits = LOGITS.clone().requires_grad_()
    gate_value("soft", logits).sum().backward()
    assert logits.grad is not None
    assert logits.grad[:, 1].tolist() == pytest.approx([0.1875, 0.1875, 0.25], abs=1e-6)  # r (1 - r)


def test_thresholded_hard_gate_has_no_gradient() -> None:
    assert not gate_value("hard", LOGITS.clone().requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ("closed", [True, True, True]),
        ("hard", [True, True, False]),
        ("soft", [False, False, False]),
        ("open", [False, False, False]),
        (0.0, [False, False, False]),  # a zeroed region is still there
    ],
)
def test_closes_regions(gate: Gate, expected: list[bool]) -> None:
    assert closes_regions(gate, torch.tensor([0.0, 0.4, 1.0])).tolist() == expected
