"""`python -m rpbert explain`: maps over the picture and scores of words, as text, JSON or a drawing."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from rpbert.analyzer import Analysis, Analyzer, Prepared
from rpbert.errors import UserError
from rpbert.explain import DEFAULT_METHOD, METHOD_NAMES, METHODS, ROUTES, Explanation, Reader, explain
from rpbert.faithfulness import Curves, Verdict
from rpbert.gates import parse_gate
from rpbert.processing import open_picture
from rpbert.stability import Stability, measure_stability
from rpbert.targets import SHOWN, Target, parse_target, targets_of
from rpbert.ui.overlays import describe_grid, draw_overlay  # this part of the page needs no gradio

TOP_WORDS = 5


@dataclass(frozen=True)
class Judged:
    """A map and what is known of its worth; None where it was not asked for."""

    explanation: Explanation
    verdict: Verdict | None
    stability: Stability | None


def run(arguments: argparse.Namespace) -> None:
    """The command. Raises `UserError` for options that do not go together or that do not exist."""
    method, gate = _checked_method(arguments), parse_gate(arguments.gate)
    picture = open_picture(arguments.image)
    analyzer = Analyzer.from_pretrained(arguments.checkpoint)
    prepared = analyzer.prepare(arguments.text, picture)
    analysis = analyzer.predict(prepared, gate)
    targets = _targets(arguments.target, analysis, prepared)
    explanations = explain(analyzer, prepared, targets, method, gate, arguments.route)
    curves = Curves(Reader(analyzer, prepared, targets, gate)) if arguments.verdict else None
    judged = [
        Judged(
            explanation,
            None if curves is None else curves.verdict(explanation),
            measure_stability(analyzer, prepared, explanation, gate) if arguments.stability else None,
        )
        for explanation in explanations
    ]
    if arguments.png is not None:
        _draw(picture, explanations[0], arguments.png)
    if arguments.json:
        print(json.dumps(_to_json(analysis, judged), ensure_ascii=False, indent=1))
    else:
        notes = [f"note: {warning}" for warning in analysis.warnings]
        print("\n\n".join("\n".join(lines) for lines in [notes, *(_lines(analysis, one) for one in judged)] if lines))


def _checked_method(arguments: argparse.Namespace) -> str:
    """The method, once the options are known to make sense."""
    method: str = arguments.method or DEFAULT_METHOD
    if arguments.image is None:
        raise UserError("A map needs a picture. Please give one with --image.")
    if method not in METHODS:
        raise UserError(f"The method {method!r} is not known: choose one of {', '.join(METHODS)}.")
    if arguments.route not in ROUTES:
        raise UserError(f"The route {arguments.route!r} is not known: choose one of {', '.join(ROUTES)}.")
    if arguments.verdict and arguments.route != "total":
        raise UserError("The verdict judges maps of the whole effect. Please leave out --route or --verdict.")
    return method


def _targets(written: Sequence[str] | None, analysis: Analysis, prepared: Prepared) -> list[Target]:
    """What `--target` asks for, each once; all that has a map by itself when it was not given."""
    if written is None:
        return [*targets_of(analysis), SHOWN]
    targets = [parse_target(text, analysis) for text in written]
    words_read = int(prepared.pieces["word_index"].max()) + 1
    for target in targets:
        if target.span is not None and target.span.end > words_read:
            raise UserError(
                f"“{target.span.text}” stands behind the {words_read} words that the model read of this tweet. Please "
                "shorten the tweet or choose an earlier name."
            )
    return list(dict.fromkeys(targets))


def _draw(picture: Image.Image, explanation: Explanation, path: Path) -> None:
    try:
        draw_overlay(picture, explanation.grid, explanation.strength).save(path, format="PNG")
    except OSError as error:
        raise UserError(f"The drawing cannot be written to {str(path)!r}: {error.strerror or error}.") from error


def _lines(analysis: Analysis, judged: Judged) -> list[str]:
    """One target for people to read."""
    explanation = judged.explanation
    method, target = METHOD_NAMES[explanation.method], explanation.target
    strongest = describe_grid(explanation.grid) if explanation.strength > 0 else "No cell changes this number."
    lines = [
        f"{target.describe()}: {method}, {explanation.route} route. Scores are shares of the {target.unit} in nats; "
        f"+ raises it, - lowers it. {strongest}"
    ]
    if explanation.words is not None:
        scored = zip(analysis.words, explanation.words, strict=False)  # a long tweet is not read to its end
        top = sorted(scored, key=lambda pair: -abs(pair[1]))[:TOP_WORDS]
        lines.append("  words: " + ", ".join(f"{word.text} {score:+.3f}" for word, score in top))
    lines += ["  " + " ".join(f"{value:+8.3f}" for value in row) for row in explanation.grid]
    if explanation.delta is not None:
        lines.append(f"  convergence delta: {explanation.delta:+.3f} nats, by which the scores miss what they explain")
    if judged.verdict is not None:
        lines.append(f"  verdict: {judged.verdict.sentence()}")
    if judged.stability is not None:
        lines.append(f"  stability: {judged.stability.sentence()}")
    return lines


def _to_json(analysis: Analysis, judged: Sequence[Judged]) -> dict[str, Any]:
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


def _target_to_json(analysis: Analysis, judged: Judged) -> dict[str, Any]:
    explanation, words = judged.explanation, None
    if explanation.words is not None:
        scored = zip(analysis.words, explanation.words, strict=False)  # a long tweet is not read to its end
        words = [{"text": word.text, "score": score} for word, score in scored]
    return {
        "target": explanation.target.describe(),
        "unit": f"{explanation.target.unit} (nats)",
        "grid": explanation.grid,
        "words": words,
        "delta": explanation.delta,
        "seconds": explanation.seconds,
        "verdict": None if judged.verdict is None else asdict(judged.verdict),
        "stability": None if judged.stability is None else asdict(judged.stability),
    }
