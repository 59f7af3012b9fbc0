"""The card of a choice: targets, captions, scales, empty states; user text is never markup."""

import dataclasses

import pytest
from made_up import TEXT, a_map, analysis, entity, flat, shown

from rpbert.explain.attention import Attention, PassAttention
from rpbert.explain.faithfulness import Verdict
from rpbert.explain.methods import Explanation
from rpbert.explain.targets import ADDS, SHOWN, NameSpan, contrast_target, name_target
from rpbert.ui.analyse import card
from rpbert.ui.analyse.methods import method_row, rank_correlation

BOB, PARIS = entity("Bob", "PER"), entity("Paris", "LOC")
RESULT = analysis(BOB, PARIS)
HOSTILE = dataclasses.replace(BOB, text="<img src=x onerror=alert(1)>")


def test_choices_lead_to_their_targets() -> None:
    values = [value for _, value in card.target_choices(RESULT)]
    assert [card.target_of(RESULT, value) for value in values] == [ADDS, SHOWN, name_target(BOB), name_target(PARIS)]
    assert [card.entity_of(RESULT, value) for value in values] == [None, None, BOB, PARIS]


def test_readings_lead_to_their_targets() -> None:
    readings = {value: name for name, value in card.reading_choices(RESULT, 3)}
    assert set(readings) == {"found", "runner-up", "none", "PER", "ORG", "MISC"}
    assert card.target_of(RESULT, 3, "ORG") == name_target(PARIS, "ORG")
    assert card.target_of(RESULT, 3, "runner-up") == contrast_target(PARIS)
    assert card.target_of(RESULT, 3, "none").type is None
    assert readings["ORG"] == "why not ORG?"
    assert [value for _, value in card.reading_choices(RESULT, 0)] == ["found"]


def test_names_share_a_scale_and_the_relations_have_theirs() -> None:
    maps = [a_map(ADDS, flat(2)), a_map(SHOWN, flat(-3)), a_map(name_target(BOB), flat(0.1))]
    weak = a_map(name_target(PARIS), flat(0.001))
    assert card.scale_of(weak, [*maps, weak]) == 0.1
    assert card.scale_of(maps[0], maps) == 3
    assert card.scale_of(a_map(name_target(PARIS, "ORG"), flat(0.5)), maps) == 0.5
    assert "next to nothing" in card.heatmap(shown(RESULT), weak, 0.1)[1]
    assert "full colour is 0.100, for all names" in card.heatmap(shown(RESULT), weak, 0.1)[1]
    assert "next to nothing" not in card.heatmap(shown(RESULT), maps[0], 3)[1]


def test_caption_tells_method_route_unit_and_delta() -> None:
    explanation = Explanation(name_target(BOB), "integrated_gradients", "gate", flat(0.2), None, 0.1, delta=-0.031)
    caption = card.heatmap(shown(RESULT), explanation, 0.2)[1]
    for part in ("Integrated gradients", "pass 1", "log-probability (nats)", "delta -0.031"):
        assert part in caption


def test_empty_states_are_sentences() -> None:
    name = name_target(BOB)
    assert card.empty_sentence(shown(RESULT, picture=False), ADDS) == card.NO_PICTURE
    for setting in ("closed", "hard"):
        shut = shown(analysis(BOB, gate=0.0, setting=setting))
        assert card.empty_sentence(shut, name) == card.CLOSED
        assert card.empty_sentence(shut, ADDS) is None  # pass 1 still sees the picture
    assert card.empty_sentence(shown(RESULT), name) is None
    assert card.ZERO in card.heatmap(shown(RESULT), a_map(name, flat(0)), 0.1)[1]
    assert card.NO_WORDS in card.words_panel(shown(RESULT), a_map(name, flat(0), words=None))


def test_every_word_has_its_number() -> None:
    words = [word.text for word in RESULT.words]
    scores = tuple(0.1 * (-1) ** index for index in range(len(words)))
    panel = card.words_panel(shown(RESULT), a_map(ADDS, flat(1), words=scores))
    assert panel.count("+0.10") == sum(score > 0 for score in scores)
    assert panel.count("-0.10") == sum(score < 0 for score in scores)
    assert "log-odds" in panel


def test_user_text_is_escaped_everywhere() -> None:
    result = analysis(HOSTILE)
    view, explanation = shown(result), a_map(name_target(HOSTILE), flat(1), words=(0.1,) * len(RESULT.words))
    verdict = Verdict(0.1, 0.2, 0.3, 0.2, 50, 50)
    panels = [
        card.heatmap(view, explanation, 1)[1],
        card.entity_panel(view, 2, []),
        method_row(view, [(explanation, verdict)]),
    ]
    for panel in panels:
        assert HOSTILE.text not in panel
        assert "&lt;img" in panel
    assert "<b>" in TEXT
    assert "<b>" not in card.words_panel(view, explanation)


def test_card_of_a_name_and_of_a_relation() -> None:
    panel = card.entity_panel(shown(RESULT), 2, [])
    for part in ("PER", "person", "0.90", "not a name, 0.05", "falls from 0.90 to 0.80"):
        assert part in panel
    assert card.entity_panel(shown(RESULT), 0, []) == ""


@pytest.mark.parametrize(("beaten", "sign"), [(50, "✓"), (20, "!")])
def test_verdict_has_sign_sentence_and_numbers(beaten: int, sign: str) -> None:
    panel = card.verdict_panel(Verdict(-1.25, 0.5, 2.0, 0.25, beaten, 50))
    for part in (sign, f"{beaten} of 50", "-1.25", "+0.50", "+2.00", "+0.25", "nats"):
        assert part in panel


def test_attention_side_by_side() -> None:
    before, after = PassAttention(flat(0.01), 0.49), PassAttention(flat(0), 0.0)
    panel = card.attention_panel(shown(RESULT), Attention(NameSpan(0, 1, "Bob"), before, after, 0.7))
    assert panel.count("<figure>") == 2
    assert "49 %" in panel
    assert "hidden here" in panel
    assert "0.0100" in panel
    assert "raises" not in panel  # attention is not attribution


def test_methods_are_compared_by_rank() -> None:
    rising = tuple(tuple(float(7 * row + column) for column in range(7)) for row in range(7))
    falling = tuple(tuple(-value for value in row) for row in rising)
    stretched = tuple(tuple(value**3 for value in row) for row in rising)
    maps = {name: a_map(ADDS, grid) for name, grid in (("up", rising), ("down", falling), ("cube", stretched))}
    assert rank_correlation(maps["up"], maps["cube"]) == "1.00"
    assert rank_correlation(maps["up"], maps["down"]) == "-1.00"
    assert rank_correlation(maps["up"], a_map(ADDS, flat(1))) == "–"
    verdict = Verdict(0, 0, 0, 0, 40, 50)
    row = method_row(
        shown(RESULT), [(maps["up"], verdict), (dataclasses.replace(maps["down"], method="shapley"), verdict)]
    )
    assert row.count("<figure>") == 2
    assert "full colour is 48.000" in row
    assert row.count('scope="row"') == 2
