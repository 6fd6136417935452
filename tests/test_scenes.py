"""Whole pictures of pairs with their boxes."""

import numpy as np
import pandas as pd
import PIL.Image
import pytest
import torch

from lib import world
from lib.data import scenes


def test_pictures_come_from_the_world_or_from_files(tmp_path):
    table = pd.DataFrame({"key": ["relation-movie-7"], "part": "movie"})
    (drawn,) = scenes.pictures(table, seed=3)
    assert torch.equal(drawn, world.scenes("movie", [7], seed=3)[0])
    pixels = np.random.default_rng(0).integers(256, size=(6, 9, 3), dtype=np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    (read,) = scenes.pictures(table.assign(image=str(tmp_path / "a.png")), seed=3)
    assert np.array_equal(read.permute(1, 2, 0), pixels)


def test_scenes_are_the_pictures_that_the_crops_were_cut_from():
    pairs = world.relation("web", [10_000_000, 10_000_007], seed=0, size=48, progress=False)
    found = scenes.scenes_of(pairs.table, seed=0, height=288)
    expected = world.scenes("web", [10_000_007], seed=0, height=288)[0]
    assert torch.equal(found[1].image, expected)
    box = pairs.table.loc[1, ["left_x", "left_y", "left_w", "left_h"]].to_numpy(float)
    assert found[1].boxes[0] == pytest.approx(2 * box)  # the boxes are px of a picture 144 high
