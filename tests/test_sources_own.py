"""Broken lists of the user's own faces, and the message that each must give."""

import pytest

from lib.data.sources import manifest
from tests import trees
from tests.damage import bomb, gone, put

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
    (put("0.jpg", bomb()), "could be decompression bomb DOS attack.); replace the file"),
    (put(OWN, b"image,x,y,w,h\n0.jpg,nan,0,9,9\n"), "column 'x': 'nan' is not finite; give px"),
    (put(OWN, b"image,x,y,w,h\n0.jpg,1,,9,9\n"), "column 'y': '' is not a number; give px"),
    (put(OWN, b"image,x,y,w,h\n0.jpg,1,1,0,9\n"), "column 'w': 0; a box is wider and higher"),
    (put(OWN, b"image,x,y,w,h\n0.jpg,80,0,9,9\n"), "outside the picture of 80 x 120 px"),
]


@pytest.mark.parametrize(("damage", "message"), MANIFEST)
def test_broken_manifests_are_named(damage, message, tmp_path):
    path = trees.manifest(tmp_path / "album")
    damage(path.parent)
    with pytest.raises(ValueError) as error:
        manifest.rows(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
