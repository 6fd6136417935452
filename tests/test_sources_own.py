"""Broken lists of the user's own faces, and the message that each must give."""

import dataclasses

import numpy as np
import pytest
from PIL import ExifTags, Image

from lib.data import datasets, listing
from lib.data.pictures import square
from lib.data.sources import manifest
from tests import trees
from tests.damage import bomb, gone, linked, put, renamed

OWN = "faces.csv"
MANIFEST = [
    (gone(OWN), "faces.csv: does not exist; write a faces.csv, see lib/data/sources/manifest.py"),
    (put(OWN, b""), "faces.csv: is empty"),
    (put(OWN, b"gender\n1\n"), "faces.csv, line 1: column 'image' is missing; add it"),
    (put(OWN, b"\n\ngender\n1\n"), "faces.csv, line 3: column 'image' is missing; add it"),
    (put(OWN, b"image\n"), "faces.csv: no faces; write one line per face below the header"),
    (put(OWN, "image\ngrüße.jpg\n".encode("latin-1")), "faces.csv, line 2: byte 8 is not"),
    (put(OWN, b"image\n0.jpg\n\0"), "faces.csv, line 3: holds binary data"),
    (put(OWN, b'image,happy\n0.jpg,1\n"1.jpg"x,1\n'), "line 3: ',' expected after '\"'; fix"),
    (put(OWN, b'image\n"0.jpg\n'), "faces.csv, line 2: unexpected end of data; fix its quotes"),
    (put(OWN, b"image,happy\n\n0.jpg,1\n\n1.jpg,2\n"), "line 5, column 'happy': '2'; use 1, 0"),
    (put(OWN, "image,identity\n0.jpg,a\u2028b\n1.jpg,c\n2.jpg\n".encode()), "line 4: 1 values"),
    (put(OWN, b"image,hapy\n0.jpg,1\n"), "line 1: unknown column 'hapy'; did you mean 'happy'?"),
    (put(OWN, b"image,image\n0.jpg,0.jpg\n"), "line 1: column 'image' is there twice; remove one"),
    (put(OWN, b"image,x,y,w\n0.jpg,1,1,9\n"), "line 1: a box needs all of x, y, w, h, or none"),
    (put(OWN, b"image,happy\n0.jpg\n"), "line 2: 1 values for 2 columns"),
    (put(OWN, b"image,happy\n0.jpg,2\n"), "line 2, column 'happy': '2'; use 1, 0, or blank"),
    (put(OWN, b"image,split\n0.jpg,dev\n"), "line 2, column 'split': 'dev'; use train, test"),
    (put(OWN, b"image\n../../etc/passwd\n"), "'../../etc/passwd' is not a file inside"),
    (put(OWN, b"image\n/etc/passwd\n"), "'/etc/passwd' is not a file inside"),
    (put(OWN, b"image\nlost.jpg\n"), "lost.jpg does not exist; fix the name or remove the line"),
    (put(OWN, b"image\nfaces.csv\n"), "faces.csv cannot be read"),
    (put("0.jpg", b"\n<html><title>Log in</title>"), "0.jpg cannot be read (is a web page"),
    (put("0.jpg", bomb()), "could be decompression bomb DOS attack.); replace the file"),
    (put(OWN, b"image,x,y,w,h\n0.jpg,inf,0,9,9\n"), "column 'x': 'inf' is not finite; give px"),
    (put(OWN, b"image,x,y,w,h\n0.jpg,1,NaN,9,9\n"), "column 'y': '' is not a number; give px"),
    (put(OWN, b"image,x,y,w,h\n0.jpg,1,1,0,9\n"), "line 2: box x 1, y 1, w 0, h 9 has no area"),
    (put(OWN, b"image,x,y,w,h\n0.jpg,80,0,9,9\n"), "is outside its picture of 80 x 120 px"),
    (put(OWN, b"image,x,y,w,h\n0.jpg,0,0,20000,20000\n"), "its centre reaches beyond the edge"),
    (put(OWN, b"image,x,y,w,h\n0.jpg,0.1,0.2,0.5,0.6\n"), "give px, not shares of the picture"),
    (put(OWN, b"image,x,y,w,h\n0.jpg,0,0,1,1\n"), "give px, not shares of the picture"),
    (put(OWN, b"image;gender\n0.jpg;1\n"), "line 1: is separated by semicolons; save it with com"),
    (put(OWN, b"image\tgender\n0.jpg\t1\n"), "line 1: is separated by tabs; save it with commas"),
    (put(OWN, b"image\na\\0.jpg\n"), "has back slashes; write / between folders"),
    (put(OWN, b",image\n0,0.jpg\n"), "a column has no name (pandas: to_csv with index=False)"),
    (put(OWN, b"image_id,5_o_Clock_Shadow\n0.jpg,1\n"), "is CelebA's list (the CSV edition of Kag"),
    (put(OWN, b"emotion,pixels,Usage\n0,70 80,x\n"), "is a list of pixels (as FER2013's)"),
    (put(OWN, b"image,source\n0.jpg,CelebA\n"), "column 'source': 'CelebA' is a dataset's name"),
    (put(OWN, b"image,source\n0.jpg,ckplus\n"), "column 'source': 'ckplus' is a dataset's name"),
    (put(OWN, b"image,happy\n0.jpg,1\n0.jpg,0\n"), "line 2 and "),
    (put(OWN, b"image,happy\n0.jpg,1\n0.jpg,0\n"), "line 3 label one box 'happy' contrarily; rem"),
    (put(OWN, b"<!doctype html><title>Sign in</title>"), "faces.csv: is a web page ('Sign in')"),
    (linked("0.jpg"), "0.jpg is a link to "),
    (lambda home: (put(OWN, b"image\nmine/0.jpg\n")(home), (home / "mine").mkdir(),
                   renamed("0.jpg", "mine/0.jpg")(home), linked("mine")(home)), "mine is a link"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), MANIFEST)
