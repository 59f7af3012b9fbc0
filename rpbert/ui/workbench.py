"""What the page's tabs work with: the loaded checkpoints, the analysis on the screen, and what was asked before.

Everything that was computed is remembered by checkpoint and content, so that going back to a map, a method or an
example costs nothing. What is remembered stands in memory alone and is pushed out by what comes later.
"""

import copy
import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from rpbert.analysis import Analysis
from rpbert.analyzer import Analyzer, Prepared
from rpbert.explain.attention import Attention, attend
from rpbert.explain.faithfulness import PerturbationCurves, Verdict
from rpbert.explain.methods import Explanation, explain
from rpbert.explain.overlays import MAX_SIDE
from rpbert.explain.perturbed import PerturbedModel
from rpbert.explain.stability import Stability, measure_stability
from rpbert.explain.targets import Target, name_target, relation_targets, targets_of
from rpbert.explain.walkthrough import Walkthrough, walk
from rpbert.explain.what_if import GateScan, scan_gate
from rpbert.model.gates import Gate
from rpbert.model.pictures import Picture, PictureSource, open_picture
from rpbert.ui.cache import Cache
from rpbert.ui.turns import Stops, Turns

EXPLAINED_NAMES = 30  # names that are explained together, unasked
EXPLAINED_CHARACTERS = 500  # a longer tweet is read, and explained only when somebody asks


@dataclass(frozen=True)
class ScreenState:
    """An analysis on the screen, with what the tabs need to ask more about it."""

    analysis: Analysis
    alone: Analysis  # of the same words without the picture
    prepared: Prepared
    picture: Image.Image | None  # RGB, as large as the page shows it
    checkpoint: int  # which of the workbench's
    key: str  # of everything that decides the analysis
    belongs_prior: float = 1.0  # share of pictures that the checkpoint takes to belong before it has looked
    sample: str | None = None  # id of the example whose picture it is; None for an upload

    @property
    def closed(self) -> bool:
        """Whether the picture cannot reach the names."""
        return self.analysis.gate == 0 and self.analysis.gate_setting in ("closed", "hard")

    @property
    def uploaded(self) -> bool:
        """Whether the picture is the user's own."""
        return self.picture is not None and self.sample is None

    @property
    def explained_unasked(self) -> bool:
        """Whether its maps are made as soon as it is read."""
        return self.picture is not None and len(self.analysis.text) <= EXPLAINED_CHARACTERS


