"""The store of crops: right, whole or absent, resumed, remade exactly where something changed."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib.data import crops
from lib.data.crops import Options
from lib.data.pictures import central_box, crop, decoded, open_picture, square
from tests import trees

SIZE = 24


@pytest.fixture
def rows(tmp_path) -> pd.DataFrame:
    """Nine faces on six pictures."""
    faces, table = trees.portraits("expw", 42).images, []
    x, y, w, h = central_box(trees.SIDE, trees.SIDE)
    for number in range(6):
        several = 1 + number % 2
        path = tmp_path / "pictures" / f"{number}.png"
        trees.save(trees.row_of(faces[2 * number : 2 * number + several]), path)
        for face in range(several):
            place = (x + trees.SIDE * face, y, w, h, trees.SIDE * several, trees.SIDE)
            table.append((str(path), "list", len(table) + 1, *place))
    return pd.DataFrame(table, columns=["image", "file", "line", *crops.GEOMETRY])


@pytest.fixture
def cuts(monkeypatch) -> list:
    """The rows that were cut, as they are."""
    seen, cut = [], crops.cut

    def watched(job):
        seen.extend(row for row, *_ in job.rows)
        return cut(job)

    monkeypatch.setattr(crops, "cut", watched)
    return seen


@pytest.fixture
def make(tmp_path, cuts):
    """Crops of rows in a folder; `cuts` then holds those that this call has cut."""

    def made(rows, folder="store", size=SIZE, *, upright=False, unreadable=0):
        cuts.clear()
        how, place = Options(size, upright), tmp_path / folder
        return crops.cached(rows, place, "faces", how, unreadable=unreadable, progress=False)

    return made


def finished(folder: Path) -> list[Path]:
    return [path for path in folder.glob("faces-*") if path.suffix != ".part"]


def test_crops_are_those_of_their_boxes_and_made_once(rows, make, cuts):
    found = make(rows)
    assert found.images.shape == (9, 3, SIZE, SIZE) and sorted(cuts) == list(range(9))
    for image, row in zip(found.images, rows.itertuples(), strict=True):
        with Image.open(row.image) as picture:
            expected = crop(picture, (row.x, row.y, row.w, row.h), SIZE)
        assert (image == expected).all()
    assert (make(rows).images == found.images).all() and not cuts


def test_a_box_and_its_margin_by_hand():
    """A picture of two greys, a box that is all of it, a margin beyond its edge."""
    picture = Image.fromarray(np.repeat(np.array([[10, 10, 200, 200]], np.uint8), 4, 0))
    assert square((0, 0, 4, 4)) == (-1, -1, 5, 5)
    found = crop(picture, (0, 0, 4, 4), 6)
    assert found[0].tolist() == [[10, 10, 10, 200, 200, 200]] * 6  # the edge is repeated
    assert square(central_box(178, 218)) == (0, 20, 178, 198)  # CelebA: the middle square


def test_pictures_are_turned_only_if_asked(make, tmp_path):
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 12) * 5)
    turn = Image.Exif()
    turn[0x0112] = 6  # a quarter turn
    picture.save(tmp_path / "a.png", exif=turn)
    row = {"image": str(tmp_path / "a.png"), "x": 0, "y": 0, "w": 4, "h": 4, "file": "", "line": 0}
    flat = pd.DataFrame([row | {"width": 12, "height": 4}])
    turned = pd.DataFrame([row | {"width": 4, "height": 12}])
    assert not (make(flat).images == make(turned, "2", upright=True).images).all()
    with pytest.raises(ValueError, match="4 x 12 px in place of 12 x 4"):
        make(flat, "3", upright=True)


@pytest.mark.parametrize(
    ("kind", "values", "ending"),
    [
        *[(np.uint16, (0, 32_768, 65_535), ending) for ending in ("png", "tif", "pgm")],
        (">u2", (0, 32_768, 65_535), "tif"),
        (np.uint8, (0, 128, 255), "png"),
    ],
)
def test_greys_of_sixteen_bits_keep_their_brightness(kind, values, ending, tmp_path):
    picture = Image.fromarray(np.repeat(np.array([values], kind), 3, 0))
    picture.save(tmp_path / f"a.{ending}")
    with open_picture(tmp_path / f"a.{ending}") as opened:
        found = np.asarray(decoded(opened))
    assert found.shape == (3, 3, 3) and found[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_numbers_without_a_known_white_are_refused(kind, tmp_path):
    Image.fromarray(np.ones((4, 4), kind)).save(tmp_path / "a.tif")
    with (
        open_picture(tmp_path / "a.tif") as opened,
        pytest.raises(ValueError, match="no known whi"),
    ):
        decoded(opened)


def test_a_changed_picture_is_cut_again_and_no_other(rows, make, cuts, tmp_path):
    make(rows)
    path = rows["image"][1]  # holds faces 1 and 2
    Image.new("RGB", (2 * trees.SIDE, trees.SIDE), (1, 2, 3)).save(path)
    found = make(rows)
    assert sorted(cuts) == [1, 2]
    assert (found.images[1:3].float().mean((0, 2, 3)).round() == np.array([1, 2, 3])).all()
    assert len(finished(tmp_path / "store")) == 1  # the old store is gone


def test_a_changed_box_or_a_new_row_is_cut_and_no_other(rows, make, cuts):
    old = make(rows).images.clone()
    rows.loc[4, "w"] += 3
    found = make(pd.concat([rows.iloc[[8]].assign(x=1.0), rows], ignore_index=True))
    assert sorted(cuts) == [0, 5]
    same = [k for k in range(9) if k != 4]
    assert (found.images[1:][same] == old[same]).all()


def test_another_size_makes_all_of_them_again(rows, make, cuts):
    make(rows)
    make(rows, size=20)
    assert sorted(cuts) == list(range(9))


def test_it_goes_on_where_it_stopped(rows, make, cuts, monkeypatch, tmp_path):
    monkeypatch.setattr(crops, "CHUNK", 2)
    whole = make(rows, "other").images
    watched, calls = crops.cut, []

    def stops(job):
        calls.append(job)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return watched(job)

    monkeypatch.setattr(crops, "cut", stops)
    with pytest.raises(KeyboardInterrupt):
        make(rows)
    assert not finished(tmp_path / "store")
    found = make(rows)
    assert sorted(cuts) == [4, 5, 6, 7, 8]  # two jobs of two rows were finished
    assert (found.images == whole).all()


def test_unreadable_pictures_are_named_and_the_rest_is_kept(rows, make, cuts):
    path = Path(rows["image"][0])
    good = path.read_bytes()
    path.write_bytes(good[:-40])
    with pytest.raises(ValueError, match=r"1 pictures cannot be cut.*\n  list, line 1: .*0.png"):
        make(rows)
    forgiven = make(rows, unreadable=1)
    assert forgiven.index["state"].tolist() == [crops.BROKEN] + [crops.DONE] * 8
    path.write_bytes(good)
    assert (make(rows).index["state"] == crops.DONE).all()
    assert cuts == [0]


def test_many_rows_are_cut_by_several_processes(rows, make, monkeypatch):
    alone = make(rows).images
    monkeypatch.undo()  # a process finds `cut` by its name
    monkeypatch.setattr(crops, "ALONE", 0)
    monkeypatch.setattr(crops, "CHUNK", 2)
    assert (make(rows, "several").images == alone).all()


KILLED = """
import os, signal, sys
import pandas as pd
from pathlib import Path
from lib.data import crops

cut, crops.CHUNK = crops.cut, 1
def dying(job):
    if job.rows[0][0] == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return cut(job)
crops.cut = dying
rows, folder = pd.read_parquet(sys.argv[1]), Path(sys.argv[2])
crops.cached(rows, folder, "faces", crops.Options(24), progress=False)
"""


def test_a_killed_run_leaves_nothing_half_written(rows, make, cuts, tmp_path):
    rows.to_parquet(tmp_path / "rows.parquet")
    command = [
        sys.executable,
        "-c",
        KILLED,
        str(tmp_path / "rows.parquet"),
        str(tmp_path / "store"),
    ]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert not finished(tmp_path / "store")
    found = make(rows)
    assert cuts == [4, 5, 6, 7, 8]
    assert (found.images == make(rows, "other").images).all()
