"""The figures of `rpbert.evaluation` as a table for the terminal."""

from typing import Any


def evaluation_table(result: dict[str, Any]) -> str:
    """All figures of a result of `evaluate`, as text."""
    gate = f"gate {result['gate']}" if result["pictures"] else "text only (gate closed)"
    lines = [f"{result['path']}: {result['tweets']} tweets, {gate}, checkpoint {result['checkpoint']}"]
    if "ner" in result:
        lines += _ner_lines(result["ner"])
    if "relation" in result:
        lines += _relation_lines(result["relation"])
    return "\n".join(lines)


def _ner_lines(ner: dict[str, Any]) -> list[str]:
    lines = []
    for name, meaning in (("strict", "valid IOB2 spans only"), ("lenient", "as conlleval: I- may begin a span")):
        scores = ner[name]
        lines += ["", f"names, {name} ({meaning})", "        precision  recall      F1   gold"]
        rows = [("all", scores), *scores["per_type"].items()]
        lines += [
            f"  {kind:5} {row['precision']:9.4f} {row['recall']:7.4f} {row['f1']:7.4f} {row['gold']:6d}"
            for kind, row in rows
        ]
    return lines


def _relation_lines(relation: dict[str, Any]) -> list[str]:
    lines = []
    tasks = [task for task in ("image_adds", "text_represented") if task in relation]
    if tasks:
        lines += ["", "relation             AUC  accuracy      F1  pairs  positive"]
    for task in tasks:
        row = relation[task]
        auc = "     -" if row["auc"] is None else f"{row['auc']:.4f}"
        lines.append(f"  {task:16} {auc} {row['accuracy']:9.4f} {row['f1']:7.4f} {row['n']:6d} {row['positive']:9d}")
    if "swapped_auc" in relation:
        lines += ["", f"true versus swapped picture, AUC: {relation['swapped_auc']:.4f}"]
        lines += [f"  by {name:17} {value:.4f}" for name, value in relation["swapped_auc_by"].items()]
    return lines
