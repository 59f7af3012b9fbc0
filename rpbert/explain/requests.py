"""An explanation as somebody asks for it in writing, and its answer in JSON: for the command line and the API."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rpbert.analysis import Analysis
from rpbert.analyzer import Prepared
from rpbert.errors import UserError
from rpbert.explain.faithfulness import Verdict
from rpbert.explain.methods import METHODS, Explanation
from rpbert.explain.perturbed import ROUTES
from rpbert.explain.stability import Stability
from rpbert.explain.targets import Target, parse_target, targets_of


@dataclass(frozen=True)
class JudgedMap:
    """A map and what is known of its worth; None where it was not asked for."""

    explanation: Explanation
    verdict: Verdict | None = None
    stability: Stability | None = None


def check_method_and_route(method: str, route: str) -> None:
    """Raises `UserError` for a method or a route that does not exist."""
    if method not in METHODS:
        raise UserError(f"The method {method!r} is not known: choose one of {', '.join(METHODS)}.")
    if route not in ROUTES:
        raise UserError(f"The route {route!r} is not known: choose one of {', '.join(ROUTES)}.")


def requested_targets(written: Sequence[str] | None, analysis: Analysis, prepared: Prepared) -> list[Target]:
    """The targets as `parse_target` reads them, each once; None is all that has a map by itself.

    Raises:
        UserError: as `parse_target`, and for words behind those that the model read.
    """
    if written is None:
        return targets_of(analysis)
    targets = [parse_target(text, analysis) for text in written]
    words_read = prepared.texts.words_read
    for target in targets:
        if target.span is not None and target.span.end > words_read:
            raise UserError(
                f"“{target.span.text}” stands behind the {words_read} words that the model read of this tweet. Please "
                "shorten the tweet or choose an earlier name."
            )
    return list(dict.fromkeys(targets))


def explanations_to_json(analysis: Analysis, judged: Sequence[JudgedMap]) -> dict[str, Any]:
    """All targets; `gate` is the setting that was asked for, and all scores are in nats."""
    first = judged[0].explanation
    return {
        "text": analysis.text,
        "checkpoint": analysis.checkpoint,
        "gate": analysis.gate_setting,
        "method": first.method,
        "route": first.route,
        "targets": [_target_to_json(analysis, one) for one in judged],
    }


def _target_to_json(analysis: Analysis, judged: JudgedMap) -> dict[str, Any]:
    explanation, words = judged.explanation, None
    if explanation.words is not None:
        scored = zip(analysis.words, explanation.words, strict=False)  # a long tweet is not read to its end
        words = [{"text": word.text, "score": score} for word, score in scored]
    return {
        "target": explanation.target.describe(),
        "unit": f"{explanation.target.unit} (nats)",
        "grid": explanation.grid,
        "lines": [
            {"text": line.text, "score": score}
            for line, score in zip(analysis.scene_text, explanation.lines or (), strict=False)
        ],
        "words": words,
        "delta": explanation.delta,
        "seconds": explanation.seconds,
        "verdict": None if judged.verdict is None else asdict(judged.verdict),
        "stability": None if judged.stability is None else asdict(judged.stability),
    }
