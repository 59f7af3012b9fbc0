"""The CRF against brute force: every path that BIO allows, written out and summed in plain Python."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from rpbert.model.configuration import ENTITY_TYPES, LABELS
from rpbert.model.crf import Crf, allowed_starts, allowed_transitions, spans_of

LENGTHS = (4, 3, 1, 2)
Path = tuple[int, ...]
Spans = set[tuple[int, int, str]]


def follows_bio(labels: list[str]) -> bool:
    """The rule itself: an I-X stands directly behind B-X or I-X."""
    return all(
        not label.startswith("I-") or before in (f"B-{label[2:]}", label)
        for before, label in zip(["O", *labels], labels, strict=False)
    )


def valid_paths(words: int) -> list[Path]:
    every = itertools.product(range(len(LABELS)), repeat=words)
    return [path for path in every if follows_bio([LABELS[label] for label in path])]


PATHS = {words: valid_paths(words) for words in set(LENGTHS)}


def path_scores(crf: Crf, emissions: Tensor, words: int) -> dict[Path, float]:
    """The score of every valid path of a sentence (W, L) of which `words` count, from its definition."""
    start, end, steps = (
        parameter.tolist() for parameter in (crf.start_transitions, crf.end_transitions, crf.transitions)
    )
    rows = emissions.tolist()
    return {
        path: start[path[0]]
        + sum(rows[word][label] for word, label in enumerate(path))
        + sum(steps[one][two] for one, two in itertools.pairwise(path))
        + end[path[-1]]
        for path in PATHS[words]
    }


def entities(path: Path) -> Spans:
    """Entities of a path, found by looking at every word range (`spans_of` walks the labels instead)."""
    names = [LABELS[label] for label in path]
    found = set()
    for start, end in itertools.combinations(range(len(names) + 1), 2):
        kind = names[start][2:]
        inside = names[start].startswith("B-") and all(name == f"I-{kind}" for name in names[start + 1 : end])
        if inside and (end == len(names) or names[end] != f"I-{kind}"):
            found.add((start, end, kind))
    return found


def random_crf(seed: int = 0, scale: float = 1.0) -> Crf:
    generator = torch.Generator().manual_seed(seed)
    crf = Crf(LABELS).double()
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.double))
    return crf


def mask_of(lengths: tuple[int, ...]) -> Tensor:
    return torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)


@pytest.fixture(scope="module")
def crf() -> Crf:
    return random_crf()


@pytest.fixture(scope="module")
def emissions() -> Tensor:
    """Four sentences; what stands in the padding would drown everything if it were read."""
    noise = 1.5 * torch.randn(len(LENGTHS), max(LENGTHS), len(LABELS), generator=torch.Generator().manual_seed(5))
    return torch.where(mask_of(LENGTHS).unsqueeze(2), noise.double(), noise.double() * 1000)


@pytest.fixture(scope="module")
def probabilities(crf: Crf, emissions: Tensor) -> list[dict[Path, float]]:
    """P(path) of every path of every sentence."""
    result = []
    for row, length in enumerate(LENGTHS):
        weights = {path: math.exp(score) for path, score in path_scores(crf, emissions[row], length).items()}
        total = sum(weights.values())
        result.append({path: weight / total for path, weight in weights.items()})
    return result


def all_spans() -> list[tuple[int, int, int]]:
    """(row, start, end) of every word range of every sentence."""
    return [
        (row, start, end)
        for row, length in enumerate(LENGTHS)
        for start, end in itertools.combinations(range(length + 1), 2)
    ]


def span_probability(
    crf: Crf, emissions: Tensor, mask: Tensor, spans: list[tuple[int, int, int]], kinds: list[str | None]
) -> Tensor:
    row, start, end = torch.tensor(spans).T
    return crf.span_log_probability(emissions, mask, row, start, end, kinds).exp()


def test_allowed_is_the_bio_rule() -> None:
    assert [LABELS[i] for i in allowed_starts(LABELS).nonzero().flatten()] == ["O", "B-PER", "B-LOC", "B-ORG", "B-MISC"]
    for before, after in itertools.product(range(len(LABELS)), repeat=2):
        expected = follows_bio(["B-" + LABELS[before][2:], LABELS[before], LABELS[after]])
        if LABELS[before] == "O":
            expected = follows_bio(["O", LABELS[after]])
        assert bool(allowed_transitions(LABELS)[before, after]) is expected, (LABELS[before], LABELS[after])


def test_score_computed_by_hand() -> None:
    crf = Crf(LABELS)
    begin, inside = LABELS.index("B-LOC"), LABELS.index("I-LOC")
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.zero_()
        crf.start_transitions[begin] = 1.0
        crf.transitions[begin, inside] = 2.0  # [from, to]
        crf.transitions[inside, begin] = 64.0  # the other way round: must not count
        crf.transitions[inside, 0] = 4.0
        crf.end_transitions[0] = 8.0
    emissions = torch.zeros(1, 3, len(LABELS))
    emissions[0, 0, begin], emissions[0, 1, inside], emissions[0, 2, 0] = 0.5, 0.25, 0.125
    score = crf.score(emissions, torch.tensor([[begin, inside, 0]]), torch.ones(1, 3, dtype=torch.bool))
    assert score.tolist() == [15.875]


def test_log_partition_sums_all_paths(crf: Crf, emissions: Tensor) -> None:
    expected = [
        math.log(sum(math.exp(score) for score in path_scores(crf, emissions[row], length).values()))
        for row, length in enumerate(LENGTHS)
    ]
    assert crf.log_partition(emissions, mask_of(LENGTHS)).tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("filler", [0, len(LABELS) - 1])
def test_score_and_likelihood_of_each_path(
    crf: Crf, emissions: Tensor, probabilities: list[dict[Path, float]], filler: int
) -> None:
    """Whatever valid label stands in the padding."""
    for row, length in enumerate(LENGTHS):
        paths = PATHS[length]
        labels = torch.full((len(paths), max(LENGTHS)), filler)
        labels[:, :length] = torch.tensor(paths)
        repeated = emissions[row].expand(len(paths), -1, -1)
        mask = mask_of(LENGTHS)[row].expand(len(paths), -1)
        expected = list(path_scores(crf, emissions[row], length).values())
        assert crf.score(repeated, labels, mask).tolist() == pytest.approx(expected, abs=1e-9)
        likelihood = crf.log_likelihood(repeated, labels, mask).exp()
        assert likelihood.tolist() == pytest.approx([probabilities[row][path] for path in paths], rel=1e-8)
        assert likelihood.sum().item() == pytest.approx(1.0, abs=1e-9)


def test_forbidden_path_has_no_probability() -> None:
    crf = random_crf()
    with torch.no_grad():  # as if training had come to love the forbidden step
        crf.transitions[LABELS.index("O"), LABELS.index("I-PER")] = 50.0
        crf.start_transitions[LABELS.index("I-PER")] = 50.0
    emissions = torch.zeros(2, 2, len(LABELS), dtype=torch.double)
    labels = torch.tensor([[LABELS.index("O"), LABELS.index("I-PER")], [LABELS.index("I-PER"), LABELS.index("O")]])
    likelihood = crf.log_likelihood(emissions, labels, torch.ones(2, 2, dtype=torch.bool))
    assert (likelihood < -5000).all()


def test_viterbi_is_the_most_probable_path(emissions: Tensor) -> None:
    for seed in range(10):
        crf = random_crf(seed, scale=2.0)
        scores = [path_scores(crf, emissions[row], length) for row, length in enumerate(LENGTHS)]
        best = [list(max((score, path) for path, score in sentence.items())[1]) for sentence in scores]
        assert crf.viterbi(emissions, mask_of(LENGTHS)) == best


@pytest.mark.parametrize("scale", [1.0, 1e2, 1e4, 1e6])
def test_viterbi_never_breaks_bio(scale: float) -> None:
    lengths = (12, 1, 7, 2, 12, 5) * 4
    inside = torch.tensor([label.startswith("I-") for label in LABELS])
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        crf = random_crf(seed, scale=scale / 10).float()
        emissions = scale * torch.randn(len(lengths), 12, len(LABELS), generator=generator)
        emissions[::2] += scale * inside  # every other sentence is drawn to I- labels
        paths = crf.viterbi(emissions, mask_of(lengths))
        assert [len(path) for path in paths] == list(lengths)
        assert all(follows_bio([LABELS[label] for label in path]) for path in paths)
        assert any("I-" in LABELS[label] for path in paths for label in path)  # the trap was one


def test_marginals_equal_enumeration(crf: Crf, emissions: Tensor, probabilities: list[dict[Path, float]]) -> None:
    marginals = crf.marginals(emissions, mask_of(LENGTHS))
    for row, length in enumerate(LENGTHS):
        for word, label in itertools.product(range(length), range(len(LABELS))):
            expected = sum(p for path, p in probabilities[row].items() if path[word] == label)
            assert float(marginals[row, word, label]) == pytest.approx(expected, abs=1e-9)
    assert (marginals[~mask_of(LENGTHS)] == 0).all()


def test_marginals_leave_no_trace() -> None:
    """They are asked for while predicting: under no_grad, and the parameters must not collect a gradient."""
    crf = random_crf()
    with torch.no_grad():
        marginals = crf.marginals(torch.zeros(1, 2, len(LABELS), dtype=torch.double), mask_of((2,)))
    assert not marginals.requires_grad
    assert crf.transitions.grad is None


@pytest.mark.parametrize("kind", [*ENTITY_TYPES, None])
def test_span_probability_equals_enumeration(
    crf: Crf, emissions: Tensor, probabilities: list[dict[Path, float]], kind: str | None
) -> None:
    spans = all_spans()
    found = span_probability(crf, emissions, mask_of(LENGTHS), spans, [kind] * len(spans))
    for (row, start, end), value in zip(spans, found.tolist(), strict=True):
        if kind is None:
            expected = sum(p for path, p in probabilities[row].items() if not any(path[start:end]))  # O is label 0
        else:
            expected = sum(p for path, p in probabilities[row].items() if (start, end, kind) in entities(path))
        assert value == pytest.approx(expected, rel=1e-7), (row, start, end)


@pytest.mark.parametrize("kind", [*ENTITY_TYPES, None])
def test_span_probability_at_a_temperature_equals_enumeration(emissions: Tensor, kind: str | None) -> None:
    """All scores of a path, transitions too, are divided by the temperature."""
    crf = random_crf()
    crf.temperature = 2.0
    spans = all_spans()
    found = span_probability(crf, emissions, mask_of(LENGTHS), spans, [kind] * len(spans))
    for (row, start, end), value in zip(spans, found.tolist(), strict=True):
        weights = {path: math.exp(score / 2) for path, score in path_scores(crf, emissions[row], LENGTHS[row]).items()}
        readings = (path for path in weights if kind is None or (start, end, kind) in entities(path))
        chosen = sum(weights[path] for path in readings if kind is not None or not any(path[start:end]))
        assert value == pytest.approx(chosen / sum(weights.values()), rel=1e-7), (row, start, end)


def test_the_temperature_is_for_spans_alone(crf: Crf, emissions: Tensor) -> None:
    warm, mask = random_crf(), mask_of(LENGTHS)
    warm.temperature = 2.0
    labels = torch.zeros(mask.shape, dtype=torch.long)
    assert torch.equal(warm.log_likelihood(emissions, labels, mask), crf.log_likelihood(emissions, labels, mask))
    assert torch.equal(warm.marginals(emissions, mask), crf.marginals(emissions, mask))
    assert warm.viterbi(emissions, mask) == crf.viterbi(emissions, mask)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_readings_of_a_word_sum_to_one(temperature: float) -> None:
    """Each word is O or lies in exactly one span of one type: too many paths to list, but this must hold."""
    words = 6
    crf = random_crf(3)
    crf.temperature = temperature
    emissions = torch.randn(1, words, len(LABELS), generator=torch.Generator().manual_seed(3)).double()
    for word in range(words):
        ranges = [(0, s, e) for s, e in itertools.combinations(range(words + 1), 2) if s <= word < e]
        spans = [(0, word, word + 1), *(span for span in ranges for _ in ENTITY_TYPES)]
        kinds: list[str | None] = [None, *(kind for _ in ranges for kind in ENTITY_TYPES)]
        found = span_probability(crf, emissions, mask_of((words,)), spans, kinds)
        assert found.sum().item() == pytest.approx(1.0, abs=1e-9)


def test_one_word_sentence_is_a_softmax(crf: Crf) -> None:
    emissions = torch.randn(1, 1, len(LABELS), generator=torch.Generator().manual_seed(9)).double()
    scores = emissions[0, 0] + crf.start_transitions + crf.end_transitions
    expected = scores[[LABELS.index(label) for label in ("O", "B-PER", "B-LOC", "B-ORG", "B-MISC")]].softmax(dim=0)
    found = span_probability(crf, emissions, mask_of((1,)), [(0, 0, 1)] * 5, [None, *ENTITY_TYPES])
    torch.testing.assert_close(found, expected)
    assert crf.viterbi(emissions, mask_of((1,))) == [[[0, 1, 3, 5, 7][int(expected.argmax())]]]


def test_gradient_of_a_span_is_choice_minus_marginal(crf: Crf, emissions: Tensor) -> None:
    """d log P(span) / d emission = P(label given the span) - P(label): known in full at the span's own words."""
    leaf = emissions.clone().requires_grad_()
    row, start, end = (torch.tensor([index]) for index in (0, 1, 3))
    value = crf.span_log_probability(leaf, mask_of(LENGTHS), row, start, end, ["ORG"])
    (gradient,) = torch.autograd.grad(value.sum(), leaf)
    marginals = crf.marginals(emissions, mask_of(LENGTHS))
    chosen = torch.zeros(2, len(LABELS), dtype=torch.double)
    chosen[0, LABELS.index("B-ORG")] = chosen[1, LABELS.index("I-ORG")] = 1
    torch.testing.assert_close(gradient[0, 1:3], chosen - marginals[0, 1:3])
    assert gradient.isfinite().all()
    assert (gradient[1:] == 0).all(), "other sentences of the batch have no part in it"


