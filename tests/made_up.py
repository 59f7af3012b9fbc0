"""Made-up analyses and maps, for tests of what the page makes of them."""

from PIL import Image

from rpbert.analysis import Alternative, Analysis, Entity, PairRelation
from rpbert.analyzer import Prepared
from rpbert.explain.methods import Explanation, Grid
from rpbert.explain.targets import Target
from rpbert.model.texts import split_words
from rpbert.ui.workbench import ScreenState

TEXT = "<b>Bob</b> & Anna in Paris"


def flat(value: float) -> Grid:
    return tuple((value,) * 7 for _ in range(7))


def entity(text: str, kind: str) -> Entity:
    start = TEXT.index(text)
    return Entity(text, start, start + len(text), kind, 0.9, Alternative(None, 0.05), 0.8, 0, 1)


def analysis(*entities: Entity, gate: float = 0.7, setting: str = "soft", warnings: tuple[str, ...] = ()) -> Analysis:
    words, relation = tuple(split_words(TEXT)), PairRelation(0.9, 0.7, 0.2)
    return Analysis(TEXT, words, entities, relation, setting, gate, (), warnings, {"reading": 0.1, "model": 0.2}, "abc")


def on_screen(result: Analysis, picture: bool = True, alone: Analysis | None = None) -> ScreenState:
    """An analysis on the screen; `alone`: by the words alone, the same names if not given."""
    prepared = Prepared(result.text, result.words, None, None, (), (), 0.1)  # type: ignore[arg-type]
    image = Image.new("RGB", (70, 70)) if picture else None
    return ScreenState(result, alone or result, prepared, image, 0, "key")


def a_map(target: Target, grid: Grid, words: tuple[float, ...] | None = None, method: str = "occlusion") -> Explanation:
    return Explanation(target, method, "total", grid, None, words, 0.1)
