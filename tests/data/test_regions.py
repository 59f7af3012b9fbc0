"""The region store: the right picture's regions in the right order, and a cache that notices changes."""

import copy
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from corpus import COLOURS, draw, draw_all, seeing
from PIL import Image
from torch import Tensor

from rpbert.data.readers import Caption, Example
from rpbert.data.regions import compute_regions
from rpbert.errors import UserError
from rpbert.model.configuration import GRID, REGIONS
from rpbert.model.modeling import RpBert
from rpbert.model.pictures import open_picture, picture_tensor


@pytest.fixture(scope="module")
def model(tiny_model: RpBert) -> RpBert:
    return seeing(tiny_model)


def tweet(picture: Path) -> Example:
    return Example("1", ("hi",), picture=picture)


def computed(model: RpBert, picture: Path) -> Tensor:
    """The regions (49, C) of one picture, by the CNN alone."""
    return model.region_encoder.regions(picture_tensor(open_picture(picture), model.config).unsqueeze(0))[0]


def close(stored: Tensor, expected: Tensor) -> bool:
    """Equal but for the rounding to float16."""
    return torch.allclose(stored, expected, rtol=2e-3, atol=1e-3 * float(expected.abs().max()))


def test_regions_of_the_right_pictures_in_the_order_asked_for(model: RpBert, tmp_path: Path) -> None:
    pictures = draw_all(tmp_path)
    store = compute_regions(model, pictures.values())
    wanted: list[Example | Caption] = [
        tweet(pictures["white"]),
        Caption("a wall", pictures["red"], True),
        tweet(pictures["brown"]),
        tweet(pictures["white"]),
    ]
    regions = store(wanted)
    assert regions.shape == (4, REGIONS, model.config.region_channels)
    assert regions.dtype == torch.float32
    for row, source in enumerate(wanted):
        assert source.picture is not None
        assert close(regions[row], computed(model, source.picture))
    assert not close(regions[0], regions[1])  # the colours can be told apart at all


def test_equal_rows_mean_the_same_picture(model: RpBert, tmp_path: Path) -> None:
    pictures = draw_all(tmp_path)
    store = compute_regions(model, pictures.values())
    first, second, third = store.indices([tweet(pictures[name]) for name in ("red", "blue", "red")]).tolist()
    assert first == third != second


def test_a_picture_that_is_named_twice_is_computed_once(model: RpBert, tmp_path: Path) -> None:
    one, two = draw(tmp_path / "a.bmp", (9, 9, 9)), draw(tmp_path / "b.bmp", (200, 9, 9))
    assert len(compute_regions(model, [two, one, two, one]).table) == 2