def test_broken_manifests_are_named(damage, message, tmp_path):
    path = trees.manifest(tmp_path / "album")
    damage(path.parent)
    with pytest.raises(ValueError) as error:
        manifest.rows(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


@pytest.fixture
def listed(tmp_path):
    """A manifest with this text beside the pictures, read."""

    def written(text):
        path = trees.manifest(tmp_path / "album")
        path.write_text(text)
        return manifest.read(path)

    return written


@pytest.mark.parametrize(
    ("text", "label"),
    [
        *[("1", 1), ("1.0", 1), ("True", 1), ("0", 0), ("0.0", 0), ("False", 0)],
        *[("", -1), ("NaN", -1), ("nan", -1), ("<NA>", -1), ("None", -1), ("-1", -1), ("-1.0", -1)],
    ],
)
def test_labels_are_read_as_pandas_writes_them(text, label, listed):
    found = listed(f"image,happy\n0.jpg,{text}\n")
    assert found.table["happy"].tolist() == [label]
    noted = found.remarks["labels of -1 are taken for unknown; write 0 where they mean no"]
    assert noted == text.startswith("-1")


def test_blank_cells_of_any_spelling_are_blank(listed):
    text = "image,x,y,w,h,identity,split,source\n0.jpg,NaN,nan,,<NA>,nan,NaN,None\n"
    row = listed(text).table.iloc[0]
    assert (row.identity, row.split, row.source) == ("album/0.jpg#2", "train", "manifest")
    assert square((row.x, row.y, row.w, row.h)) == (0, 20, 80, 100)


def test_boxes_that_overrun_are_cut_and_counted(listed):
    found = listed("image,x,y,w,h\n0.jpg,-10,20,60,130\n")
    assert found.table[list("xywh")].to_numpy().tolist() == [[0, 20, 50, 100]]
    assert found.remarks["boxes cut to the picture"] == 1


FLIP = Image.Transpose
BACK = {  # what undoes each note
    **{2: FLIP.FLIP_LEFT_RIGHT, 3: FLIP.ROTATE_180, 4: FLIP.FLIP_TOP_BOTTOM, 5: FLIP.TRANSPOSE},
    **{6: FLIP.ROTATE_90, 7: FLIP.TRANSVERSE, 8: FLIP.ROTATE_270},
}


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_camera_s_note_turns_a_picture_once_in_every_format(ending, turn, tmp_path, profile):
    """The upper left quarter is white as the picture is meant to be seen."""
    seen = np.zeros((40, 60, 3), np.uint8)
    seen[:20, :30] = 255
    stored = Image.fromarray(seen)
    stored = stored.transpose(BACK[turn]) if turn in BACK else stored
    note = Image.Exif()
    note[ExifTags.Base.Orientation] = turn
    trees.save(stored, tmp_path / f"a.{ending}", exif=note)
    (tmp_path / "faces.csv").write_text(f"image,x,y,w,h\na.{ending},20,10,20,20\n")
    found = datasets.manifest(tmp_path / "faces.csv", "m", profile(), tmp_path / "cache", False)
    bright = found.images[0, 0].float().unflatten(0, (2, 24)).unflatten(2, (2, 24)).mean((1, 3))
    assert (bright > 127).tolist() == [[True, False], [False, False]]


@pytest.mark.parametrize(
    ("folders", "keys"),
    [
        (("one", "two"), ("one", "two")),
        (("one/faces", "two/faces"), ("one/faces/faces.csv", "two/faces/faces.csv")),
        (("celeba", "one"), ("own/celeba/faces.csv", "own/one/faces.csv")),
    ],
)
def test_manifests_in_folders_of_one_name_keep_their_faces_apart(folders, keys, tmp_path):
    paths = [trees.manifest(tmp_path / "own" / folder, 1) for folder in folders]
    lists = manifest.read_all(paths)
    listing.check_keys(lists)
    assert [each.table["key"][0] for each in lists] == [f"{key}/0.jpg#2" for key in keys]


def test_two_manifests_in_one_folder_are_apart_and_not_contrary(tmp_path):
    first = trees.manifest(tmp_path / "album")
    second = first.with_name("more.csv")
    second.write_text(first.read_text())
    listing.check_keys(manifest.read_all([first, second]))
    second.write_text("image,gender\n0.jpg,1\n")
    contrary = r"faces.csv, line 2 and .*more.csv, line 2 .* 'gender' con"
    with pytest.raises(ValueError, match=contrary):
        manifest.read_all([first, second])
    again = first.parent / ".." / "album" / "faces.csv"
    with pytest.raises(ValueError, match="are one manifest; list it once"):
        manifest.read_all([first, again])


def test_keys_in_common_are_named_with_both_files(tmp_path):
    found = manifest.read(trees.manifest(tmp_path / "album"))
    moved = dataclasses.replace(found, table=found.table.assign(file="other.csv"))
    with pytest.raises(ValueError, match=r"album/faces.csv, line 2 and other.csv, line 2 have one"):
        listing.check_keys([found, moved])