def test_gradient_of_a_span_stays_finite_when_the_model_is_sure() -> None:
    """Float32 and emissions of a well-trained model: improbable readings are very negative, never nan."""
    crf = random_crf().float()
    leaf = torch.zeros(2, 3, len(LABELS))
    leaf[:, :, LABELS.index("B-PER")] = 80.0
    leaf.requires_grad_()
    kinds: list[str | None] = ["PER", "LOC", None]
    rows, starts, ends = torch.tensor([[0, 0, 1], [0, 1, 0], [1, 3, 2]])
    values = crf.span_log_probability(leaf, mask_of((3, 2)), rows, starts, ends, kinds)
    (gradient,) = torch.autograd.grad(values.sum(), leaf)
    assert values.isfinite().all()
    assert (values <= 1e-4).all()
    assert values[0] > -1e-3
    assert values[1] < -70
    assert values[2] < -150
    assert gradient.isfinite().all()


def test_likelihood_trains_the_transitions() -> None:
    """The reference code left the CRF out of its optimizer: here every allowed score must get a gradient."""
    crf = random_crf()
    emissions = torch.zeros(1, 3, len(LABELS), dtype=torch.double)
    loss = -crf.log_likelihood(emissions, torch.tensor([[1, 2, 0]]), mask_of((3,))).sum()
    loss.backward()
    assert crf.transitions.grad is not None
    assert torch.equal(crf.transitions.grad != 0, allowed_transitions(LABELS))
    assert crf.start_transitions.grad is not None
    assert torch.equal(crf.start_transitions.grad != 0, allowed_starts(LABELS))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([], []),
        (["O", "O"], []),
        (["B-PER"], [(0, 1, "PER")]),
        (["B-PER", "I-PER", "O", "B-LOC"], [(0, 2, "PER"), (3, 4, "LOC")]),
        (["B-ORG", "B-ORG", "I-ORG"], [(0, 1, "ORG"), (1, 3, "ORG")]),
        (["O", "B-MISC", "I-MISC", "I-MISC", "B-PER"], [(1, 4, "MISC"), (4, 5, "PER")]),
    ],
)
def test_spans_of(labels: list[str], expected: list[tuple[int, int, str]]) -> None:
    assert spans_of(labels) == expected


