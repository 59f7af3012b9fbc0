"""The comparison of the run on the screen (B) with another run of the same data (A)."""

from pathlib import Path
from typing import Any

import gradio as gr

from rpbert.errors import UserError
from rpbert.evaluation.records import load_run
from rpbert.evaluation.run_comparison import Comparison, compare_runs, comparison_sentences
from rpbert.ui.common import PRIVATE
from rpbert.ui.errors.components import Parts
from rpbert.ui.errors.jobs import Jobs
from rpbert.ui.errors.rows import SHOW_DETAIL, RowEvents, finished
from rpbert.ui.templating import mistake


class ComparingEvents:
    """The handlers, on the components that they change."""

    def __init__(self, jobs: Jobs, parts: Parts, rows: RowEvents) -> None:
        self.jobs, self.parts, self.comparing, self.rows = jobs, parts, parts.comparing, rows

    def wire(self) -> None:
        """Connect everything."""
        comparing, keys, compared = self.comparing, self.parts.keys, self.parts.compared
        given = [keys, comparing.earlier, comparing.file, comparing.change]
        comparing.start.click(self.compare, given, [compared, comparing.told, comparing.names], **PRIVATE)
        comparing.change.input(self.show_change, [compared, comparing.change], comparing.names, **PRIVATE)
        chosen = [keys, compared, comparing.change]
        opened = comparing.names.select(self.open_change, chosen, self.rows.opened, **PRIVATE)
        opened.then(None, None, None, js=SHOW_DETAIL, **PRIVATE)

    def compare(self, keys: list[str], earlier: str | None, file: str | None, change: str) -> dict[Any, Any]:
        """The last run (B) against another (A)."""
        job, other = finished(self.jobs, keys), None
        try:
            if file is not None:
                other = load_run(Path(file))
            elif earlier is not None and (old := self.jobs.get([earlier])) is not None:
                other = old.run
            if other is None or job.run is None:
                raise UserError("Choose a run to compare with, or give the file of its results.")
            found = compare_runs(other, job.run)
        except UserError as error:
            told = mistake("Not compared.", str(error))
            return {self.comparing.told: told, self.comparing.names: [], self.parts.compared: None}
        sentences = "".join(f"<p>{sentence}</p>" for sentence in comparison_sentences(found))
        return {
            self.parts.compared: found,
            self.comparing.told: f'<div role="status">{sentences}</div>',
            self.comparing.names: _change_rows(found, change),
        }

    def show_change(self, found: Comparison | None, change: str) -> Any:
        """The names that were fixed, broken, or are wrong in both."""
        return [] if found is None else _change_rows(found, change)

    def open_change(self, keys: list[str], found: Comparison, change: str, event: gr.SelectData) -> dict[Any, Any]:
        """The case of a name of the comparison."""
        job = finished(self.jobs, keys)
        row = found.names[found.names["change"] == change].iloc[event.index[0]]
        same = job.cases[(job.cases["row"] == row["row"]) & (job.cases["gold"] == row["name"])]
        return self.rows.open(job, int(same.index[0]))


def _change_rows(found: Comparison, change: str) -> list[list[str]]:
    return found.names[found.names["change"] == change][["text", "name", "type"]].to_numpy().tolist()
