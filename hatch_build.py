"""Dependencies and extras of the package, out of the requirements files: each stands in one list only.

A line `# [NAME]` in them begins the list of the extra NAME; that of `# [dependencies]` is what everybody needs.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

FILES = ("requirements.txt", "requirements-dev.txt")


class RequirementsHook(MetadataHookInterface):
    """Called by hatchling (PEP 621, `dynamic`)."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what pyproject.toml leaves open."""
        lists: dict[str, list[str]] = {}
        for file in FILES:
            for line in Path(self.root, file).read_text(encoding="utf-8").splitlines():
                if heading := re.fullmatch(r"# \[(\w+)\]", line):
                    current = lists[heading[1]] = []
                elif line and not line.startswith(("#", "-")):
                    current.append(line)
        metadata["dependencies"] = lists.pop("dependencies")
        metadata["optional-dependencies"] = lists
