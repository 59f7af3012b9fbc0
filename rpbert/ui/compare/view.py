"""What the Compare tab shows of two analyses, A and B: both tweets, what differs in what was given, one table.

Plain functions from results to HTML, without gradio; every word of the user's is escaped. A change is told by a sign
and by words, and its row is bold.
"""

import html
from collections import Counter

from rpbert.analyzer import Analysis, PairRelation
from rpbert.explain.what_if import MINIMUM_CHANGE, NameChange, differences
from rpbert.ui.analyse.card import TYPE_NAMES
from rpbert.ui.analyse.view import COLOURS, highlighted
from rpbert.ui.workbench import Shown

Row = tuple[str, str, str, str, str]  # what, in A, in B, sign of the change, the change in words

SAME = ("=", "same")
RELATIONS = {"image_adds": "P(the picture adds)", "text_represented": "P(the picture shows the text)"}
KINDS = {"relabelled": "relabelled", "lost": "only in A", "appeared": "only in B"}
CAPTION = (
    "Names with type and probability, then relation and gate, all from 0 to 1. Signed differences are B minus A; "
    f"less than {MINIMUM_CHANGE} counts as the same. Changed rows are bold."
)


def comparison(a: Shown, b: Shown) -> str:
    """All that stands below the inputs, as HTML; the sentences are announced by screen readers."""
    tweets = tweet_panel("A", a.analysis) + tweet_panel("B", b.analysis)
    told = f"{inputs_sentence(a, b)}</p><p>{names_sentence(differences(a.analysis, b.analysis))}"
    return (
        f'<h2>What differs</h2><div class="compare-tweets">{tweets}</div>'
        f'<div role="status"><p>{told}</p></div>{comparison_table(a.analysis, b.analysis)}'
    )


def tweet_panel(side: str, analysis: Analysis) -> str:
    """One side's tweet with its names marked, their types written beside them, and its warnings, as HTML."""
    pieces = "".join(
        html.escape(text)
        if kind is None
        else f'<span class="compare-name" style="background:{COLOURS[kind]}">{html.escape(text)} <b>{kind}</b></span>'
        for text, kind in highlighted(analysis)
    )
    warnings = "".join(f'<p class="notice">{html.escape(warning)}</p>' for warning in analysis.warnings)
    return f'<section><h3>Tweet {side}</h3><p class="compare-tweet" dir="auto">{pieces}</p>{warnings}</section>'


def inputs_sentence(a: Shown, b: Shown) -> str:
    """Which of tweet, picture, gate and checkpoint differ and which do not, as HTML."""
    first, second = a.analysis, b.analysis
    same_picture = _same_picture(a, b)
    gates = f"the gate ({_setting(first)} in A, {_setting(second)} in B)"
    checkpoints = f"the checkpoint ({html.escape(first.checkpoint)} in A, {html.escape(second.checkpoint)} in B)"
    parts = [
        (first.text == second.text, "the tweet", "the tweet"),
        (same_picture, "the picture" if a.picture else "the picture (neither has one)", _picture_difference(a, b)),
        (first.gate_setting == second.gate_setting, f"the gate ({_setting(first)})", gates),
        (first.checkpoint == second.checkpoint, "the checkpoint", checkpoints),
    ]
    differ = [told for same, _, told in parts if not same]
    if not differ:
        return "<strong>Given: nothing differs, both sides are the same.</strong>"
    alike = ", ".join(told for same, told, _ in parts if same) or "nothing"
    return f"<strong>Given: {', '.join(differ)} differ{'s' if len(differ) == 1 else ''}.</strong> The same: {alike}."


def _same_picture(a: Shown, b: Shown) -> bool:
    """By what is to be seen: the regions of two checkpoints differ for the same picture."""
    if a.picture is None or b.picture is None:
        return a.picture is b.picture
    return a.picture.size == b.picture.size and a.picture.tobytes() == b.picture.tobytes()


def _picture_difference(a: Shown, b: Shown) -> str:
    if a.picture is not None and b.picture is not None:
        return "the picture"
    return f"the picture (only {'B' if a.picture is None else 'A'} has one)"


