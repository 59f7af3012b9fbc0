"""`rpbert explain`: maps over the picture and scores of words, as text, JSON or a drawing."""

import argparse
import json
from pathlib import Path

from rpbert.analysis import Analysis
from rpbert.analyzer import Analyzer
from rpbert.cli.options import add_checkpoint, add_gate, add_tweet
from rpbert.errors import UserError
from rpbert.explain.faithfulness import PerturbationCurves, Verdict
from rpbert.explain.methods import DEFAULT_METHOD, METHOD_NAMES, Explanation, explain
from rpbert.explain.overlays import describe_grid, draw_overlay
from rpbert.explain.perturbed import PerturbedModel
from rpbert.explain.requests import JudgedMap, check_method_and_route, explanations_to_json, requested_targets
from rpbert.explain.stability import measure_stability
from rpbert.model.gates import parse_gate
from rpbert.model.pictures import Picture, open_picture

TOP_WORDS = 5


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_tweet(parser)
    add_gate(parser)
    parser.add_argument(
        "--method", help="grad_cam, gradient_x_input, integrated_gradients, occlusion or shapley (default: the page's)"
    )
    parser.add_argument("--route", default="total", help="total, gate or content: which way of the picture's effect")
    parser.add_argument(
        "--target",
        action="append",
        help="belongs, adds, shows, NAME (as it was found), NAME=ORG (or another type, or none: this reading of these "
        "words) or NAME=contrast (against its runner-up); may be repeated (default: the relations and all names found)",
    )
    parser.add_argument("--verdict", action="store_true", help="compare the map with random orders of the cells")
    parser.add_argument("--stability", action="store_true", help="infidelity and maximum sensitivity (slow)")
    parser.add_argument("--png", type=Path, help="draw the first target's map over the picture into this file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_checkpoint(parser)


def run(arguments: argparse.Namespace) -> None:
    """The command. Raises `UserError` for options that do not go together or that do not exist."""
    method, gate = _checked_method(arguments), parse_gate(arguments.gate)
    picture = open_picture(arguments.image)
    analyzer = Analyzer.from_pretrained(arguments.checkpoint)
    prepared = analyzer.prepare(arguments.text, picture)
    analysis = analyzer.predict(prepared, gate)
    targets = requested_targets(arguments.target, analysis, prepared)
    explanations = explain(analyzer, prepared, targets, method, gate, arguments.route)
    verdicts: list[Verdict | None] = [None] * len(explanations)
    if arguments.verdict:
        lines = explanations[0].lines is not None
        curves = PerturbationCurves(PerturbedModel(analyzer, prepared, targets, gate), lines)
        verdicts = [*curves.verdicts(explanations)]
    judged = [
        JudgedMap(
            explanation,
            verdict,
            measure_stability(analyzer, prepared, explanation, gate) if arguments.stability else None,
        )
        for explanation, verdict in zip(explanations, verdicts, strict=True)
    ]
    if arguments.png is not None:
        _draw(picture, explanations[0], arguments.png)
    if arguments.json:
        print(json.dumps(explanations_to_json(analysis, judged), ensure_ascii=False, indent=1))
    else:
        notes = [f"note: {warning}" for warning in analysis.warnings]
        print("\n\n".join("\n".join(lines) for lines in [notes, *(_lines(analysis, one) for one in judged)] if lines))


def _checked_method(arguments: argparse.Namespace) -> str:
    """The method, once the options are known to make sense."""
    method: str = arguments.method or DEFAULT_METHOD
    if arguments.image is None:
        raise UserError("A map needs a picture. Please give one with --image.")
    check_method_and_route(method, arguments.route)
    if arguments.verdict and arguments.route != "total":
        raise UserError("The verdict judges maps of the whole effect. Please leave out --route or --verdict.")
    return method


def _draw(picture: Picture, explanation: Explanation, path: Path) -> None:
    try:
        draw_overlay(picture.image, explanation.grid, explanation.strength).save(path, format="PNG")
    except OSError as error:
        raise UserError(f"The drawing cannot be written to {str(path)!r}: {error.strerror or error}.") from error


def _lines(analysis: Analysis, judged: JudgedMap) -> list[str]:
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
    if explanation.lines:
        scored_lines = zip(analysis.scene_text, explanation.lines, strict=True)
        lines.append("  in the picture: " + ", ".join(f"“{line.text}” {score:+.3f}" for line, score in scored_lines))
    lines += ["  " + " ".join(f"{value:+8.4f}" for value in row) for row in explanation.grid]
    if explanation.delta is not None:
        lines.append(f"  convergence delta: {explanation.delta:+.3f} nats, by which the scores miss what they explain")
    if judged.verdict is not None:
        lines.append(f"  verdict: {judged.verdict.sentence()}")
    if judged.stability is not None:
        lines.append(f"  stability: {judged.stability.sentence()}")
    return lines