def test_more_pictures_than_the_cnn_takes_at_once(
    model: RpBert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpbert.data.regions.BATCH", 3)
    pictures = list(draw_all(tmp_path).values())
    store = compute_regions(model, pictures)
    assert len(pictures) % 3
    for picture in pictures:
        assert close(store([tweet(picture)])[0], computed(model, picture))


def test_regions_go_row_by_row_from_the_upper_left(model: RpBert, tmp_path: Path) -> None:
    side = GRID * 32
    pixels = np.full((side, side, 3), 128, dtype=np.uint8)
    grey = tmp_path / "grey.png"
    Image.fromarray(pixels).save(grey)
    pixels[:32, side - 32 :] = (255, 0, 0)  # the cell in the upper right corner
    corner = tmp_path / "corner.png"
    Image.fromarray(pixels).save(corner)
    store = compute_regions(model, [grey, corner])
    before, after = store([tweet(grey), tweet(corner)])
    changed = (after - before).norm(dim=1).view(GRID, GRID)  # (49,) -> rows from the top, columns from the left
    upper, right = changed[:2, 3:].sum(), changed[:, 3:].sum()  # the CNN sees a little beyond a cell
    assert upper > 0.5 * changed.sum()
    assert right > 0.9 * changed.sum()


# ---- the cache ----------------------------------------------------------------------------------------------------


def no_cnn(*_: Any) -> Tensor:
    raise AssertionError("the CNN ran again")


@pytest.fixture
def own_model(model: RpBert) -> RpBert:
    return copy.deepcopy(model)


def table(model: RpBert, pictures: Sequence[Path], cache: Path) -> Tensor:
    """Regions (B, 49, C) of the pictures, in this order."""
    return compute_regions(model, pictures, cache)([tweet(picture) for picture in pictures])


def test_the_second_time_the_cnn_does_not_run(
    own_model: RpBert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = list(draw_all(tmp_path / "images").values())
    first = table(own_model, pictures, tmp_path / "new" / "cache")
    monkeypatch.setattr(own_model.region_encoder, "regions", no_cnn)
    second = table(own_model, pictures[::-1], tmp_path / "new" / "cache")
    assert torch.equal(second, first.flip(0))


def test_without_a_cache_nothing_is_written(model: RpBert, tmp_path: Path) -> None:
    compute_regions(model, [draw(tmp_path / "a.bmp", (9, 9, 9))])
    assert [path.name for path in tmp_path.iterdir()] == ["a.bmp"]


def test_one_picture_more_is_noticed(model: RpBert, tmp_path: Path) -> None:
    red, blue = (draw(tmp_path / f"{name}.bmp", COLOURS[name]) for name in ("red", "blue"))
    table(model, [red], tmp_path)
    assert close(table(model, [red, blue], tmp_path)[1], computed(model, blue))


def test_a_picture_of_another_size_in_bytes_is_noticed(model: RpBert, tmp_path: Path) -> None:
    picture = draw(tmp_path / "a.bmp", COLOURS["red"])
    table(model, [picture], tmp_path)
    Image.new("RGB", (20, 20), COLOURS["blue"]).save(picture)
    assert close(table(model, [picture], tmp_path)[0], computed(model, picture))


def test_a_picture_of_the_same_size_in_bytes_is_noticed(model: RpBert, tmp_path: Path) -> None:
    picture = draw(tmp_path / "a.bmp", COLOURS["red"])
    size = os.path.getsize(picture)
    table(model, [picture], tmp_path)
    draw(picture, COLOURS["blue"])
    assert os.path.getsize(picture) == size
    assert close(table(model, [picture], tmp_path)[0], computed(model, picture))


def test_other_weights_of_the_cnn_are_noticed(own_model: RpBert, tmp_path: Path) -> None:
    picture = draw(tmp_path / "a.bmp", COLOURS["red"])
    before = table(own_model, [picture], tmp_path)[0]
    with torch.no_grad():
        next(own_model.region_encoder.parameters()).mul_(1.5)
    after = table(own_model, [picture], tmp_path)[0]
    assert close(after, computed(own_model, picture))
    assert not close(after, before)


def test_other_batchnorm_statistics_are_noticed(own_model: RpBert, tmp_path: Path) -> None:
    picture = draw(tmp_path / "a.bmp", COLOURS["red"])
    table(own_model, [picture], tmp_path)
    with torch.no_grad():
        name = next(name for name, _ in own_model.region_encoder.named_buffers() if name.endswith("running_mean"))
        own_model.region_encoder.get_buffer(name).add_(0.5)
    assert close(table(own_model, [picture], tmp_path)[0], computed(own_model, picture))


def test_weights_of_the_text_encoder_do_not_matter(
    own_model: RpBert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = draw(tmp_path / "a.bmp", COLOURS["red"])
    before = table(own_model, [picture], tmp_path)
    with torch.no_grad():
        own_model.projection.weight.zero_()
    monkeypatch.setattr(own_model.region_encoder, "regions", no_cnn)
    assert torch.equal(table(own_model, [picture], tmp_path), before)


def test_another_normalisation_of_the_pixels_is_noticed(own_model: RpBert, tmp_path: Path) -> None:
    picture = draw(tmp_path / "a.bmp", COLOURS["red"])
    table(own_model, [picture], tmp_path)
    own_model.config = copy.deepcopy(own_model.config)
    own_model.config.image_mean = (0.1, 0.2, 0.3)
    assert close(table(own_model, [picture], tmp_path)[0], computed(own_model, picture))


def test_a_cache_file_that_was_cut_short_is_written_again(model: RpBert, tmp_path: Path) -> None:
    picture = draw(tmp_path / "images" / "a.bmp", COLOURS["red"])
    before = table(model, [picture], tmp_path)
    (file,) = tmp_path.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-100])  # as a run leaves it that is killed while it writes
    assert torch.equal(table(model, [picture], tmp_path), before)


def test_a_damaged_picture_is_named(model: RpBert, tmp_path: Path) -> None:
    picture = tmp_path / "a.bmp"
    picture.write_bytes(b"not a picture")
    with pytest.raises(UserError, match=r"a\.bmp"):
        compute_regions(model, [picture])
