"""What the tabs have in common: the gate's choices, whose page asks, and how events run."""

from typing import Any

import gradio as gr

from rpbert.model.gates import NAMED_GATES, Gate

# The page's own events are no part of the API. Short ones run side by side; long work takes turns (`rpbert.ui.turns`).
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
SHORT: dict[str, Any] = {"concurrency_id": "short", "concurrency_limit": 4, **PRIVATE}
LONG: dict[str, Any] = {"concurrency_id": "long", "concurrency_limit": 16, **PRIVATE}
LATEST: dict[str, Any] = {"trigger_mode": "always_last"}  # a choice made meanwhile is not lost, as it is by default
AT_ONCE: dict[str, Any] = {"trigger_mode": "multiple"}  # a newer one starts beside the older one, and ends it
QUIET: dict[str, Any] = {"show_progress": "hidden"}  # nothing is greyed out

PROGRESS = gr.Progress()  # gradio knows it by its type, and hands each call its own

SWEEP_EVERY = 600  # seconds between two looks for uploads that are too old
FORGET_AFTER = 3600  # seconds until uploads and session state are deleted; at the latest when the app ends

FIXED = "fixed"
GATE_CHOICES = [
    ("soft: as far as the picture belongs and adds", "soft"),
    ("hard: whole or not at all", "hard"),
    ("open: always whole", "open"),
    ("closed: text alone", "closed"),
    ("a fixed value", FIXED),
]
assert [value for _, value in GATE_CHOICES] == [*NAMED_GATES, FIXED]


def session_of(request: gr.Request | None) -> str:
    """Whose page asks."""
    return "" if request is None else str(request.session_hash)


def gate_of(choice: str, fixed: float) -> Gate:
    """The setting of a choice of `GATE_CHOICES` and the slider beside it."""
    return fixed if choice == FIXED else choice


def choice_of(gate: Gate) -> tuple[str, float]:
    """The choice of `GATE_CHOICES`, and the slider's value, of a setting."""
    return (gate, 0.5) if isinstance(gate, str) else (FIXED, gate)


def show_where_it_counts(choice: gr.Radio, slider: gr.Slider) -> None:
    """The slider of the fixed value stands on the page only while that is chosen."""
    choice.change(lambda chosen: gr.update(visible=chosen == FIXED), choice, slider, **PRIVATE)
