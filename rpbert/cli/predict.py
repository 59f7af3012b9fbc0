"""`rpbert predict`: one tweet and its picture, for people or as JSON."""

import argparse
import json

from rpbert.analysis import Analysis
from rpbert.analyzer import Analyzer
from rpbert.cli.options import add_checkpoint, add_gate, add_tweet
from rpbert.model.gates import parse_gate


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_tweet(parser)
    add_gate(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_checkpoint(parser)


def run(arguments: argparse.Namespace) -> None:
    """The command. Raises `UserError` for a tweet, picture, gate or checkpoint that cannot be used."""
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
        relation = analysis.relation
        read = " / ".join(line.text for line in analysis.scene_text)
        lines.append(f"words in the picture: {read or 'none found'}")
        if relation.belongs is not None:
            lines.append(f"P(the picture belongs to the tweet)      {relation.belongs:.3f}")
        lines.append(f"P(it belongs and adds to the tweet)      {relation.image_adds:.3f}")
        lines.append(f"P(it belongs and shows what it says)     {relation.text_represented:.3f}")
        lines.append(f"gate ({analysis.gate_setting})  {analysis.gate:.3f}")
    return lines
