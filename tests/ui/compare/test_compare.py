"""Two results side by side: what differs in the inputs, what became of every name, in signs and in words."""

import copy
import dataclasses
import re
from typing import Any

import gradio as gr
import pytest
from made_up import TEXT, analysis, entity, on_screen
from PIL import Image
from transformers import PreTrainedTokenizerBase

from rpbert.analysis import Analysis
from rpbert.analyzer import Analyzer
from rpbert.explain.what_if import differences
from rpbert.model.modeling import RpBert
from rpbert.model.texts import split_words
from rpbert.ui.common import FIXED
from rpbert.ui.compare.events import CompareEvents
from rpbert.ui.compare.layout import draw_compare
from rpbert.ui.compare.view import comparison, inputs_sentences, names_sentence, tweet_panel
from rpbert.ui.difference import A_AND_B, difference_table
from rpbert.ui.samples import SAMPLES
from rpbert.ui.workbench import ScreenState, Workbench

TWEET = "Barack Obama visits London"
ASTRONAUT, CAT = SAMPLES / "astronaut_eileen_collins.jpg", SAMPLES / "cat_chelsea.jpg"


@pytest.fixture(scope="module")
def bench(analyzer: Analyzer, tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> Workbench:
    return Workbench([analyzer, Analyzer(copy.deepcopy(tiny_model), tokenizer, "tiny")])


def rows_of(table: str) -> list[list[str]]:
    """The text of the cells of every body row."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", table.split("<tbody>")[1])
    return [[re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]


def changed_rows(table: str) -> list[str]:
    return re.findall(r'<tr class="changed"><th scope="row"><bdi>(.*?)</bdi></th>', table)


def test_the_table_tells_every_kind_of_change_in_signs_and_words() -> None:
    bob, anna, paris = entity("Bob", "PER"), entity("Anna", "PER"), entity("Paris", "LOC")
    surer = dataclasses.replace(bob, confidence=0.95)
    a = analysis(bob, paris)
    b = dataclasses.replace(analysis(surer, anna, dataclasses.replace(paris, type="ORG")), gate=0.5, gate_setting=0.5)
    table = difference_table(a, b, A_AND_B)
    assert rows_of(table) == [
        ["Bob", "PER (person), 0.900", "PER (person), 0.950", "▲ same type, probability +0.050"],
        ["Anna", "not a name", "PER (person), 0.900", "▸ only in B"],
        ["Paris", "LOC (place), 0.900", "ORG (organisation), 0.900", "≠ relabelled LOC → ORG"],
        ["P(belongs)", "0.900", "0.900", "= same"],
        ["P(adds)", "0.700", "0.700", "= same"],
        ["P(shows)", "0.200", "0.200", "= same"],
        ["Gate (factor on the picture)", "0.700 (soft)", "0.500 (fixed at 0.50)", "▼ −0.200"],
    ]
    assert changed_rows(table) == ["Bob", "Anna", "Paris", "Gate (factor on the picture)"]
    assert rows_of(difference_table(b, a, A_AND_B))[1][3] == "◂ only in A"
    assert names_sentence(differences(a, b)) == (
        "Found: 2 of 3 names changed (1 relabelled, 1 only in B). 1 more keeps its type with another probability."
    )


def test_two_settings_with_one_factor_are_not_the_same_gate() -> None:
    closed, zero = (dataclasses.replace(analysis(), gate=0.0, gate_setting=gate) for gate in ("closed", 0.0))
    assert rows_of(difference_table(closed, zero, A_AND_B))[-1][3] == "≠ same factor, another setting"


def test_a_side_without_a_picture_has_no_numbers_to_subtract() -> None:
    alone = dataclasses.replace(analysis(), relation=None, gate=0.0)
    rows = rows_of(difference_table(analysis(), alone, A_AND_B))
    assert rows[0] == ["No names on either side", "–", "–", "= same"]
    assert [row[2:] for row in rows[1:]] == [["no picture", "◂ only in A"]] * 4
    assert changed_rows(difference_table(alone, alone, A_AND_B)) == []


def told_of(a: ScreenState, b: ScreenState) -> str:
    return " ".join(inputs_sentences(a, b))


def other_text(result: Analysis) -> Analysis:
    text = "Nobody is here"
    return dataclasses.replace(result, text=text, words=tuple(split_words(text)), entities=())


def test_what_differs_in_the_inputs() -> None:
    a = on_screen(analysis(entity("Bob", "PER")))
    assert "nothing differs" in told_of(a, on_screen(a.analysis))
    assert "Given: the tweet differs" in told_of(a, on_screen(other_text(a.analysis)))
    assert "Given: the picture (only A has one) differs" in told_of(a, on_screen(a.analysis, picture=False))
    red = dataclasses.replace(a, picture=Image.new("RGB", (70, 70), "red"))
    assert told_of(a, red) == ("Given: the picture differs. The same: the tweet, the gate (soft), the checkpoint.")
    changed = dataclasses.replace(a.analysis, gate_setting="open", checkpoint="<other>")
    told = told_of(a, on_screen(changed))
    assert "the gate (soft in A, open in B), the checkpoint (abc in A, <other> in B) differ." in told
    assert "The same: the tweet, the picture." in told


def test_the_users_words_are_never_markup() -> None:
    hostile = entity("<b>Bob</b>", "PER")
    both = on_screen(dataclasses.replace(analysis(hostile, warnings=("<i>careful</i>",)), checkpoint="<u>"))
    page = comparison(both, both)
    assert "<b>Bob" not in page
    assert "<i>" not in page
    assert "<u>" not in page
    assert page.count("&lt;b&gt;Bob&lt;/b&gt;") == 3  # in either tweet and in the table
    assert page.count("&lt;i&gt;careful") == 2


def test_the_tweet_is_whole_and_names_carry_their_type() -> None:
    panel = tweet_panel("A", on_screen(analysis(entity("Bob", "PER"), entity("Paris", "LOC"))))
    assert "<bdi>Bob</bdi><b>PER</b>" in panel
    assert "<bdi>Paris</bdi><b>LOC</b>" in panel
    text = re.sub(r"<b>\w+</b>|<h3>.*?</h3>\n|</?(section|p|span|bdi).*?>", "", panel).strip()
    assert text == TEXT.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def events(bench: Workbench) -> CompareEvents:
    with gr.Blocks():
        a, b, _, results = draw_compare(bench)
        return CompareEvents(bench, gr.State(), a, b, results, gr.State(False))


def given(tab: CompareEvents, **sides: list[Any]) -> dict[Any, Any]:
    """What the inputs of the sides hold: tweet, picture, gate, fixed value, checkpoint."""
    return {
        part: value for name, values in sides.items() for part, value in zip(tab.sides[name].given, values, strict=True)
    }


def test_two_checkpoints_read_one_picture(bench: Workbench) -> None:
    a, b = bench.analyse(TWEET, ASTRONAUT), bench.analyse(TWEET, ASTRONAUT, checkpoint=1)
    told = told_of(a, b)
    assert f"the checkpoint ({a.analysis.checkpoint} in A, tiny in B) differs." in told
    assert "The same: the tweet, the picture" in told  # though the two CNNs' regions have different shapes
    result = comparison(a, b)
    named = {one.text for one in (*a.analysis.entities, *b.analysis.entities)}
    assert named
    assert named <= {row[0] for row in rows_of(result)}


def test_what_is_taken_over_is_what_was_analysed(bench: Workbench) -> None:
    tab = events(bench)
    for gate, choice in (("hard", "hard"), (0.3, FIXED)):
        taken = bench.analyse(TWEET, ASTRONAUT, gate)
        values = tab.values_of(taken, "A")
        assert values[tab.sides["A"].gate] == choice
        assert tab.read(values, tab.sides["A"]).key == taken.key


def test_a_large_picture_taken_over_or_uploaded_is_the_same(bench: Workbench) -> None:
    large = Image.open(ASTRONAUT).resize((1800, 1300))
    tab = events(bench)
    side = tab.sides["A"]
    first = tab.read(tab.values_of(bench.analyse(TWEET, large), "A"), side)
    second = tab.read(given(tab, A=[TWEET, large, "soft", 0.5, 0]), side)
    assert first.key == second.key
    assert "nothing differs" in told_of(first, second)
    cat = tab.read(given(tab, A=[TWEET, CAT, "soft", 0.5, 0]), side)
    assert "Given: the picture differs" in told_of(first, cat)


def test_a_mistake_names_its_side_and_leaves_the_table(bench: Workbench) -> None:
    tab, good, bad = events(bench), [TWEET, None, "soft", 0.5, 0], ["", None, "soft", 0.5, 0]
    found = tab.compare(given(tab, A=good, B=bad))
    assert list(found) == [tab.results.message]
    assert found[tab.results.message]["visible"]
    assert "Side B: There is no text" in found[tab.results.message]["value"]
    found = tab.compare(given(tab, A=good, B=good))
    assert not found[tab.results.message]["visible"]
    assert "nothing differs" in found[tab.results.result]


def test_sides_are_swapped(bench: Workbench) -> None:
    tab = events(bench)
    first, second = [TWEET, None, "soft", 0.5, 0], ["Hi", None, FIXED, 0.2, 0]
    assert tab.swap(given(tab, A=first, B=second)) == given(tab, A=second, B=first)


def test_the_tab_is_filled_once(bench: Workbench) -> None:
    tab, now = events(bench), bench.analyse(TWEET, ASTRONAUT, "open")
    found = tab.open(now, False)
    assert found[tab.opened] is True
    for name in ("A", "B"):
        values = tab.values_of(now, name)
        assert {part: found[part] for part in values} == values
    assert not found[tab.results.message]["visible"]
    assert "nothing differs" in found[tab.results.result]
    assert tab.open(now, True) == gr.skip()
