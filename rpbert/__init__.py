"""RpBERT: named entities in a tweet, helped by its picture as far as the picture relates to the text.

`from rpbert import Analyzer` loads torch; `import rpbert` alone loads nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rpbert.analysis import Analysis
    from rpbert.analyzer import Analyzer
    from rpbert.model.configuration import RpBertConfig
    from rpbert.model.modeling import RpBert

__all__ = ["Analysis", "Analyzer", "RpBert", "RpBertConfig"]

_HOMES = {
    "Analysis": "rpbert.analysis",
    "Analyzer": "rpbert.analyzer",
    "RpBert": "rpbert.model.modeling",
    "RpBertConfig": "rpbert.model.configuration",
}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
