"""What was computed before, by its key, within a budget of bytes: the least recently used goes first."""

import dataclasses
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import torch
from PIL import Image

BUDGET = 150_000_000  # bytes

Result = TypeVar("Result")


def size_of(value: Any) -> int:
    """About how many bytes a result holds: tensors and pictures by their content, everything else part by part."""
    if isinstance(value, torch.nn.Module):
        return 0  # the model, which is loaded once, whoever holds it
    if isinstance(value, torch.Tensor):
        return value.element_size() * value.nelement()
    if isinstance(value, Image.Image):
        return value.width * value.height * len(value.getbands())
    own = sys.getsizeof(value, 64)
    return own + sum(size_of(part) for part in _parts(value))


def _parts(value: Any) -> list[Any]:
    """What a composed value holds; nothing of a plain one."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    return list(vars(value).values()) if hasattr(value, "__dict__") else []


class Cache:
    """Results by their keys, together at most `budget` bytes; one that alone is larger is not kept."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget, self.size = budget, 0
        self._results: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._running: dict[Hashable, threading.Event] = {}  # what is being computed; set when it is done
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """The result of an earlier call with this key, or that of `compute`.

        Whoever asks for what another is computing waits for it, and computes it only when the other one failed.
        """
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                found: Result = self._results[key][0]
                return found
            other = self._running.get(key)
            if other is None:
                done = self._running[key] = threading.Event()
        if other is not None:
            other.wait()
            return self.get(key, compute)
        try:
            computed = compute()
            self._keep(key, computed, size_of(computed))
            return computed
        finally:
            with self._lock:
                del self._running[key]
            done.set()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._results

    def _keep(self, key: Hashable, computed: Any, size: int) -> None:
        with self._lock:
            if key in self._results or size > self.budget:
                return
            self._results[key] = computed, size
            self.size += size
            while self.size > self.budget:
                _, (_, freed) = self._results.popitem(last=False)
                self.size -= freed
