"""What is on the screen as files: JSON for programs (assets/analysis.schema.json), one HTML page for people.

The page opens without a network and without scripts. All of a user's words in it are escaped; <bdi> keeps words of
another writing direction from turning round what stands beside them.
"""

import html
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rpbert.analyzer import Analysis
from rpbert.explain.faithfulness import Verdict
from rpbert.explain.methods import METHOD_NAMES, Explanation
from rpbert.ui.analyse import card
from rpbert.ui.analyse import view as analyse
from rpbert.ui.workbench import Shown

SCHEMA = "rpbert-analysis/1"
SEED = 0  # of `faithfulness.Curves` and `explain.shapley`
PACKAGES = ("rpbert", "torch", "transformers", "captum", "gradio")

# A map, and the verdict on it where one was given.
Judged = tuple[Explanation, Verdict | None]

# Nothing but what is in the file may be loaded, whatever somebody writes into a tweet.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
# Text has a contrast of at least 4.5:1 in either theme; colours never stand alone.
STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1b1f; --quiet: #55555e; --line: #85858f; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #17171b; --ink: #ececf1; --quiet: #b4b4bf; --line: #85858f; }
}
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif;
  background: var(--paper); color: var(--ink); }
.tweet { font-size: 1.25rem; white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: none; color: inherit; border-bottom: 3px solid; }
.type { color: #ffffff; border-radius: 4px; padding: 0 0.35em; font-size: 0.8em; white-space: nowrap; }
table { border-collapse: collapse; margin: 1rem 0; }
caption, figcaption { text-align: left; color: var(--quiet); }
th, td { border: 1px solid var(--line); padding: 0.3em 0.6em; text-align: left; overflow-wrap: anywhere; }
figure { margin: 1.5rem 0; }
img { max-width: 100%; height: auto; }
.notice { border-left: 4px solid var(--line); padding-left: 0.7em; }
.line { display: flex; justify-content: space-between; }
.bar { height: 10px; border: 1px solid var(--line); }
.bar div { height: 100%; background: var(--quiet); }
.raises { border-bottom: 3px solid #e66100; }
.lowers { border-bottom: 3px solid #8a63c9; }
.words { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.3em 0.8em; }
"""


def analysis_json(analysis: Analysis, judged: Sequence[Judged]) -> dict[str, Any]:
    """The analysis and its maps as plain values, by assets/analysis.schema.json.

    Args:
        judged: maps of one method and one route; empty without a picture.
    """
    method, route = _method_and_route(judged)
    return {
        "schema": SCHEMA,
        "checkpoint": analysis.checkpoint,
        "versions": versions(),
        "method": method,
        "route": route,
        "seed": SEED,
        "analysis": analysis.to_json(),
        "explanations": [_explanation_json(*pair) for pair in judged],
    }


def versions() -> dict[str, str]:
    """Of Python and the packages that decide the numbers; a package that is not installed as one is left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # rpbert itself runs from its folder, too
            continue
    return found


def _method_and_route(judged: Sequence[Judged]) -> tuple[str, str] | tuple[None, None]:
    """What all maps have in common; None, None when there is no map."""
    used = {(explanation.method, explanation.route) for explanation, _ in judged}
    assert len(used) <= 1, "the maps of one export have one scale, so they come from one method and route"
    return used.pop() if used else (None, None)


def _explanation_json(explanation: Explanation, verdict: Verdict | None) -> dict[str, Any]:
    return {
        "target": explanation.target.describe(),
        "unit": explanation.target.unit,
        "method": explanation.method,
        "route": explanation.route,
        "grid": [list(row) for row in explanation.grid],
        "words": None if explanation.words is None else list(explanation.words),
        "delta": explanation.delta,
        "verdict": None if verdict is None else {**asdict(verdict), "sentence": verdict.sentence()},
    }


def analysis_html(shown: Shown, judged: Sequence[Judged]) -> str:
    """The analysis, its picture and its maps as one self-contained HTML page.

    Args:
        judged: maps of one method and one route, drawn on one scale for all names and one for the relations: give the
            maps of all names, also to have the scale that the page has.
    """
    analysis = shown.analysis
    title = html.escape(f"RpBERT: names in “{' '.join(analysis.text.split())[:60]}”")
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Names in a tweet</h1>\n"
        f"{_tweet(analysis)}\n{_picture(shown)}\n"
        f"<h2>The names</h2>\n{_names(analysis)}\n"
        f"<h2>Tweet and picture</h2>\n{analyse.relation_panel(analysis)}\n"
        f"<h2>Where in the picture</h2>\n{_maps(shown, judged)}\n"
        f"<h2>How this was made</h2>\n{_provenance(analysis, judged)}\n</main>\n</body>\n</html>\n"
    )
    return page.encode("utf-8", "replace").decode()  # half an emoji in the tweet could not be written to a file


def _tweet(analysis: Analysis) -> str:
    """The tweet with the type written behind each name, and what the analyzer warned of."""
    pieces = []
    for text, kind in analyse.highlighted(analysis):
        words = html.escape(text)
        if kind is not None:
            colour, meaning = analyse.COLOURS[kind], card.TYPE_NAMES[kind]
            label = f'<b class="type" style="background:{colour}">{kind} ({meaning})</b>'
            words = f"<mark><bdi>{words}</bdi></mark> {label}"
        pieces.append(words)
    warnings = [f'<p class="notice">{html.escape(warning)}</p>' for warning in analysis.warnings]
    return f'<p class="tweet" dir="auto">{"".join(pieces)}</p>{"".join(warnings)}'


def _picture(shown: Shown) -> str:
    if shown.picture is None:
        return "<p>No picture was given with this tweet.</p>"
    return card.figure(shown.picture, "The picture of the tweet", "The picture of the tweet, 360 pixels at most.")


def _names(analysis: Analysis) -> str:
    if not analysis.entities:
        return "<p>No names found in this tweet.</p>"
    head = "".join(f'<th scope="col">{name}</th>' for name in analyse.TABLE_HEADERS)
    rows = "".join(_row(*row) for row in analyse.table(analysis))
    caption = "<caption>All numbers are probabilities from 0 to 1.</caption>"
    return f'<table id="names">{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _row(name: str, *cells: str) -> str:
    data = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    return f'<tr><th scope="row"><bdi>{html.escape(name)}</bdi></th>{data}</tr>'


def _maps(shown: Shown, judged: Sequence[Judged]) -> str:
    if not judged:
        return "<p>No map was made.</p>"
    explanations = [explanation for explanation, _ in judged]
    note = f"<p>{card.CLOSED}</p>" if shown.closed else ""
    return note + "".join(_map(shown, explanation, verdict, explanations) for explanation, verdict in judged)


def _map(shown: Shown, explanation: Explanation, verdict: Verdict | None, all_maps: Sequence[Explanation]) -> str:
    """Heading, overlay, caption with method and unit, words, verdict."""
    overlay, caption = card.heatmap(shown, explanation, card.scale_of(explanation, all_maps))
    words = "" if explanation.words is None else card.words_panel(shown, explanation)
    judgement = "<p>No verdict was given on this map.</p>" if verdict is None else card.verdict_panel(verdict)
    target = explanation.target.describe()
    heading = html.escape(target[0].upper() + target[1:])
    figure = card.figure(overlay, card.map_text(explanation), caption + judgement)
    return f"<h3><bdi>{heading}</bdi></h3>{figure}{words}"


def _provenance(analysis: Analysis, judged: Sequence[Judged]) -> str:
    """What somebody needs to get the same numbers again."""
    method, route = _method_and_route(judged)
    facts = {
        "Checkpoint": analysis.checkpoint,
        "Gate": f"{analysis.gate_setting}; the factor on the picture was {analysis.gate:.2f} (0 to 1)",
        "Method of the maps": "none" if method is None else METHOD_NAMES[method],
        "Way the picture acts": "none" if route is None else card.ROUTE_NAMES[route],
        "Seed of all random orders": str(SEED),
        "Versions": ", ".join(f"{package} {number}" for package, number in versions().items()),
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }
    return f'<table id="provenance"><tbody>{"".join(_row(*fact) for fact in facts.items())}</tbody></table>'
