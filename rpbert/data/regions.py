"""The regions of many pictures, computed once: the CNN is frozen, so no epoch needs to run it again."""

import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from rpbert.data.readers import Caption, Example
from rpbert.model.configuration import REGIONS
from rpbert.model.modeling import RpBert
from rpbert.model.pictures import open_picture, picture_tensor

BATCH = 32


class RegionStore:
    """Picture path -> regions, float16 in memory (125 KB a picture for `mini`)."""

    def __init__(self, rows: dict[Path, int], table: Tensor) -> None:
        self.rows = rows
        self.table = table  # (pictures, 49, C) float16

    def __call__(self, sources: Sequence[Example | Caption]) -> Tensor:
        """Regions (B, 49, C), float32, of the pictures of B examples."""
        return self.table[self.indices(sources)].float()

    def indices(self, sources: Sequence[Example | Caption]) -> Tensor:
        """Rows (B,) of the table: equal numbers mean the same picture."""
        return torch.tensor([self.rows[source.picture] for source in sources if source.picture is not None])


def compute_regions(model: RpBert, pictures: Iterable[Path], cache: Path | None = None) -> RegionStore:
    """Run the CNN over all `pictures`; with `cache`, keep the result in that folder and use it the next time."""
    paths = sorted(set(pictures))
    rows = {path: row for row, path in enumerate(paths)}
    file = None if cache is None else cache / f"regions-{_fingerprint(model, paths)}.safetensors"
    if file is not None and file.is_file():
        with contextlib.suppress(SafetensorError):  # a file that was cut short is written again
            return RegionStore(rows, load_file(file)["regions"])
    table = torch.empty(len(paths), REGIONS, model.config.region_channels, dtype=torch.float16)
    for begin in tqdm(range(0, len(paths), BATCH), desc="pictures", unit="batch"):
        batch = paths[begin : begin + BATCH]
        pixels = torch.stack([picture_tensor(open_picture(path), model.config) for path in batch])  # (B, 3, H, W)
        table[begin : begin + BATCH] = model.region_encoder.regions(pixels.to(model.device)).cpu()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file({"regions": table}, file)
    return RegionStore(rows, table)


def _fingerprint(model: RpBert, paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    config = model.config
    digest.update(repr((config.image_size, [*config.image_mean], [*config.image_std])).encode())
    for tensor in model.region_encoder.state_dict().values():
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:12]
