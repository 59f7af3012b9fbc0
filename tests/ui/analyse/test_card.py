"""The card of a choice: targets, captions, scales, empty states; user text is never markup."""

import dataclasses

import pytest
from made_up import TEXT, a_map, analysis, entity, flat, on_screen

from rpbert.explain.attention import Attention, PassAttention
from rpbert.explain.faithfulness import Verdict
from rpbert.explain.targets import ADDS, NameSpan, name_target
from rpbert.ui.analyse import card, maps
from rpbert.ui.analyse.methods import method_row, rank_correlation

BOB, PARIS = entity("Bob", "PER"), entity("Paris", "LOC")
RESULT = analysis(BOB, PARIS)
HOSTILE = dataclasses.replace(BOB, text="<img src=x onerror=alert(1)>")


def test_every_word_has_its_number() -> None:
    words = [word.text for word in RESULT.words]
    scores = tuple(0.1 * (-1) ** index for index in range(len(words)))
    panel = card.details_panel(on_screen(RESULT), a_map(ADDS, flat(1), words=scores), None)
    assert panel.count("+0.10") == sum(score > 0 for score in scores)
    assert panel.count("−0.10") == sum(score < 0 for score in scores)
    assert "log-odds" in panel
    assert card.NO_WORDS in card.details_panel(on_screen(RESULT), a_map(ADDS, flat(1), method="grad_cam"), None)


def test_user_text_is_escaped_everywhere() -> None:
    result = analysis(HOSTILE)
    state, explanation = on_screen(result), a_map(name_target(HOSTILE), flat(1), words=(0.1,) * len(RESULT.words))
    verdict = Verdict(0.1, 0.2, 0.3, 0.2, 50, 50)
    panels = [
        card.details_panel(state, explanation, verdict),
        card.cards_panel(state, []),
        method_row(state, [(explanation, verdict)]),
    ]
    for panel in panels:
        assert HOSTILE.text not in panel
        assert "&lt;img" in panel
    assert "<b>" in TEXT
    assert '<li class="raises"><b>' not in panels[0]


def test_card_of_a_name_and_of_a_relation() -> None:
    panel = card.cards_panel(on_screen(RESULT), [])
    assert panel.count("<section") == 3 + 2  # belongs, adds, shows, and two names
    bob = panel[panel.index('data-card="name:0"') : panel.index('data-card="name:1"')]
    for part in ("PER (person)", "0.90", "not a name, 0.05", "falls from 0.90 to 0.80"):
        assert part in bob
    assert "adds to the words" in panel[: panel.index('data-card="name:0"')]


def test_a_card_says_when_the_picture_changed_the_reading() -> None:
    alone = analysis(dataclasses.replace(BOB, type="ORG"))
    assert "The words alone say: ORG" in card.cards_panel(on_screen(analysis(BOB), alone=alone), [])


@pytest.mark.parametrize(
    ("beaten", "strength", "sign", "size"),
    [
        (50, 0.5, "✓", "large enough to matter"),
        (50, 0.008, "!", "too small to matter"),  # a good order of nothing is no tick
        (20, 0.5, "!", "large enough to matter"),
    ],
)
def test_a_verdict_says_both_order_and_size(beaten: int, strength: float, sign: str, size: str) -> None:
    explanation = dataclasses.replace(a_map(ADDS, flat(strength)), value=0.0)
    panel = card.details_panel(on_screen(RESULT), explanation, Verdict(-1.25, 0.5, 2.0, 0.25, beaten, 50))
    for part in (f"<strong>{sign} ", f"{beaten} of 50", size, "−1.25", "+0.50", "+2.00", "+0.25", "nats"):
        assert part in panel


def test_attention_side_by_side() -> None:
    before, after = PassAttention(flat(0.01), 0.49), PassAttention(flat(0), 0.0)
    panel = card.attention_panel(on_screen(RESULT), Attention(NameSpan(0, 1, "Bob"), before, after, 0.7, 49))
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
        on_screen(RESULT), [(maps["up"], verdict), (dataclasses.replace(maps["down"], method="shapley"), verdict)]
    )
    assert row.count("<figure>") == 2
    assert "full colour is 48.000" in row
    assert row.count('scope="row"') == 2


def test_only_where_maps_are_made_does_the_page_say_that_they_follow() -> None:
    """The script asks for this attribute."""
    assert "data-coming" in card.pending_details(card.UNJUDGED)
    assert "data-coming" not in card.pending_details(card.NOT_ASKED)


def test_the_sentence_under_a_map_and_the_verdict_agree_on_what_matters() -> None:
    """Of a change that is shown as 0.020, neither says that it is too small."""
    state, verdict = on_screen(RESULT), Verdict(-1.25, 0.5, 2.0, 0.25, 20, 20)
    just = dataclasses.replace(a_map(ADDS, flat(0.0784), method="occlusion"), value=0.0)  # from 0.5 to 0.4804
    assert "no single one matters" not in maps.map_sentence(state, just)
    assert "large enough" in card.details_panel(state, just, verdict)
    less = dataclasses.replace(a_map(ADDS, flat(0.07), method="occlusion"), value=0.0)
    assert "no single one matters" in maps.map_sentence(state, less)
    assert "too small" in card.details_panel(state, less, verdict)
