"""What the Compare tab shows of two analyses, A and B: both tweets, what differs in what was given, one table."""

from collections import Counter

from rpbert.explain.what_if import NameChange, differences
from rpbert.ui.analyse.view import name_lines, pieces_of
from rpbert.ui.difference import A_AND_B, UNCHANGED, change_of, difference_table, setting_of
from rpbert.ui.templating import render
from rpbert.ui.words import TYPE_COLOURS
from rpbert.ui.workbench import ScreenState

KINDS = {"relabelled": "relabelled", "lost": A_AND_B.lost, "appeared": A_AND_B.appeared}


def comparison(a: ScreenState, b: ScreenState) -> str:
    """All that stands below the inputs; the sentences are announced by screen readers."""
    given, same = inputs_sentences(a, b)
    return render(
        "compare.html",
        tweets=[tweet_panel("A", a), tweet_panel("B", b)],
        given=given,
        same=same,
        found=names_sentence(differences(a.analysis, b.analysis)),
        table=difference_table(a.analysis, b.analysis, A_AND_B),
    )


def tweet_panel(side: str, state: ScreenState) -> str:
    """One side's tweet with its names marked, their types written beside them, and its warnings."""
    return render(
        "tweet.html",
        heading=f"Tweet {side}",
        pieces=pieces_of(state.analysis),
        lines=name_lines(state.analysis, state.alone, state.closed),
        colours=TYPE_COLOURS,
        warnings=state.analysis.warnings,
    )


def inputs_sentences(a: ScreenState, b: ScreenState) -> tuple[str, str]:
    """Which of tweet, picture, gate and checkpoint differ, and which do not."""
    first, second = a.analysis, b.analysis
    gates = f"the gate ({setting_of(first)} in A, {setting_of(second)} in B)"
    checkpoints = f"the checkpoint ({first.checkpoint} in A, {second.checkpoint} in B)"
    parts = [
        (first.text == second.text, "the tweet", "the tweet"),
        (
            _same_picture(a, b),
            "the picture" if a.picture else "the picture (neither has one)",
            _picture_difference(a, b),
        ),
        (first.gate_setting == second.gate_setting, f"the gate ({setting_of(first)})", gates),
        (first.checkpoint == second.checkpoint, "the checkpoint", checkpoints),
    ]
    differ = [told for same, _, told in parts if not same]
    if not differ:
        return "Given: nothing differs, both sides are the same.", ""
    alike = ", ".join(told for same, told, _ in parts if same) or "nothing"
    return f"Given: {', '.join(differ)} differ{'s' if len(differ) == 1 else ''}.", f"The same: {alike}."


def _same_picture(a: ScreenState, b: ScreenState) -> bool:
    """By what is to be seen: the regions of two checkpoints differ for the same picture."""
    if a.picture is None or b.picture is None:
        return a.picture is b.picture
    return a.picture.size == b.picture.size and a.picture.tobytes() == b.picture.tobytes()


def _picture_difference(a: ScreenState, b: ScreenState) -> str:
    if a.picture is not None and b.picture is not None:
        return "the picture"
    return f"the picture (only {'B' if a.picture is None else 'A'} has one)"


def names_sentence(found: list[NameChange]) -> str:
    """How many names changed, and how."""
    if not found:
        return "Found: no names on either side."
    counts: Counter[str] = Counter(difference.kind for difference in found)
    kinds = ", ".join(f"{counts[kind]} {told}" for kind, told in KINDS.items() if counts[kind])
    names = "1 name" if len(found) == 1 else f"{len(found)} names"
    told = f"{len(found) - counts['same']} of {names} changed" + (f" ({kinds})." if kinds else ".")
    moved = sum(one.kind == "same" and change_of(one, A_AND_B) != UNCHANGED for one in found)
    if moved:
        told += f" {moved} more {'keeps its' if moved == 1 else 'keep their'} type with another probability."
    return f"Found: {told}"
