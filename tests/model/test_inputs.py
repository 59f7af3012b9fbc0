"""What the model is given: hidden cells and lines through the real checkpoint, and the words of pictures as tensors."""

from collections.abc import Collection
from dataclasses import replace

import pytest
import torch
from passes import line
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.analyzer import Analyzer, Prepared
from rpbert.errors import UserError
from rpbert.model.configuration import REGIONS
from rpbert.model.gates import Gate
from rpbert.model.inputs import Pictures, Scene, collate_scenes, kept_lines, scene_tensors, to_scene
from rpbert.model.scene_text import COUNTS, line_counts
from rpbert.model.texts import to_pieces
from rpbert.ui.samples import SAMPLES

ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"
TWEET = "Eileen Collins visits Houston #NASA"


@pytest.fixture(scope="module")
def prepared(analyzer: Analyzer) -> Prepared:
    return analyzer.prepare(TWEET, ASTRONAUT, [line("NASA", 0.05), line("Space Shuttle"), line("COLLINS")])


def pictures_of(prepared: Prepared) -> Pictures:
    assert prepared.pictures is not None
    return prepared.pictures


# ---- hiding -------------------------------------------------------------------------------------------------------


def test_nothing_hidden_is_the_model_itself(analyzer: Analyzer, prepared: Prepared) -> None:
    whole = pictures_of(prepared)
    assert whole.without().cells.equal(whole.cells)
    assert whole.without().lines.equal(whole.lines)
    with torch.no_grad():
        output = analyzer.model.run(prepared.texts, whole)
    assert analyzer.predict(prepared, cells=(), lines=()).gate == float(output.gate[0])


@pytest.mark.parametrize(
    ("cells", "lines"), [((0,), ()), ((6, 7, 48), ()), (tuple(range(REGIONS)), ()), ((), (1,)), ((3,), (0, 2))]
)
@torch.no_grad()
def test_hidden_cells_and_lines_are_zero_visual_tokens(
    analyzer: Analyzer, prepared: Prepared, cells: tuple[int, ...], lines: tuple[int, ...]
) -> None:
    model, whole = analyzer.model, pictures_of(prepared)
    embedded = model.embed(prepared.texts, whole)
    visual = embedded.visual.clone()
    visual[0, list(cells)] = 0
    of_lines = torch.isin(whole.scene_line[0], torch.tensor(lines, dtype=torch.long))
    visual[0, REGIONS:][of_lines] = 0
    left = [number for number in range(3) if number not in lines]
    seen = [cell for cell in range(REGIONS) if cell not in cells]
    pooled = whole.regions[:, seen].sum(dim=1) / REGIONS  # a hidden cell counts, as zeros
    standing = whole.echo[:, :, left].sum(dim=2, keepdim=True).clamp(max=1)
    counts = whole.line_counts[:, left].sum(dim=1)
    there = embedded.scene_there * ~of_lines
    by_hand = replace(embedded, visual=visual, pooled=pooled, echo=standing, counts=counts, scene_there=there)
    expected = model.two_passes(prepared.texts, by_hand, by_hand)
    found = model.run(prepared.texts, whole.without(cells, lines))
    torch.testing.assert_close(found.emissions, expected.emissions, rtol=1e-4, atol=1e-4)
    analysis = analyzer.predict(prepared, cells=cells, lines=lines)
    assert expected.gate is not None
    assert analysis.gate == pytest.approx(float(expected.gate[0]), abs=1e-5)
    assert analysis.gate != pytest.approx(analyzer.predict(prepared).gate, abs=1e-6)


@torch.no_grad()
def test_everything_hidden_is_not_a_closed_gate(analyzer: Analyzer, prepared: Prepared) -> None:
    def emissions(gate: Gate, cells: Collection[int] = (), lines: Collection[int] = ()) -> Tensor:
        found = analyzer.model.run(prepared.texts, pictures_of(prepared).without(cells, lines), gate).emissions
        assert found is not None
        return found

    everything = range(REGIONS), range(3)
    assert not torch.allclose(emissions("soft", *everything), emissions("closed"), atol=1e-3)
    # A factor of 0 leaves of every token just what hiding it leaves.
    torch.testing.assert_close(emissions("soft", *everything), emissions(0.0), rtol=1e-4, atol=1e-4)


def test_hiding_costs_no_cnn_pass_and_tells_mistakes(
    analyzer: Analyzer, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyzer.model.region_encoder, "regions", None)
    assert analyzer.predict(prepared, 0.3, cells={3}, lines={1}).gate == pytest.approx(0.3)
    for cell in (-1, REGIONS):
        with pytest.raises(UserError, match=f"no cell {cell}.*0 to 48"):
            analyzer.predict(prepared, cells=[0, cell])
    for number in (-1, 3):
        with pytest.raises(UserError, match=f"no line {number}: 3 lines"):
            analyzer.predict(prepared, lines=[0, number])
    for hidden in ({"cells": [0]}, {"lines": [0]}):
        with pytest.raises(UserError, match="no picture"):
            analyzer.predict(analyzer.prepare(TWEET, None), **hidden)


def test_hiding_leaves_the_picture_itself_as_it_is(prepared: Prepared) -> None:
    whole = pictures_of(prepared)
    assert whole.without([5], [0]).without([6]).cells[0, [4, 5, 6]].tolist() == [1, 0, 0]  # and hides more
    assert whole.cells.all()
    assert whole.lines.all()


# ---- the words of pictures as tensors -----------------------------------------------------------------------------


