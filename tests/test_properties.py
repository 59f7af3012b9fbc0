"""Properties that hold for every input, tried on inputs that hypothesis makes up."""

import math
from itertools import pairwise
from pathlib import Path

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import read_conll, repair_bio
from rpbert.errors import UserError
from rpbert.model.configuration import LABELS
from rpbert.model.crf import Crf, spans_of
from rpbert.model.gates import closes_regions, gate_value, parse_gate
from rpbert.model.texts import has_text, split_words, to_pieces
from rpbert.ui.samples import load_samples
from rpbert.ui.share.links import TABS, Place, from_query, to_query

# The same examples in every run: a test that fails one day in ten helps nobody.
quick = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
any_text = st.text(st.characters(), max_size=200)  # halves of emoji included
labels = st.lists(st.sampled_from(LABELS), max_size=12).map(tuple)


@quick
@given(any_text)
def test_words_are_pieces_of_the_text_in_its_order(text: str) -> None:
    if not has_text(text):
        return
    words = split_words(text)
    assert all(word.text == text[word.start : word.end] != "" for word in words)
    assert all(before.end <= after.start for before, after in pairwise(words))
    between = set(range(len(text))) - {place for word in words for place in range(word.start, word.end)}
    assert all(not text[place].strip() for place in between)  # only space is left out


@quick
@given(any_text, st.integers(4, 40))
def test_pieces_fit_and_stand_in_the_order_of_their_words(
    tokenizer: PreTrainedTokenizerBase, text: str, limit: int
) -> None:
    if not has_text(text):
        return
    pieces = to_pieces(tokenizer, [word.text for word in split_words(text)], limit)
    assert 3 <= len(pieces.input_ids) <= limit
    inner = pieces.word_index[1:-1]
    assert inner == sorted(inner)
    assert set(inner) == set(range(pieces.words))


@quick
@given(labels)
def test_repaired_labels_are_valid_and_lose_no_name(found: tuple[str, ...]) -> None:
    fixed = repair_bio(found)
    spans = spans_of(fixed)  # asserts that they are valid
    assert repair_bio(fixed) == fixed
    assert [label[2:] for label in fixed] == [label[2:] for label in found]
    assert sum(end - start for start, end, _ in spans) == sum(label != "O" for label in found)


@quick
@given(st.integers(1, 8), st.integers(0, 10_000))
def test_the_best_path_is_valid_and_no_likelier_than_all(words: int, seed: int) -> None:
    torch.manual_seed(seed)
    crf = Crf(LABELS)
    emissions, mask = 5 * torch.randn(1, words, len(LABELS)), torch.ones(1, words, dtype=torch.bool)
    (path,) = crf.viterbi(emissions, mask)
    spans_of([LABELS[label] for label in path])  # asserts that it is valid
    best = crf.log_likelihood(emissions, torch.tensor([path]), mask)
    assert float(best) <= 1e-4
    marginals = crf.marginals(emissions, mask)
    assert torch.allclose(marginals.sum(dim=2), torch.ones(1, words), atol=1e-4)


@quick
@given(st.one_of(st.floats(), st.integers(), any_text))
def test_a_gate_is_a_setting_or_a_sentence(value: float | str) -> None:
    try:
        gate = parse_gate(value)
    except UserError:
        return
    factor = gate_value(gate, torch.tensor([[0.3, -0.2], [-5.0, 5.0]]))
    assert all(math.isfinite(one) and 0 <= one <= 1 for one in factor.tolist())
    closed = closes_regions(gate, factor)
    assert not bool((closed & (factor > 0.5)).any())


@quick
@given(
    any_text.filter(has_text),
    st.sampled_from([None, *(sample.picture_id for sample in load_samples())]),
    st.one_of(st.sampled_from(["soft", "hard", "open", "closed"]), st.floats(0, 1)),
    st.sampled_from(TABS),
    st.one_of(st.none(), st.integers(0, 30)),
)
def test_a_link_leads_back_to_where_it_was_made(
    text: str, sample: str | None, gate: str | float, tab: str, entity: int | None
) -> None:
    from urllib.parse import parse_qsl

    sound = text.encode("utf-8", "replace").decode()
    place = Place(sound, sample, gate, tab, entity)
    back = from_query(dict(parse_qsl(to_query(place), keep_blank_values=True)))
    assert back is not None
    assert (back.text, back.sample, back.tab, back.entity) == (sound, sample, tab, entity)
    assert back.gate == gate if isinstance(gate, str) else math.isclose(float(back.gate), gate, abs_tol=0.005)


@quick
@given(st.dictionaries(st.sampled_from(["text", "picture", "gate", "tab", "name", "method"]), any_text))
def test_any_link_is_read_or_ignored(params: dict[str, str]) -> None:
    place = from_query(params)
    if place is not None:
        assert place.tab in TABS
        parse_gate(place.gate)


@quick
@given(st.binary(max_size=300))
def test_any_file_is_read_or_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tweets.txt"
    path.write_bytes(content)
    try:
        examples = read_conll(path)
    except UserError:
        return
    assert all(len(example.words) == len(example.labels or ()) for example in examples)
