"""The small head that reads the pair itself."""

from pathlib import Path

import pytest
import torch
from corpus import write_corpus
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example, read_pairs
from rpbert.data.scene_lines import read_scene_file, with_scenes
from rpbert.model.inputs import Pictures, Texts, scene_tensors
from rpbert.model.modeling import RpBert
from rpbert.model.texts import collate_pieces, to_pieces
from rpbert.training import pairs as stage
from rpbert.training.pairs import pair_counts, scene_sentences

LIMIT = 48


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    data: Path = write_corpus(tmp_path_factory.mktemp("corpus"))
    return with_scenes(read_pairs(data / "pairs.jsonl"), read_scene_file(data / "scenes.jsonl"))


@torch.no_grad()
def test_what_the_head_is_fitted_on_is_what_the_model_sees(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "READ_BATCH", 3)
    said = scene_sentences(tiny_model, tokenizer, LIMIT, pairs)
    counts = pair_counts(tokenizer, LIMIT, pairs, pairs)
    assert any(pair.scene for pair in pairs)
    assert not all(pair.scene for pair in pairs)
    for row, pair in enumerate(pairs):
        pieces = to_pieces(tokenizer, pair.words, tiny_model.config.max_pieces)
        words = scene_tensors(tokenizer, LIMIT, [(pair.words, pieces)], [pair.scene])
        regions = torch.zeros(1, 49, tiny_model.config.region_channels)
        found = tiny_model.embed(Texts(**collate_pieces([pieces])), Pictures.of(regions, **words))
        torch.testing.assert_close(tiny_model.scene_sentence(found.scene, found.scene_there)[0], said[row])
        torch.testing.assert_close(found.counts[0], counts[row])
