"""`rpbert evaluate`: the figures of a checkpoint on a labelled file, as a table and as JSON."""

import argparse
import json
from pathlib import Path
from typing import Any

from rpbert.cli import evaluate_run
from rpbert.cli.options import add_checkpoint, add_gate, positive
from rpbert.data.readers import read_captions, read_conll, read_pairs
from rpbert.data.regions import compute_regions
from rpbert.data.relation_csv import read_relation_csv
from rpbert.data.scene_lines import with_scenes
from rpbert.errors import UserError
from rpbert.evaluation.metrics import evaluate, evaluate_captions
from rpbert.evaluation.report import evaluation_table
from rpbert.evaluation.slices import picture_effect
from rpbert.model.checkpoint import checkpoint_identity, load_checkpoint
from rpbert.model.gates import parse_gate


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "path",
        type=Path,
        help="CoNLL file, pair JSONL, relation .csv or captions .tsv; for a --report also a folder, a ZIP, or a .csv "
        "or .jsonl of tweets without labels",
    )
    parser.add_argument("--images", type=Path, help="picture folder (but for CoNLL: default images/ beside it)")
    add_gate(parser)
    parser.add_argument("--limit", type=positive, help="only the first N tweets or captions")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--cache", type=Path, help="a folder that keeps what was read in the pictures for another run")
    add_checkpoint(parser)
    _add_run_options(parser.add_argument_group("instead of figures, every mistake"))


def _add_run_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--report",
        type=Path,
        help="read every tweet with its picture, without and with another's; write what went wrong to this HTML page",
    )
    group.add_argument(
        "--results",
        type=Path,
        help="where the readings are kept, so that a run goes on (default: beside the report, as .jsonl)",
    )
    group.add_argument("--compare", type=Path, help="results of another run, to be compared with in the report")
    group.add_argument("--training", type=Path, help="the file the model was trained on; tells which names are new")
    group.add_argument("--thumbnails", action="store_true", help="put the pictures into the report")


def run(arguments: argparse.Namespace) -> None:
    """The command; the file's ending decides what is measured. Raises `UserError` for what cannot be read."""
    path, gate = arguments.path, parse_gate(arguments.gate)
    if arguments.report is not None or arguments.results is not None:
        evaluate_run.run(arguments)
        return
    if path.is_dir() or path.suffix == ".zip":
        raise UserError("A folder or a ZIP is read for its mistakes. Please name a --report for them.")
    result: dict[str, Any] = {"path": str(path), "checkpoint": checkpoint_identity(arguments.checkpoint)}
    if path.suffix == ".tsv":
        captions = read_captions(path, arguments.images)[: arguments.limit]
        model, tokenizer = load_checkpoint(arguments.checkpoint)
        photographs = compute_regions(model, [caption.picture for caption in captions], arguments.cache)
        result |= evaluate_captions(model, tokenizer, captions, photographs)
    else:
        read = {".jsonl": read_pairs, ".csv": read_relation_csv}.get(path.suffix.partition("#")[0], read_conll)
        examples = read(path, arguments.images)[: arguments.limit]
        model, tokenizer = load_checkpoint(arguments.checkpoint)
        if model.config.scene_text:
            examples = with_scenes(examples, {}, arguments.cache)
        pictures = [example.picture for example in examples if example.picture is not None]
        regions = compute_regions(model, pictures, arguments.cache) if pictures else None
        result |= evaluate(model, tokenizer, examples, regions, gate)
        named = [example for example in examples if example.labels is not None and example.picture is not None]
        if regions is not None and named:
            result["picture"] = picture_effect(model, tokenizer, named, regions, gate)
    print(evaluation_table(result))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
