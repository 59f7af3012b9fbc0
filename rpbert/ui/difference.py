"""Two analyses in one table: what became of every name, the relation, and the gate; for What if and Compare.

A change is told by a sign and by words, and its row is bold.
"""

from dataclasses import dataclass

from rpbert.analysis import Analysis, PairRelation
from rpbert.explain.what_if import MINIMUM_CHANGE, NameChange, differences
from rpbert.ui.analyse.view import relation_rows
from rpbert.ui.templating import render, signed
from rpbert.ui.words import type_name

UNCHANGED = ("=", "same")


@dataclass(frozen=True)
class Sides:
    """How the two analyses are called."""

    old: str
    new: str
    lost: str  # of what only the old one has
    appeared: str  # of what only the new one has


A_AND_B = Sides("A", "B", "only in A", "only in B")
BEFORE_AND_AFTER = Sides("As analysed", "Changed", "lost", "appeared")


@dataclass(frozen=True)
class DifferenceRow:
    """One line of the table."""

    name: str
    old: str
    new: str
    sign: str
    told: str

    @property
    def changed(self) -> bool:
        """Whether the two differ by as much as two decimals show."""
        return (self.sign, self.told) != UNCHANGED


def difference_table(old: Analysis, new: Analysis, sides: Sides) -> str:
    """Names, relation and gate of both as a table in a box that can be scrolled by keyboard."""
    return render("difference.html", rows=difference_rows(old, new, sides), sides=sides, little=MINIMUM_CHANGE)


def difference_rows(old: Analysis, new: Analysis, sides: Sides) -> list[DifferenceRow]:
    """The rows of the table."""
    rows = [_name_row(one, sides) for one in differences(old, new)]
    rows = rows or [DifferenceRow("No names on either side", "–", "–", *UNCHANGED)]
    return [*rows, *_relation_rows(old.relation, new.relation, sides), _gate_row(old, new, sides)]


def change_of(difference: NameChange, sides: Sides) -> tuple[str, str]:
    """Sign and words. Probabilities of two types are not subtracted: they are not of the same thing."""
    before, after = difference.confidence_before, difference.confidence_after
    if difference.kind == "relabelled":
        return "≠", f"relabelled {difference.type_before} → {difference.type_after}"
    if before is None or after is None:
        return ("▸", sides.appeared) if before is None else ("◂", sides.lost)
    sign, words = _moved(before, after)
    return (sign, words) if (sign, words) == UNCHANGED else (sign, f"same type, probability {words}")


def setting_of(analysis: Analysis) -> str:
    """The gate's setting in words."""
    setting = analysis.gate_setting
    return setting if isinstance(setting, str) else f"fixed at {setting:.2f}"


def _name_row(one: NameChange, sides: Sides) -> DifferenceRow:
    old, new = (
        type_name(None) if kind is None else f"{type_name(kind)}, {confidence:.3f}"
        for kind, confidence in ((one.type_before, one.confidence_before), (one.type_after, one.confidence_after))
    )
    return DifferenceRow(one.text, old, new, *change_of(one, sides))


def _moved(before: float, after: float) -> tuple[str, str]:
    change = after - before
    if abs(change) < MINIMUM_CHANGE:
        return UNCHANGED
    return "▲" if change > 0 else "▼", signed(change, 3)


def _only_one(old: object, new: object, sides: Sides) -> tuple[str, str] | None:
    """Sign and words when one of the two is missing."""
    if (old is None) == (new is None):
        return None
    return ("▸", sides.appeared) if old is None else ("◂", sides.lost)


def _relation_rows(old: PairRelation | None, new: PairRelation | None, sides: Sides) -> list[DifferenceRow]:
    some = old or new
    if some is None:
        return []
    rows = []
    for row in relation_rows(some):
        values = [None if one is None else _value(one, row["key"]) for one in (old, new)]
        first, second = values
        change = _only_one(first, second, sides)
        if change is None:
            assert first is not None
            assert second is not None
            change = _moved(first, second)
        first_told, second_told = ("no picture" if value is None else f"{value:.3f}" for value in values)
        rows.append(DifferenceRow(f"P({row['key']})", first_told, second_told, *change))
    return rows


def _value(relation: PairRelation, key: str) -> float:
    value: float = next(row["value"] for row in relation_rows(relation) if row["key"] == key)
    return value


def _gate_row(old: Analysis, new: Analysis, sides: Sides) -> DifferenceRow:
    """Closed and a factor of 0 are two settings: one takes the regions away, the other leaves them, empty."""
    change = _only_one(old.relation, new.relation, sides) or _moved(old.gate, new.gate)
    if change == UNCHANGED and old.relation is not None and old.gate_setting != new.gate_setting:
        change = ("≠", "same factor, another setting")
    told = ["no picture" if one.relation is None else f"{one.gate:.3f} ({setting_of(one)})" for one in (old, new)]
    return DifferenceRow("Gate (factor on the picture)", told[0], told[1], *change)