def names_sentence(found: list[NameChange]) -> str:
    """How many names changed, and how, as HTML."""
    if not found:
        return "Found: no names on either side."
    counts: Counter[str] = Counter(difference.kind for difference in found)
    kinds = ", ".join(f"{counts[kind]} {told}" for kind, told in KINDS.items() if counts[kind])
    names = "1 name" if len(found) == 1 else f"{len(found)} names"
    told = f"{len(found) - counts['same']} of {names} changed" + (f" ({kinds})." if kinds else ".")
    moved = sum(difference.kind == "same" and _change(difference) != SAME for difference in found)
    if moved:
        told += f" {moved} more {'keeps its' if moved == 1 else 'keep their'} type with another probability."
    return f"<strong>Found: {told}</strong>"


def comparison_table(a: Analysis, b: Analysis) -> str:
    """Names, relation and gate of both sides as an HTML table in a box that can be scrolled by keyboard."""
    rows = [_name_row(difference) for difference in differences(a, b)]
    rows = rows or [("No names on either side", "–", "–", *SAME)]
    rows += [_relation_row(key, a, b) for key in RELATIONS]
    rows.append(("Gate (factor on the picture)", _gate(a), _gate(b), *_gate_change(a, b)))
    head = "".join(f'<th scope="col">{title}</th>' for title in ("Name", "A", "B", "Change"))
    return (
        '<div class="compare-box" tabindex="0" role="group" aria-label="Table of A and B; scroll sideways if needed">'
        f'<table class="compare"><caption>{CAPTION}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(map(_table_row, rows))}</tbody></table></div>"
    )


def _table_row(row: Row) -> str:
    name, old, new, sign, words = row
    changed = (sign, words) != SAME
    change = f'<span aria-hidden="true">{sign}</span> {words}'
    opening = '<tr class="changed">' if changed else "<tr>"
    cells = "".join(f"<td>{cell}</td>" for cell in (old, new, f"<strong>{change}</strong>" if changed else change))
    return f'{opening}<th scope="row">{html.escape(name)}</th>{cells}</tr>'


def _name_row(difference: NameChange) -> Row:
    old = _typed(difference.type_before, difference.confidence_before)
    return difference.text, old, _typed(difference.type_after, difference.confidence_after), *_change(difference)


def _typed(kind: str | None, confidence: float | None) -> str:
    return "not a name" if kind is None else f"{kind} ({TYPE_NAMES[kind]}), {confidence:.3f}"


def _change(difference: NameChange) -> tuple[str, str]:
    """Sign and words. Probabilities of two types are not subtracted: they are not of the same thing."""
    before, after = difference.confidence_before, difference.confidence_after
    if difference.kind == "relabelled":
        return "≠", f"relabelled {difference.type_before} → {difference.type_after}"
    if before is None or after is None:
        return ("▸" if before is None else "◂"), KINDS[difference.kind]
    sign, words = _moved(before, after)
    return (sign, words) if (sign, words) == SAME else (sign, f"same type, probability {words}")


def _moved(before: float, after: float) -> tuple[str, str]:
    change = after - before
    if abs(change) < MINIMUM_CHANGE:
        return SAME
    return ("▲", f"+{change:.3f}") if change > 0 else ("▼", f"−{-change:.3f}")


def _relation_row(key: str, a: Analysis, b: Analysis) -> Row:
    change = SAME
    if a.relation is not None and b.relation is not None:
        change = _moved(getattr(a.relation, key), getattr(b.relation, key))
    elif a.relation is not b.relation:
        change = ("▸", "only in B") if a.relation is None else ("◂", "only in A")
    return RELATIONS[key], _probability(a.relation, key), _probability(b.relation, key), *change


def _probability(relation: PairRelation | None, key: str) -> str:
    return "no picture" if relation is None else f"{getattr(relation, key):.3f}"


def _gate(analysis: Analysis) -> str:
    return "no picture" if analysis.relation is None else f"{analysis.gate:.3f} ({_setting(analysis)})"


def _gate_change(a: Analysis, b: Analysis) -> tuple[str, str]:
    """Closed and a factor of 0 are two settings: one takes the regions away, the other leaves them, empty."""
    if (a.relation is None) != (b.relation is None):
        return ("▸", "only in B") if a.relation is None else ("◂", "only in A")
    moved = _moved(a.gate, b.gate)
    if moved == SAME and a.relation is not None and a.gate_setting != b.gate_setting:
        return "≠", "same factor, another setting"
    return moved


def _setting(analysis: Analysis) -> str:
    setting = analysis.gate_setting
    return setting if isinstance(setting, str) else f"fixed at {setting:.2f}"