class Workbench:
    """The checkpoints, and all that the page asks of them."""

    def __init__(self, analyzers: Sequence[Analyzer]) -> None:
        assert analyzers
        self.analyzers = list(analyzers)
        self.cache = Cache()
        self.turns, self.stops = Turns(), Stops()

    def analyzer(self, state: ScreenState) -> Analyzer:
        """The checkpoint that made an analysis."""
        return self.analyzers[state.checkpoint]

    def analyse(
        self,
        text: str,
        picture: PictureSource | None,
        gate: Gate = "soft",
        checkpoint: int = 0,
        sample: str | None = None,
    ) -> ScreenState:
        """Analyse a tweet. Raises `UserError` as `Analyzer.analyze` does."""
        analyzer = self.analyzers[checkpoint]
        with self.turns.short():
            opened = None if picture is None else open_picture(picture)
            prepared = analyzer.prepare(text, opened)
            content = "" if opened is None else opened.key
            # An animation and its first frame alone have the same pixels, but not the same warnings.
            key = _key(str(checkpoint), analyzer.identity, text, str(gate), content, "\n".join(prepared.warnings))
            analysis = self.cache.get((key, "analysis"), lambda: analyzer.predict(prepared, gate))
            alone = self.words_alone(text, checkpoint)
        prior = analyzer.model.config.belongs_prior
        return ScreenState(
            analysis, alone, prepared, _small(opened), checkpoint, key, prior, sample if opened else None
        )

    def words_alone(self, text: str, checkpoint: int = 0) -> Analysis:
        """The tweet without a picture: quick enough to follow somebody who types. Raises `UserError`."""
        analyzer = self.analyzers[checkpoint]
        with self.turns.short():
            return self.cache.get((_key(str(checkpoint), text), "alone"), lambda: analyzer.analyze(text))

    def open(self, picture: PictureSource) -> Picture:
        """A picture. Raises `UserError` for what is none."""
        with self.turns.short():
            return open_picture(picture)

    def open_page_size(self, picture: PictureSource | None) -> Image.Image | None:
        """A picture as large as the page shows it. Raises `UserError` for what is none."""
        return None if picture is None else page_size(self.open(picture).image)

    # ---- maps, in slices ------------------------------------------------------------------------------------------

    def explanations(
        self, state: ScreenState, method: str, route: str = "total", stopped: threading.Event | None = None
    ) -> list[Explanation]:
        """Of the relations and of the first names as found, in this order; with a picture only.

        Raises `StoppedError` soon after `stopped` is set.
        """
        return self._explain(state, standard_targets(state.analysis), method, route, stopped)

    def explanation(
        self,
        state: ScreenState,
        target: Target,
        method: str,
        route: str = "total",
        stopped: threading.Event | None = None,
    ) -> Explanation:
        """Of any one target; where all standard ones are known already, from there."""
        standard = standard_targets(state.analysis)
        if target in standard and (state.key, "map", method, route, tuple(standard)) in self.cache:
            return self.explanations(state, method, route)[standard.index(target)]
        return self._explain(state, [target], method, route, stopped)[0]

    def _explain(
        self,
        state: ScreenState,
        targets: Sequence[Target],
        method: str,
        route: str,
        stopped: threading.Event | None,
    ) -> list[Explanation]:
        analyzer, gate = self.analyzer(state), state.analysis.gate_setting

        def compute() -> list[Explanation]:
            with self.turns.long(stopped or threading.Event()) as pause:
                return explain(analyzer, state.prepared, targets, method, gate, route, pause)

        return self.cache.get((state.key, "map", method, route, tuple(targets)), compute)

    def verdict(self, state: ScreenState, explanation: Explanation, stopped: threading.Event | None = None) -> Verdict:
        """How a map of the total route stands among random orders."""
        relation = explanation.target.span is None  # these are read apart, for they need only one of the two passes
        targets = [target for target in standard_targets(state.analysis) if (target.span is None) == relation]
        if explanation.target not in targets:
            targets = [explanation.target]
        analyzer, gate = self.analyzer(state), state.analysis.gate_setting
        ended, lines = stopped or threading.Event(), explanation.lines is not None

        def draw() -> PerturbationCurves:
            with self.turns.long(ended) as pause:
                return PerturbationCurves(PerturbedModel(analyzer, state.prepared, targets, gate, pause), lines)

        def draw_more() -> PerturbationCurves:
            with self.turns.long(ended) as pause:
                return _with_pause(curves, pause).with_all_orders()

        def judge() -> Verdict:
            with self.turns.long(ended) as pause:
                return _with_pause(curves, pause).by_these_orders([explanation])[0]

        # One after the other: who waits for another's curves must not keep that one from its turn.
        curves = self.cache.get((state.key, "curves", tuple(targets), lines), draw)
        key = (state.key, "verdict", explanation.target, explanation.method, explanation.grid)
        verdict = self.cache.get(key, judge)
        if verdict.decided:
            return verdict
        curves = self.cache.get((state.key, "all curves", tuple(targets), lines), draw_more)
        return self.cache.get((*key, "by all orders"), judge)

    def stability(
        self, state: ScreenState, explanation: Explanation, stopped: threading.Event | None = None
    ) -> Stability:
        """Infidelity and maximum sensitivity of a map."""
        analyzer, gate = self.analyzer(state), state.analysis.gate_setting

        def compute() -> Stability:
            with self.turns.long(stopped or threading.Event()) as pause:
                return measure_stability(analyzer, state.prepared, explanation, gate, pause)

        key = (state.key, "stability", explanation.target, explanation.method, explanation.route)
        return self.cache.get(key, compute)

    # ---- short questions --------------------------------------------------------------------------------------------

    def scans(self, state: ScreenState) -> list[GateScan]:
        """Every explained name at 21 values of the gate; none without a picture."""
        entities = state.analysis.entities[:EXPLAINED_NAMES]
        if state.picture is None or not entities:
            return []
        return self.cache.get((state.key, "scan"), lambda: scan_gate(self.analyzer(state), state.prepared, entities))

    def attention(self, state: ScreenState) -> list[Attention]:
        """Of every name, before and after the gate; none without a picture."""
        spans = [target.span for target in targets_of(state.analysis) if target.span is not None]
        if state.picture is None or not spans:
            return []
        analyzer, gate = self.analyzer(state), state.analysis.gate_setting
        return self.cache.get((state.key, "attention"), lambda: attend(analyzer, state.prepared, spans, gate))

    def walkthrough(self, state: ScreenState) -> Walkthrough:
        """The numbers of every step of the model."""
        analyzer, gate = self.analyzer(state), state.analysis.gate_setting
        return self.cache.get((state.key, "walk"), lambda: walk(analyzer, state.prepared, gate))


def _with_pause(curves: PerturbationCurves, pause: Callable[[], None]) -> PerturbationCurves:
    """A copy of shared curves with its own pause: two works that paused by one ticket would wait for each other."""
    own = copy.copy(curves)
    own.perturbed = copy.copy(curves.perturbed)
    own.perturbed.pause = pause
    return own


def standard_targets(analysis: Analysis) -> list[Target]:
    """What has a map without being asked for: the relations, then the first names as they were found."""
    return [*relation_targets(analysis), *(name_target(entity) for entity in analysis.entities[:EXPLAINED_NAMES])]


def page_size(image: Image.Image) -> Image.Image:
    """A copy as large as the page shows it."""
    small = image.copy()
    small.thumbnail((MAX_SIDE, MAX_SIDE))
    return small


def _small(picture: Picture | None) -> Image.Image | None:
    return None if picture is None else page_size(picture.image)


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
