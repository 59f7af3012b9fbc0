"""`python -m rpbert predict | explain | evaluate | train | app`; a user's mistake prints one sentence, exit code 2."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rpbert.analyzer import Analysis, Analyzer
from rpbert.data.readers import read_captions, read_conll, read_pairs
from rpbert.data.regions import compute_regions
from rpbert.data.relation_csv import read_relation_csv
from rpbert.errors import UserError
from rpbert.evaluation.metrics import evaluate, evaluate_captions
from rpbert.evaluation.report import evaluation_table
from rpbert.evaluation.slices import picture_effect
from rpbert.model.checkpoint import DEFAULT_CHECKPOINT, checkpoint_identity, load_checkpoint
from rpbert.model.gates import parse_gate
from rpbert.training.recipe import read_recipe

RECIPES = Path(__file__).parent / "training" / "recipes"


def _predict(arguments: argparse.Namespace) -> None:
    gate = parse_gate(arguments.gate)
    analysis = Analyzer.from_pretrained(arguments.checkpoint).analyze(arguments.text, arguments.image, gate)
    if arguments.json:
        print(json.dumps(analysis.to_json(), ensure_ascii=False, indent=1))
    else:
        print("\n".join(_lines(analysis)))


def _lines(analysis: Analysis) -> list[str]:
    lines = [f"note: {warning}" for warning in analysis.warnings]
    for entity in analysis.entities:
        other = entity.runner_up
        lines.append(
            f"{entity.type:4}  {entity.text}  (characters {entity.start}-{entity.end}, confidence "
            f"{entity.confidence:.3f}, without the picture {entity.confidence_without_picture:.3f}, "
            f"next best: {other.type or 'not a name'} {other.probability:.3f})"
        )
    if not analysis.entities:
        lines.append("No names found in this tweet.")
    if analysis.relation is None:
        lines.append("No picture: the text was read alone.")
    else:
        lines.append(f"P(the picture adds to the tweet)    {analysis.relation.image_adds:.3f}")
        lines.append(f"P(the tweet's content is pictured)  {analysis.relation.text_represented:.3f}")
        lines.append(f"gate ({analysis.gate_setting})  {analysis.gate:.3f}")
    return lines


def _explain(arguments: argparse.Namespace) -> None:
    from rpbert.cli_explain import run  # Captum is slow to import

    run(arguments)


def _evaluate(arguments: argparse.Namespace) -> None:
    path, gate = arguments.path, parse_gate(arguments.gate)
    result: dict[str, Any] = {"path": str(path), "checkpoint": checkpoint_identity(arguments.checkpoint)}
    if path.suffix == ".tsv":
        captions = read_captions(path, arguments.images)[: arguments.limit]
        model, tokenizer = load_checkpoint(arguments.checkpoint)
        photographs = compute_regions(model, [caption.picture for caption in captions])
        result |= evaluate_captions(model, tokenizer, captions, photographs)
    else:
        read = {".jsonl": read_pairs, ".csv": read_relation_csv}.get(path.suffix.partition("#")[0], read_conll)
        examples = read(path, arguments.images)[: arguments.limit]
        model, tokenizer = load_checkpoint(arguments.checkpoint)
        pictures = [example.picture for example in examples if example.picture is not None]
        regions = compute_regions(model, pictures) if pictures else None
        result |= evaluate(model, tokenizer, examples, regions, gate)
        named = [example for example in examples if example.labels is not None and example.picture is not None]
        if regions is not None and named:
            result["picture"] = picture_effect(model, tokenizer, named, regions, gate)
    print(evaluation_table(result))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _train(arguments: argparse.Namespace) -> None:
    from rpbert.training.loop import train  # accelerate is needed for this command alone

    train(
        read_recipe(arguments.recipe),
        arguments.data,
        arguments.output,
        arguments.text_weights,
        arguments.vision_weights,
        arguments.teacher_weights,
        arguments.resume,
    )


def _app(arguments: argparse.Namespace) -> None:
    from rpbert.ui.app import launch  # gradio is slow to import

    launch(arguments.checkpoint, arguments.host, arguments.port, arguments.mcp)


def positive(text: str) -> int:
    """An `argparse` type: a whole number above zero."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """The option that every command but `train` has."""
    parser.add_argument(
        "--checkpoint", default=str(DEFAULT_CHECKPOINT), help="folder or Hub id (default: the checkpoint shipped)"
    )


def add_app_options(parser: argparse.ArgumentParser) -> None:
    """The options of `python app.py` and `python -m rpbert app`."""
    parser.add_argument(
        "--checkpoint",
        nargs="+",
        default=[str(DEFAULT_CHECKPOINT)],
        help="folders or Hub ids; the first one analyses, all can be compared (default: the checkpoint shipped)",
    )
    parser.add_argument("--host", help="address to listen on (default: this computer only)")
    parser.add_argument("--port", type=positive, help="port (default: the first free one from 7860)")
    parser.add_argument("--mcp", action="store_true", help="also serve the API to AI assistants, as an MCP server")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rpbert", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    predict = commands.add_parser("predict", help="names and relation of one tweet")
    predict.add_argument("--text", required=True, help="the tweet")
    predict.add_argument("--image", type=Path, help="its picture")
    predict.add_argument("--gate", default="soft", help="soft, hard, open, closed or a number from 0 to 1")
    predict.add_argument("--json", action="store_true", help="print JSON")
    add_checkpoint(predict)
    predict.set_defaults(run=_predict)

    explain = commands.add_parser("explain", help="what in picture and words a number of the model rests on")
    explain.add_argument("--text", required=True, help="the tweet")
    explain.add_argument("--image", type=Path, help="its picture; a map needs one")
    explain.add_argument("--gate", default="soft", help="soft, hard, open, closed or a number from 0 to 1")
    explain.add_argument(
        "--method", help="grad_cam, gradient_x_input, integrated_gradients, occlusion or shapley (default: the page's)"
    )
    explain.add_argument("--route", default="total", help="total, gate or content: which way of the picture's effect")
    explain.add_argument(
        "--target",
        action="append",
        help="adds, shown, NAME (as it was found), NAME=ORG (or another type, or none: this reading of these words) or "
        "NAME=contrast (against its runner-up); may be repeated (default: the relations and all names found)",
    )
    explain.add_argument("--verdict", action="store_true", help="compare the map with random orders of the cells")
    explain.add_argument("--stability", action="store_true", help="infidelity and maximum sensitivity (slow)")
    explain.add_argument("--png", type=Path, help="draw the first target's map over the picture into this file")
    explain.add_argument("--json", action="store_true", help="print JSON")
    add_checkpoint(explain)
    explain.set_defaults(run=_explain)

    evaluate_parser = commands.add_parser("evaluate", help="figures of a checkpoint on a labelled file")
    evaluate_parser.add_argument("path", type=Path, help="CoNLL file, pair JSONL, relation .csv or captions .tsv")
    evaluate_parser.add_argument(
        "--images", type=Path, help="picture folder (but for CoNLL: default images/ beside it)"
    )
    evaluate_parser.add_argument("--gate", default="soft", help="soft, hard, open, closed or a number from 0 to 1")
    evaluate_parser.add_argument("--limit", type=positive, help="only the first N tweets or captions")
    evaluate_parser.add_argument("--json", type=Path, help="write all figures to this file")
    add_checkpoint(evaluate_parser)
    evaluate_parser.set_defaults(run=_evaluate)

    train = commands.add_parser("train", help="train a checkpoint by a recipe")
    train.add_argument("--recipe", type=Path, default=RECIPES / "mini.toml", help="TOML file (default: mini)")
    train.add_argument("--data", type=Path, required=True, help="folder that the recipe's paths are relative to")
    train.add_argument("--output", type=Path, required=True, help="folder for checkpoint, state and record")
    train.add_argument("--text-weights", help="folder or Hub id of the text encoder (default: the preset's Hub id)")
    train.add_argument("--vision-weights", help="safetensors file or Hub id of the CNN (default: the preset's Hub id)")
    train.add_argument("--teacher-weights", help="folder or Hub id of the teacher (default: the recipe's Hub id)")
    train.add_argument("--resume", action="store_true", help="go on after the last whole epoch in --output")
    train.set_defaults(run=_train)

    app = commands.add_parser("app", help="the page in a browser, as `python app.py`")
    add_app_options(app)
    app.set_defaults(run=_app)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except UserError as error:
        print(f"rpbert: {error}", file=sys.stderr)
        return 2
    return 0
