"""What is remembered: within its bytes, the least recently used goes first, and nothing is computed twice at a time."""

import threading

import pytest
import torch
from PIL import Image

from rpbert.ui.cache import Cache, size_of


def test_it_forgets_what_was_used_least_recently() -> None:
    cache, made = Cache(budget=2 * 1000), []

    def make(name: str) -> torch.Tensor:
        def compute() -> torch.Tensor:
            made.append(name)
            return torch.zeros(225)  # 900 bytes

        return cache.get(name, compute)

    for name in ("a", "b", "a", "c", "a", "b"):
        make(name)
    assert made == ["a", "b", "c", "b"]  # c pushed b out, for a had been used since
    assert cache.size <= cache.budget


def test_what_is_larger_than_the_budget_is_not_kept() -> None:
    cache = Cache(budget=1000)
    cache.get("small", lambda: b"x")
    cache.get("large", lambda: torch.zeros(1000))
    assert "large" not in cache
    assert "small" in cache


def test_sizes() -> None:
    assert size_of(torch.zeros(10, 10)) == 400
    assert size_of(Image.new("RGB", (20, 10))) == 600
    assert size_of([torch.zeros(10, 10)] * 3) > 1200
    assert size_of({"a": torch.zeros(10, 10)}) > 400


def test_the_model_counts_for_nobody_but_what_was_computed_with_it_does() -> None:
    class Curves:
        def __init__(self) -> None:
            self.model, self.means = torch.nn.Linear(1000, 1000), torch.zeros(100)

    assert 400 < size_of(Curves()) < 2000


def test_two_who_ask_at_once_wait_for_one_computation() -> None:
    cache, made, going = Cache(), [], threading.Event()

    def compute() -> int:
        made.append(1)
        going.wait(5)
        return 7

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(cache.get("key", compute))) for _ in range(3)]
    for thread in threads:
        thread.start()
    going.set()
    for thread in threads:
        thread.join(5)
    assert found == [7, 7, 7]
    assert made == [1]


def test_a_failure_is_not_remembered() -> None:
    cache = Cache()

    def fail() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cache.get("key", fail)
    assert cache.get("key", lambda: 3) == 3
