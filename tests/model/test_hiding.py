"""Hidden cells: zero visual tokens in both passes, through the real checkpoint."""

import pytest
import torch
from rpbert.model.hiding import read_hiding

from rpbert.analyzer import Analyzer, Prepared
from rpbert.errors import UserError
from rpbert.model.configuration import REGIONS
from rpbert.model.gates import Gate
from rpbert.model.modeling import View
from rpbert.ui.samples import SAMPLES

ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"
TWEET = "Eileen Collins visits Houston #NASA"


@pytest.fixture(scope="module")
def prepared(analyzer: Analyzer) -> Prepared:
    return analyzer.prepare(TWEET, ASTRONAUT)


@torch.no_grad()
def test_nothing_hidden_is_the_model_itself(analyzer: Analyzer, prepared: Prepared) -> None:
    output = analyzer.model(**prepared.pieces, regions=prepared.regions)
    read = read_hiding(analyzer.model, prepared.pieces, prepared.regions, "soft", [])
    assert torch.equal(read.emissions, output.emissions)
    assert analyzer.predict(prepared, hidden=()).gate == float(output.gate[0])


@pytest.mark.parametrize("hidden", [(0,), (6, 7, 48), tuple(range(REGIONS))])
@torch.no_grad()
def test_hidden_cells_are_zero_visual_tokens(analyzer: Analyzer, prepared: Prepared, hidden: tuple[int, ...]) -> None:
    model, pieces = analyzer.model, dict(prepared.pieces)
    assert prepared.regions is not None
    visual = model.project(prepared.regions).clone()
    visual[0, list(hidden)] = 0
    view = View(model.text_encoder.embeddings.word_embeddings(pieces.pop("input_ids")), visual)
    expected = model.two_passes(view, view, **pieces)
    read = read_hiding(model, prepared.pieces, prepared.regions, "soft", hidden)
    torch.testing.assert_close(read.emissions, expected.emissions)
    analysis = analyzer.predict(prepared, hidden=hidden)
    assert analysis.gate == pytest.approx(float(expected.gate[0]), abs=1e-6)
    assert analysis.gate != pytest.approx(analyzer.predict(prepared).gate, abs=1e-6)


@torch.no_grad()
def test_all_cells_hidden_is_not_a_closed_gate(analyzer: Analyzer, prepared: Prepared) -> None:
    def emissions(gate: Gate, hidden: range) -> torch.Tensor:
        found = read_hiding(analyzer.model, prepared.pieces, prepared.regions, gate, hidden).emissions
        assert found is not None
        return found

    every = range(REGIONS)
    assert not torch.allclose(emissions("soft", every), emissions("closed", range(0)), atol=1e-3)
    # A factor of 0 leaves of every token just what hiding it leaves.
    torch.testing.assert_close(emissions("soft", every), emissions(0.0, range(0)), rtol=1e-4, atol=1e-4)


def test_hiding_costs_no_cnn_pass_and_tells_mistakes(
    analyzer: Analyzer, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyzer.model.region_encoder, "regions", None)
    assert analyzer.predict(prepared, 0.3, hidden={3}).gate == pytest.approx(0.3)
    for cell in (-1, REGIONS):
        with pytest.raises(UserError, match=f"no cell {cell}.*0 to 48"):
            analyzer.predict(prepared, hidden=[0, cell])
    with pytest.raises(UserError, match="no picture"):
        analyzer.predict(analyzer.prepare(TWEET, None), hidden=[0])