def test_spans_of_agrees_with_looking_at_every_range() -> None:
    for path in PATHS[4]:
        assert set(spans_of([LABELS[label] for label in path])) == entities(path)


def test_cross_entropy_by_brute_force() -> None:
    """The sum over all paths of P(path | teacher) times -log P(path), mean over the sentences."""
    torch.manual_seed(4)
    crf, teacher = Crf(LABELS), Crf(LABELS)
    for parameter in (*crf.parameters(), *teacher.parameters()):
        torch.nn.init.normal_(parameter)
    emissions, taught = torch.randn(2, len(LENGTHS), 4, len(LABELS))
    mask = torch.arange(4) < torch.tensor(LENGTHS).unsqueeze(1)
    total = 0.0
    for row, words in enumerate(LENGTHS):
        learned, wanted = path_scores(crf, emissions[row], words), path_scores(teacher, taught[row], words)
        log_z, log_z_teacher = (
            math.log(sum(math.exp(score) for score in scores.values())) for scores in (learned, wanted)
        )
        total += sum(math.exp(wanted[path] - log_z_teacher) * (log_z - learned[path]) for path in learned)
    assert crf.cross_entropy(emissions, mask, teacher, taught).item() == pytest.approx(total / len(LENGTHS), rel=1e-4)


def test_cross_entropy_is_least_for_the_teachers_own_scores() -> None:
    """Learned from by gradient steps on everything, the teacher's marginals come out."""
    torch.manual_seed(5)
    crf, teacher = Crf(LABELS), Crf(LABELS)
    torch.nn.init.normal_(teacher.transitions)
    emissions, taught = torch.zeros(1, 3, len(LABELS), requires_grad=True), 2 * torch.randn(1, 3, len(LABELS))
    mask = torch.ones(1, 3, dtype=torch.bool)
    optimizer = torch.optim.Adam([emissions, *crf.parameters()], lr=0.1)
    for _ in range(300):
        loss = crf.cross_entropy(emissions, mask, teacher, taught)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.allclose(crf.marginals(emissions, mask), teacher.marginals(taught, mask), atol=0.01)
    assert all(parameter.grad is None for parameter in teacher.parameters())  # the teacher is not trained


def test_cross_entropy_with_a_sure_teacher_is_the_likelihood_of_its_path() -> None:
    torch.manual_seed(6)
    crf, teacher = Crf(LABELS), Crf(LABELS)
    emissions, mask = torch.randn(1, 3, len(LABELS)), torch.ones(1, 3, dtype=torch.bool)
    path = torch.tensor([[LABELS.index("O"), LABELS.index("B-PER"), LABELS.index("I-PER")]])
    sure = torch.nn.functional.one_hot(path, len(LABELS)) * 100.0
    assert torch.allclose(
        crf.cross_entropy(emissions, mask, teacher, sure), -crf.log_likelihood(emissions, path, mask).mean()
    )