def test_the_largest_lines_that_fit_are_kept_in_reading_order(tokenizer: PreTrainedTokenizerBase) -> None:
    small, large, long, middle = line("meet", 0.01), line("paris", 0.5), line("london " * 4, 0.4), line("obama", 0.1)
    scene = [small, large, long, middle]  # of 1, 1, 4 and 1 pieces
    assert kept_lines(tokenizer, scene, 99) == (small, large, long, middle)
    assert kept_lines(tokenizer, scene, 6) == (large, long, middle)
    assert kept_lines(tokenizer, scene, 5) == (large, long)
    assert kept_lines(tokenizer, scene, 4) == (small, large, middle)  # a long line gives way to those that fit
    assert kept_lines(tokenizer, scene, 1) == (large,)
    assert kept_lines(tokenizer, scene, 0) == kept_lines(tokenizer, [], 9) == ()


def test_a_line_without_pieces_is_not_kept(tokenizer: PreTrainedTokenizerBase) -> None:
    assert kept_lines(tokenizer, [line("\u200d"), line("nasa")], 9) == (line("nasa"),)


def scene_of(tokenizer: PreTrainedTokenizerBase, tweet: str, *lines: str, limit: int = 60) -> Scene:
    words = tweet.split()
    return to_scene(tokenizer, words, to_pieces(tokenizer, words, limit), [line(text) for text in lines])


def test_a_scene_beside_its_tweet(tokenizer: PreTrainedTokenizerBase) -> None:
    # [CLS] meet b ##o ##b in paris [SEP] beside "PARIS in the" and "Bob x1"
    found = scene_of(tokenizer, "meet Bob in Paris", "PARIS in the", "Bob x1")
    assert tokenizer.convert_ids_to_tokens(found.input_ids) == ["paris", "in", "the", "b", "##o", "##b", "x", "##1"]
    assert found.line == [0, 0, 0, 1, 1, 1, 1, 1]
    assert found.echo.T.tolist() == [[0, 0, 0, 0, 0, 0, 1, 0], [0, 0, 1, 1, 1, 0, 0, 0]]
    words = ["meet", "Bob", "in", "Paris"]
    expected = [line_counts(line("PARIS in the"), words, [3]), line_counts(line("Bob x1"), words, [1])]
    assert torch.equal(found.counts, torch.stack(expected))


def test_what_looks_like_a_sign_of_the_tokenizer_is_text(tokenizer: PreTrainedTokenizerBase) -> None:
    found = scene_of(tokenizer, "paris", "[SEP] x[MASK]", "\ud83d at [ paris ]")
    read = tokenizer.convert_ids_to_tokens(found.input_ids)
    assert not {"[SEP]", "[MASK]"} & set(read)
    assert read[:4] == ["[", "s", "##e", "##p"]
    assert read[-4:] == ["at", "[", "paris", "]"]  # half an emoji is left out
    assert found.echo[1].tolist() == [0, 1]


def test_words_of_the_tweet_that_did_not_fit_have_no_echo(tokenizer: PreTrainedTokenizerBase) -> None:
    found = scene_of(tokenizer, "meet obama in paris", "PARIS", limit=5)  # three words fit
    assert not found.echo.any()
    assert found.counts[0, 4] == 0


def test_no_lines_are_an_empty_scene(tokenizer: PreTrainedTokenizerBase) -> None:
    found = scene_of(tokenizer, "meet paris")
    assert (found.input_ids, found.line) == ([], [])
    assert found.counts.shape == (0, COUNTS)
    assert found.echo.shape == (4, 0)


def test_scenes_are_padded_on_the_right(tokenizer: PreTrainedTokenizerBase) -> None:
    long = scene_of(tokenizer, "meet obama in paris", "PARIS", "meet obama")
    none, short = scene_of(tokenizer, "nasa"), scene_of(tokenizer, "nasa", "NASA")
    tensors = collate_scenes([long, none, short])
    assert tensors["scene_ids"].tolist() == [long.input_ids, [0, 0, 0], [*short.input_ids, 0, 0]]
    assert tensors["scene_line"].tolist() == [[0, 1, 1], [-1, -1, -1], [0, -1, -1]]
    assert tensors["line_counts"].shape == (3, 2, COUNTS)
    assert torch.equal(tensors["line_counts"][2, 0], short.counts[0])
    assert not tensors["line_counts"][1].any()
    assert not tensors["line_counts"][2, 1].any()
    assert tensors["echo"].shape == (3, 6, 2)
    assert torch.equal(tensors["echo"][0], long.echo)
    assert tensors["echo"][2, :, 0].tolist() == [0, 1, 0, 0, 0, 0]
    assert not tensors["echo"][1].any()


def test_scenes_without_any_words_fit_the_model_too(tokenizer: PreTrainedTokenizerBase) -> None:
    tensors = collate_scenes([scene_of(tokenizer, "nasa"), scene_of(tokenizer, "meet paris")])
    assert tensors["scene_ids"].shape == tensors["scene_line"].shape == (2, 0)
    bare = Pictures.of(torch.zeros(2, REGIONS, 4))
    pictures = Pictures.of(torch.zeros(2, REGIONS, 4), **tensors)
    assert pictures.lines.shape == bare.lines.shape == (2, 0)
    assert tensors["scene_ids"].dtype == bare.scene_ids.dtype


def test_tensors_of_several_tweets_are_cut_to_the_limit(tokenizer: PreTrainedTokenizerBase) -> None:
    words = ["meet", "paris"]
    scene = [line("paris obama", 0.1), line("nasa", 0.2)]
    tensors = scene_tensors(tokenizer, 2, [(words, to_pieces(tokenizer, words, 60))] * 2, [scene, scene[:1]])
    kept = [tokenizer.convert_ids_to_tokens(row) for row in tensors["scene_ids"].tolist()]
    assert kept == [["nasa", "[PAD]"], ["paris", "obama"]]
    assert tensors["echo"][:, 2, 0].tolist() == [0, 1]
