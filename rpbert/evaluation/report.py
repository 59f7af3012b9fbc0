"""The figures of `rpbert.evaluation.metrics` as a table for the terminal."""

from typing import Any


def evaluation_table(result: dict[str, Any]) -> str:
    """All figures of a result of `evaluate` or `evaluate_captions`, as text."""
    if "captions" in result:
        what = f"{result['captions']} captions"
    else:
        gate = f"gate {result['gate']}" if result["pictures"] else "text only (gate closed)"
        what = f"{result['tweets']} tweets, {gate}"
    lines = [f"{result['path']}: {what}, checkpoint {result['checkpoint']}"]
    if "ner" in result:
        lines += _ner_lines(result["ner"])
    if "relation" in result:
        lines += _relation_lines(result["relation"])
    if "picture" in result:
        lines += _picture_lines(result["picture"])
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
    return [*lines, "", f"confidence of the names found, calibration error: {_or_dash(ner['ece'])}"]


def _relation_lines(relation: dict[str, Any]) -> list[str]:
    lines = []
    tasks = [task for task in ("image_adds", "text_represented") if task in relation]
    if tasks:
        lines += ["", "relation             AUC  accuracy      F1     ECE  pairs  positive"]
    for task in tasks:
        row = relation[task]
        lines.append(
            f"  {task:16} {_or_dash(row['auc'])} {row['accuracy']:9.4f} {row['f1']:7.4f} {row['ece']:7.4f} "
            f"{row['n']:6d} {row['positive']:9d}"
        )
    if "swapped_auc" in relation:
        lines += ["", f"true versus swapped picture, AUC: {relation['swapped_auc']:.4f}"]
        lines += _by_lines(relation["swapped_auc_by"])
        lines.append(f"  by gate, where it adds {_or_dash(relation['gate_swapped_auc_where_adds'])}")
    if "belongs" in relation:
        row = relation["belongs"]
        lines.append(f"P(belongs), calibration error: {row['ece']:.4f} (if {row['prior']:.0%} of all pictures belong)")
    if "matched" in relation:
        row = relation["matched"]
        lines += ["", f"matched versus not, AUC: {_or_dash(row['auc'])} ({row['positive']} of {row['n']} matched)"]
        lines += _by_lines(relation["matched_auc_by"])
    return lines


def _picture_lines(effect: dict[str, Any]) -> list[str]:
    slices = effect["slices"]
    lines = ["", "names, strict                  own picture  without  another tweet's"]
    for name in slices["own"]:
        values = (slices[reading][name] for reading in ("own", "without", "swapped"))
        lines.append("  {:28} {:11.4f} {:8.4f} {:16.4f}".format(name, *values))
    for other in ("without", "swapped"):
        gap = effect[f"own_minus_{other}"]
        interval = f"{gap['low']:+.4f} to {gap['high']:+.4f}"
        lines.append(f"  F1, own minus {other}: {gap['difference']:+.4f} (95 % interval {interval}, paired bootstrap)")
    return lines


def _by_lines(by: dict[str, float | None]) -> list[str]:
    return [f"  by {name:17} {_or_dash(value)}" for name, value in by.items()]


def _or_dash(value: float | None) -> str:
    """Four decimals, or a dash for a figure that the data do not allow."""
    return "     -" if value is None else f"{value:.4f}"
