"""What the page's tabs work with: the loaded checkpoints, the analysis on the screen, and what was asked before.

Everything that was computed is remembered by checkpoint and content, so that going back to a map, a method or an
example costs nothing. What is remembered stands in memory alone and is pushed out by what comes later.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from rpbert.analyzer import Analysis, Analyzer, Prepared
from rpbert.explain.attention import Attention, attend
from rpbert.explain.faithfulness import PerturbationCurves, Verdict
from rpbert.explain.methods import Explanation, Reader, explain
from rpbert.explain.overlays import MAX_SIDE
from rpbert.explain.stability import Stability, measure_stability
from rpbert.explain.targets import Target, targets_of
from rpbert.explain.what_if import GateScan, scan_gate
from rpbert.model.gates import Gate
from rpbert.model.pictures import open_picture

REMEMBERED = 200  # results; the largest, a picture scaled for the page, takes about 2 MB

Result = TypeVar("Result")


@dataclass(frozen=True)
class Shown:
    """An analysis on the screen, with what the tabs need to ask more about it."""

    analysis: Analysis
    prepared: Prepared
    picture: Image.Image | None  # RGB, scaled to the overlay's size
    checkpoint: int  # which of the workbench's
    key: str  # of everything that decides the analysis

    @property
    def closed(self) -> bool:
        """Whether the picture cannot reach the names."""
        return self.analysis.gate == 0 and self.analysis.gate_setting in ("closed", "hard")


class Memory:
    """The last results, by their keys."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self.size = size
        self._results: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """The result of an earlier call with this key, or that of `compute`."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                found: Result = self._results[key]
                return found
        computed = compute()  # outside the lock: others need not wait for it
        with self._lock:
            self._results[key] = computed
            while len(self._results) > self.size:
                self._results.popitem(last=False)
        return computed


class Workbench:
    """The checkpoints, and all that the page asks of them."""

    def __init__(self, analyzers: Sequence[Analyzer]) -> None:
        assert analyzers
        self.analyzers = list(analyzers)
        self.memory = Memory()

    def analyzer(self, shown: Shown) -> Analyzer:
        """The checkpoint that made an analysis."""
        return self.analyzers[shown.checkpoint]

    def analyse(
        self, text: str, picture: str | Path | Image.Image | None, gate: Gate = "soft", checkpoint: int = 0
    ) -> Shown:
        """Analyse a tweet. Raises `UserError` as `Analyzer.analyze` does."""
        analyzer = self.analyzers[checkpoint]
        opened = None if picture is None else open_picture(picture)
        prepared = analyzer.prepare(text, opened)
        content = "" if opened is None else opened.key
        # An animation and its first frame alone have the same pixels, but not the same warnings.
        notes = "\n".join(prepared.warnings)
        parts = (str(checkpoint), analyzer.identity, text, str(gate), content, notes)
        key = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        analysis = self.memory.get((key, "analysis"), lambda: analyzer.predict(prepared, gate))
        small = None if opened is None else scaled(opened.image)
        return Shown(analysis, prepared, small, checkpoint, key)

    def explanations(self, shown: Shown, method: str, route: str = "total") -> list[Explanation]:
        """Of the relations and of every name as found, in this order; with a picture only."""
        targets = targets_of(shown.analysis)
        return self._explain(shown, targets, method, route)

    def explanation(self, shown: Shown, target: Target, method: str, route: str = "total") -> Explanation:
        """Of any target; those of `explanations` come from there."""
        for known in self.explanations(shown, method, route):
            if known.target == target:
                return known
        return self._explain(shown, [target], method, route)[0]

    def _explain(self, shown: Shown, targets: Sequence[Target], method: str, route: str) -> list[Explanation]:
        analyzer, gate = self.analyzer(shown), shown.analysis.gate_setting
        key = (shown.key, "map", method, route, tuple(targets))
        return self.memory.get(key, lambda: explain(analyzer, shown.prepared, targets, method, gate, route))

    def verdict(self, shown: Shown, explanation: Explanation) -> Verdict:
        """How a map of the total route stands among random orders."""
        relation = explanation.target.span is None  # these are read apart, for they need only one of the two passes
        targets = [target for target in targets_of(shown.analysis) if (target.span is None) == relation]
        if explanation.target not in targets:
            targets = [explanation.target]
        lines = explanation.lines is not None
        curves = self.memory.get(
            (shown.key, "curves", tuple(targets), lines), lambda: self._curves(shown, targets, lines)
        )
        key = (shown.key, "verdict", explanation.target, explanation.method, explanation.grid)
        return self.memory.get(key, lambda: curves.verdict(explanation))

    def _curves(self, shown: Shown, targets: Sequence[Target], lines: bool) -> PerturbationCurves:
        reader = Reader(self.analyzer(shown), shown.prepared, targets, shown.analysis.gate_setting)
        return PerturbationCurves(reader, lines)

    def stability(self, shown: Shown, explanation: Explanation) -> Stability:
        """Infidelity and maximum sensitivity of a map."""
        key = (shown.key, "stability", explanation.target, explanation.method, explanation.route)
        gate = shown.analysis.gate_setting
        return self.memory.get(key, lambda: measure_stability(self.analyzer(shown), shown.prepared, explanation, gate))

    def scans(self, shown: Shown) -> list[GateScan]:
        """Every name at 21 values of the gate; with a picture only."""
        entities = shown.analysis.entities
        return self.memory.get(
            (shown.key, "scan"), lambda: scan_gate(self.analyzer(shown), shown.prepared, entities) if entities else []
        )

    def attention(self, shown: Shown) -> list[Attention]:
        """Of every name, before and after the gate; with a picture only."""
        spans = [target.span for target in targets_of(shown.analysis) if target.span is not None]
        gate = shown.analysis.gate_setting
        return self.memory.get(
            (shown.key, "attention"), lambda: attend(self.analyzer(shown), shown.prepared, spans, gate)
        )


def scaled(image: Image.Image) -> Image.Image:
    """A copy at the size of the page's pictures."""
    small = image.copy()
    small.thumbnail((MAX_SIDE, MAX_SIDE))
    return small
