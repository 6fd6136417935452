"""Broken copies of the datasets, and the message that each must give."""

import errno
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.data import datasets, real
from lib.data.sources import published
from lib.vocabulary import SOURCE_NAMES
from tests import trees
from tests.damage import (
    bomb,
    copied,
    cut,
    dangling,
    emptied,
    field,
    gone,
    keep,
    line,
    linked,
    put,
    renamed,
    resized,
    sql,
)

LABELS, FIRST, SECOND = "label.lst", "origin/angry_people_0.jpg", "origin/disgust_people_1.jpg"
EXPW = [
    (gone(LABELS), "expw holds no label.lst, so it is not ExpW as published"),
    (put(LABELS, b""), "label.lst: is empty; copy it again"),
    (put(LABELS, b"\n \r\n"), "label.lst: is empty; copy it again"),
    (put(LABELS, "a 0 1 2 3 4 5 6".encode("utf-16")), "label.lst: is UTF-16; save it as UTF-8"),
    (put(LABELS, b"a 0 1 2 3 4 5 6\n\xe4 0 1 2 3 4 5 6"), "line 2: byte 16 is not UTF-8"),
    (put(LABELS, b"a 0 1 2 3 4 5 6\nb\0"), "label.lst, line 2: holds binary data; copy it again"),
    (line(LABELS, 5, lambda text: text[:-2]), "line 5: 7 fields in place of 8: image_name face_id"),
    (line(LABELS, 5, lambda text: text + " 1"), "label.lst, line 5: 9 fields in place of 8"),
    (line(LABELS, 4, lambda text: ""), "label.lst, line 4: 0 fields in place of 8"),
    (field(LABELS, 3, 7, "7"), "line 3: label is 7; allowed are 0 angry, 1 disgust, 2 fear"),
    (field(LABELS, 3, 7, "-1"), "label.lst, line 3: label is -1; allowed are 0 angry"),
    (field(LABELS, 3, 7, "happy"), "line 3: label is 'happy', not a whole number; fix it"),
    (field(LABELS, 3, 7, "2.5"), "line 3: label is '2.5', not a whole number; fix it"),
    (field(LABELS, 6, 2, "nan"), "line 6: top is 'nan', not a finite number; fix it"),
    (field(LABELS, 6, 5, "inf"), "line 6: bottom is 'inf', not a finite number; fix it"),
    (field(LABELS, 6, 3, "1O"), "line 6: left is '1O', not a finite number; fix it"),
    (field(LABELS, 6, 6, "nan"), "line 6: confidence is 'nan', not a finite number; fix it"),
    (field(LABELS, 6, 1, "0.5"), "line 6: face_id is '0.5', not a whole number; fix it"),
    (field(LABELS, 2, 4, "5"), "line 2: box x 11, y 11, w -6, h 43 has no area"),
    (field(LABELS, 2, 5, "11"), "line 2: box x 11, y 11, w 43, h 0 has no area"),
    (field(LABELS, 2, 5, "400"), "h 389 is outside its picture of 64 x 64 px"),
    (gone(FIRST), "line 1: picture 'angry_people_0.jpg' is not in"),
    (gone("origin/sad_people_4.jpg"), "picture 'sad_people_4.jpg' is not in"),
    (lambda home: (gone(FIRST)(home), gone(SECOND)(home)), "(1 more); copy it, or remove its line"),
    (field(LABELS, 2, 0, "/etc/passwd"), "line 2: '/etc/passwd' is no name inside"),
    (field(LABELS, 2, 0, "../label.lst"), "line 2: '../label.lst' is no name inside"),
    (field(LABELS, 2, 0, "a/../../label.lst"), "'a/../../label.lst' is no name inside"),
    (field(LABELS, 2, 0, "C:\\faces\\a.jpg"), "is no name inside"),
    (linked(FIRST), "origin/angry_people_0.jpg: is a link to no file inside"),
    (dangling(FIRST), "origin/angry_people_0.jpg: is a link to no file inside"),
    (linked("origin"), None),  # on another disk
    (line(LABELS, 2, lambda text: f"{text}\n{text}"), "line 3: 'expw/disgust_people_1.jpg#0' is "),
    (put(FIRST, b""), "angry_people_0.jpg cannot be read: cannot identify image file"),
    (put(FIRST, b"<html>not found</html>"), "angry_people_0.jpg cannot be read: is a web page"),
    (put(FIRST, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "cannot be read"),
    (put(FIRST, bomb()), "exceeds limit of 178956970 pixels, could be decompression bomb"),
    (cut(FIRST), "1 pictures cannot be cut; copy each again or remove its line:\n  /"),
    (cut(FIRST), "label.lst, line 1: /"),
    (keep(LABELS, 3), None),  # a part of it; none tests
    (put(LABELS, b"<html><head><title>Quota exceeded</title>"), "is a web page ('Quota exceeded')"),
    (put(LABELS, b"PK\x03\x04\0\0"), "label.lst: is a zip archive; unpack it there"),
    (put(LABELS, b"version https://git-lfs.github.com/spec/v1\n"), "is a pointer of Git LFS"),
    (line(LABELS, 1, lambda text: f"image_name face_id top left right bottom score label\n{text}"),
     "line 1: 'image_name face_id top left right bottom score label' is a header"),
    (line(LABELS, 5, lambda text: text.replace(" ", ",")), "line 5: has commas: another edition"),
    (gone("origin"), "expw holds no origin (but label.lst); copy the dataset whole"),
    (copied(LABELS, "old/label.lst"), None),
    (lambda h: (copied(LABELS, "a/label.lst")(h), renamed(LABELS, "origin/label.lst")(h)),
     "holds two copies of label.lst"),
]  # fmt: skip

ATTRIBUTES, PARTITION, IDENTITY = (
    "list_attr_celeba.txt", "list_eval_partition.txt", "identity_CelebA.txt",
)  # fmt: skip
THIRD, CAPITALS = "img_align_celeba/000003.jpg", " ".join(trees.CELEBA)
CELEBA = [
    (keep(ATTRIBUTES, 20), "line 1: announces 24 faces, 18 follow; the copy is not whole"),
    (line(ATTRIBUTES, 1, lambda _: "202599"), "line 1: announces 202,599 faces, 24 follow"),
    (line(ATTRIBUTES, 1, lambda _: "faces"), "line 1: 'faces' is no count of faces"),
    (line(ATTRIBUTES, 2, lambda text: text.replace("Goatee", "Goatees")), "attribute Goatee is"),
    (line(ATTRIBUTES, 2, lambda text: text.replace("Bangs", "Bald")), "an attribute is there twi"),
    (field(ATTRIBUTES, 9, 32, "0"), "line 9: Smiling is 0; allowed are 1, -1"),
    (field(ATTRIBUTES, 9, 21, "2"), "line 9: Male is 2; allowed are 1, -1"),
    (field(ATTRIBUTES, 9, 1, "yes"), "5_o_Clock_Shadow is 'yes', not a whole number"),
    (line(ATTRIBUTES, 5, lambda text: text[:-3]), "line 5: 40 fields in place of 41: image_name"),
    (keep(ATTRIBUTES, 2), "line 1: announces 24 faces, 0 follow"),
    (keep(ATTRIBUTES, 1), "line 2: attribute Smiling is missing"),
    (line(ATTRIBUTES, 1, lambda _: CAPITALS), "line 1: names the attributes; the publ"),
    (put(ATTRIBUTES, b"\n<!DOCTYPE html>\n<title>\nA - 404</title>"), "web page ('A - 404')"),
    (put(IDENTITY, b'{"error": {"code": 403}}'), "CelebA.txt: is a message in JSON; download"),
    (line(PARTITION, 1, lambda text: f"image_id of\n{text}"), "'image_id of' is a header"),
    (gone(IDENTITY), "celeba holds no identity_CelebA.txt (but img_align_celeba, list_attr"),
    (lambda home: (renamed(ATTRIBUTES, "list_attr_celeba.csv")(home), gone(IDENTITY)(home)),
     "this CSV edition of CelebA lacks it, and test people are chosen by it"),
    (resized(THIRD, (128, 128)), "(1 pictures are of another size)"),
    (resized(THIRD, (409, 687)), "409 x 687 px in place of 178 x 218"),
    (field(ATTRIBUTES, 4, 0, "000001.jpg"), "line 4: 000001.jpg is there twice; remove one of"),
    (field(ATTRIBUTES, 4, 0, "../celeba/a.jpg"), "../celeba/a.jpg, which list_attr_celeba.txt"),
    (field(PARTITION, 3, 1, "3"), "line 3: partition is 3; allowed are 0 train, 1 valid"),
    (keep(PARTITION, 23), "000024.jpg, which list_attr_celeba.txt lists, is missing"),
    (line(PARTITION, 1, lambda text: f"{text}\n000099.jpg 0"), "000099.jpg is not in list_attr"),
    (gone(PARTITION), "celeba holds no list_eval_partition.txt (but identity_CelebA.txt, img_al"),
    (field(IDENTITY, 3, 1, "Anna"), "line 3: identity is 'Anna', not a whole number"),
    (field(IDENTITY, 3, 0, "000002.jpg"), "line 3: 000002.jpg is there twice"),
    (gone(THIRD), "line 5: picture '000003.jpg' is not in"),
    (gone("img_align_celeba"), "celeba holds no img_align_celeba"),
    (put("img_align_celeba/000004.jpg", b"GIF89a"), "line 6: "),
]  # fmt: skip

AFLW = [
    (put("aflw.sqlite", b"face_id,x,y\n" * 100), "is not AFLW's database (file is not a database)"),
    (put("aflw.sqlite", b""), "is not AFLW's database (no such table: Faces)"),
    (sql("DROP TABLE FacePose"), "is not AFLW's database (no such table: FacePose)"),
    (sql("ALTER TABLE FaceRect RENAME COLUMN w TO wide"), "(no such column: w); copy it again"),
    (sql("DELETE FROM Faces"), "aflw.sqlite: table Faces is empty"),
    (sql("DELETE FROM FaceRect"), "aflw.sqlite: no face has a box (FaceRect)"),
    (sql("DELETE FROM FaceImages WHERE file_id='image00009.jpg'"), "face 1009: file_id 'image0"),
    (sql("UPDATE FaceImages SET file_id='image00000.jpg'"), "image00000.jpg is there twice"),
    (sql("UPDATE FaceImages SET filepath='../aflw.sqlite' WHERE image_id=0"), "1000: '../aflw"),
    (sql("UPDATE FaceImages SET filepath='/etc/hosts' WHERE image_id=0"), "'/etc/hosts' is no"),
    (gone("flickr/0/image00000.jpg"), "face 1000: picture '0/image00000.jpg' is not in"),
    (gone("flickr/0/image00000.jpg"), "copy it, or remove its row from Faces"),
    (sql("UPDATE FaceRect SET w=0 WHERE face_id=1003"), "face 1003: box x 11, y 11, w 0, h 43 has"),
    (sql("UPDATE FaceRect SET w=0 WHERE face_id=1003"), "fix it or remove its row from Faces"),
    (sql("UPDATE FaceRect SET x=300 WHERE face_id=1003"), "is outside its picture of 64 x 64 px"),
    (sql("UPDATE FaceRect SET x=NULL WHERE face_id=1003"), "face 1003: x is 'nan', not a finite"),
    (sql("UPDATE FaceRect SET h='big' WHERE face_id=1003"), "h is 'big', not a finite number"),
    (sql("UPDATE FacePose SET yaw=NULL WHERE face_id=1003"), "face 1003: yaw is 'nan', not a fin"),
    (put("flickr/0/image00000.jpg", b""), "cannot be read: cannot identify image file"),
    (put("flickr/0/image00000.jpg", b""), "copy it again or remove its row from Faces"),
    # One is forgiven, not two.
    (cut("flickr/0/image00000.jpg"), "1 pictures cannot be cut; copy each again or remove its row"),
    (cut("flickr/0/image00000.jpg"), "aflw.sqlite, face 1000: /"),
    (copied("flickr/0/image00000.jpg", "flickr/3/image00004.jpg"), None),
    (lambda home: copied("flickr/0/image00000.jpg", "flickr/3/image00004.jpg")(home)
     or cut("flickr/0/image00001.jpg")(home), None),
    (put("aflw.sqlite", b"<html><title>Log in</title>"), "aflw.sqlite: is a web page ('Log in')"),
    (sql("DROP TABLE FaceRect; CREATE VIEW FaceRect AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
         "SELECT i + 1 FROM n) SELECT i AS face_id, 1 AS x, 1 AS y, 9 AS w, 9 AS h, 1 AS "
         "annot_type_id FROM n"), "is not AFLW's database (a table or view does not end)"),
    (sql("DROP TABLE FacePose; CREATE VIEW FacePose AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
         "SELECT i + 1 FROM n) SELECT i AS face_id, 0 AS roll, 0 AS pitch, 0 AS yaw, 1 AS "
         "annot_type_id FROM n WHERE i < 0"), "is not AFLW's database (a table or view does not"),
    (gone("flickr"), "aflw holds no flickr (but aflw.sqlite); copy the dataset whole"),
]  # fmt: skip

LATIN = os.fsdecode(b"caf\xe9.png")  # a name in an old encoding
TRAIN, VALIDATION = "Train_Aligned_Faces", "Val_Aligned_Faces_new"
STILL = f"{TRAIN}/Angry/Film0_000000240_00000000.png"
SFEW = [
    (gone(f"{TRAIN}/Fear"), "Train_Aligned_Faces: class folder Fear is missing"),
    (gone(f"{VALIDATION}/Sad"), "Val_Aligned_Faces_new: class folder Sad is missing"),
    (renamed(f"{TRAIN}/Fear", f"{TRAIN}/Afraid"), "class 'Afraid' is unknown; known are Angry"),
    (gone(VALIDATION), "sfew: holds no Val_Aligned_Faces_new; copy the dataset whole"),
    (gone(TRAIN), "sfew holds no Train_Aligned_Faces or Train, so it is not SFEW 2.0"),
    (resized(STILL, (720, 576)), "720 x 576 px is a whole film frame; use the aligned faces"),
    (put(STILL, b"\x89PNG\r\n\x1a\n broken"), "00000000.png: cannot be read: "),
    (put(STILL, b"\x89PNG\r\n\x1a\n broken"), "; copy it again or remove it"),
    (cut(STILL), "1 pictures cannot be cut; copy each again or remove it:\n  /"),
    (cut(STILL), "00000000.png cannot be read ("),
    (renamed(STILL, f"{TRAIN}/a.png"), "a.png: is in no class folder"),
    (renamed(STILL, f"{TRAIN}/Angry/a/b.png"), "a/b.png: is in no class folder"),
    (renamed(STILL, f"{TRAIN}/Angry/{LATIN}"), "'Angry/caf\\udce9.png' is not UTF-8; rename it"),
    (emptied(TRAIN), "Train_Aligned_Faces: holds no pictures; copy the dataset whole"),
    (emptied(VALIDATION), "Val_Aligned_Faces_new: holds no pictures; copy the dataset whole"),
    (linked(STILL), "Film0_000000240_00000000.png: is a link to no file inside"),
    (dangling(STILL), "Film0_000000240_00000000.png: is a link to no file inside"),
    (linked(f"{TRAIN}/Angry"), "Train_Aligned_Faces/Angry: is a link to no file inside"),
    (linked(TRAIN), None),
    (put(STILL, bomb()), "could be decompression bomb"),
]

FRAME, LABEL = "cohn-kanade-images/S005/001/S005_001_00000006.png", "S005_001_00000006_emotion.txt"
MOOD = f"Emotion/S005/001/{LABEL}"
CKPLUS = [
    (put(MOOD, b"   8.0000000e+00\n"), "line 1: emotion is 8.0000000e+00; allowed are 0 neu"),
    (put(MOOD, b"   1.5000000e+00\n"), "emotion is '1.5000000e+00', not a whole number"),
    (put(MOOD, b"happy\n"), "emotion.txt, line 1: emotion is 'happy', not a whole number"),
    (put(MOOD, b"nan\n"), "emotion is 'nan', not a whole number"),
    (put(MOOD, b""), "emotion.txt: is empty; copy it again"),
    (put(MOOD, b"1.0\n2.0\n"), "line 2: a second value; a label is one number"),
    (put(MOOD, b"1.0 2.0\n"), "line 1: 2 fields in place of 1: emotion"),
    (copied(MOOD, MOOD.replace("06_e", "07_e")), "sequence S005/001 has a second label"),
    (copied(MOOD, f"Emotion/S777/001/{LABEL}"), "labels sequence 'S777/001', which has"),
    (copied(MOOD, "Emotion/S005/001/notes.txt"), "notes.txt: is no *_emotion.txt; remove it"),
    (renamed(FRAME, FRAME.replace("S005_001", "S006_001")), "is no frame S<subject>_<sequence>"),
    (renamed(FRAME, FRAME.replace(".png", ".tif")), "is no frame S<subject>_<sequence>"),
    (renamed(FRAME, f"cohn-kanade-images/S005/{LATIN}"), "'S005/caf\\udce9.png' is not UTF-8"),
    (put(FRAME, b"\x89PNG"), "cannot be read"),
    (linked(FRAME), "S005_001_00000006.png: is a link to no file inside"),
    (linked("Emotion/S005"), "Emotion/S005: is a link to no file inside"),
    (lambda home: shutil.rmtree(home / "Emotion") or (home / "Emotion").mkdir(), "labels no seq"),
    (lambda home: peaks_only(home), "no labelled sequence has four frames, its first one among"),
    (renamed("cohn-kanade-images", "CK+48"), "holds CK+48: this is CK+48, small crops of peak"),
    (gone("Emotion"), "ckplus holds no Emotion (but cohn-kanade-images)"),
    (gone("cohn-kanade-images"), "ckplus holds no cohn-kanade-images, so it is not CK+"),
    (lambda home: put_landmarks(home, ["1.0 2.0"] * 67), "67 points in place of 68"),
    (lambda home: put_landmarks(home, ["1.0 2.0"] * 67 + ["nan 1"]), "x is 'nan', not a finite"),
]  # fmt: skip


def peaks_only(home: Path, first: int = 4) -> None:
    """The frames before the peak are not there."""
    for path in home.glob("cohn-kanade-images/*/*/*.png"):
        if int(path.stem[-8:]) < first:
            path.unlink()


def put_landmarks(home: Path, lines: list[str]) -> None:
    path = home / "Landmarks/S005/001/S005_001_00000001_landmarks.txt"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines))


LIST = "training.txt"
RELATION = [
    (field(LIST, 2, 9, "2"), "line 2: t1 is 2; allowed are 1 positive, 0 negative, -1 nega"),
    (field(LIST, 2, 16, "x"), "line 2: t8 is 'x', not a whole number"),
    (line(LIST, 3, lambda text: text[:-2]), "line 3: 16 fields in place of 17: name x1 y1 w1"),
    (field(LIST, 2, 1, "nan"), "training.txt, line 2: x1 is 'nan', not a finite number"),
    (field(LIST, 3, 3, "0"), "line 3: box left_x 11, left_y 11, left_w 0, left_h 43 has no area"),
    (field(LIST, 3, 5, "900"), "right_h 43 is outside its picture of 128 x 64 px"),
    (field("testing.txt", 1, 0, "lost.jpg"), "testing.txt, line 1: picture 'lost.jpg' is not in"),
    (field(LIST, 2, 0, "../training.txt"), "line 2: '../training.txt' is no name inside"),
    (line(LIST, 2, lambda text: f"{text}\n{text}"), "line 3: 'relation/train/00001.jpg -4 -2 43"),
    (gone("testing.txt"), "relation holds no testing.txt (but img, training.txt)"),
    (gone("img"), "relation holds no img (but testing.txt, training.txt)"),
    (put("img/00002.jpg", b""), "line 3: "),
]

CASES = [
    pytest.param(name, *case, id=f"{name}-{number}")
    for name, cases in {
        **{"expw": EXPW, "celeba": CELEBA, "aflw": AFLW},
        **{"sfew": SFEW, "ckplus": CKPLUS, "relation": RELATION},
    }.items()
    for number, case in enumerate(cases)
]


@pytest.mark.parametrize(("name", "damage", "message"), CASES)
def test_broken_copies_are_named(name, damage, message, tree, profile, tmp_path):
    damage(tree(name))
    settings, cache = profile(**{f"data.{name}.origin": "real"}), tmp_path / "cache"

    def load():
        """Read the lists and cut the crops."""
        if name == "relation":
            return real.pairs(settings, cache, progress=False)
        return real.faces(name, settings, cache, progress=False)

    if message is None:  # no fault
        assert len(load())
        return
    with pytest.raises(ValueError) as error:
        load()
    assert message in str(error.value)
    assert str(tmp_path) in str(error.value)  # which file


@pytest.fixture
def forbid(monkeypatch) -> Callable[[Path], None]:
    """Takes away the permission to read a file or folder, even from root, who may read all."""

    def forbidden(path: Path) -> None:
        for module, name in ((io, "open"), (os, "scandir"), (os, "listdir")):
            monkeypatch.setattr(module, name, refusing(getattr(module, name), path))

    def refusing(real: Callable, path: Path) -> Callable:
        def opened(place, *args, **options):
            if str(place) == str(path):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
            return real(place, *args, **options)

        return opened

    return forbidden


@pytest.mark.parametrize(
    ("name", "what"),
    [
        *[("expw", "."), ("expw", LABELS), ("expw", "origin"), ("aflw", "aflw.sqlite")],
        *[("celeba", IDENTITY), ("celeba", "img_align_celeba"), ("relation", "img")],
        *[("sfew", TRAIN), ("sfew", f"{TRAIN}/Angry"), ("sfew", f"{VALIDATION}/Sad")],
        *[("ckplus", MOOD), ("ckplus", "Emotion/S005"), ("ckplus", "cohn-kanade-images/S006/002")],
    ],
)
def test_what_may_not_be_read_is_named_and_the_others_are_told_of(
    name, what, tree, profile, forbid
):
    path = tree(name) / what
    forbid(path)
    message = f"{path}: cannot be read (Permission denied); give yourself permission"
    with pytest.raises(ValueError) as error:
        real.read(name, profile(), progress=False)
    assert message in str(error.value)
    held = datasets.inventory(profile(), progress=False)
    assert message in held.problems[SOURCE_NAMES[name]] and len(held.missing) == 5
    assert published.stamps(profile().data)


@pytest.mark.parametrize(
    "put_there", [Path.touch, lambda place: place.symlink_to(place.parent / "unplugged")]
)
def test_what_is_no_folder_is_no_absent_dataset(put_there, profile, tmp_path):
    (tmp_path / "data").mkdir()
    put_there(tmp_path / "data" / "celeba")
    with pytest.raises(ValueError, match=r"data/celeba: is no folder; put the dataset there, or"):
        published.home("celeba", profile().data)
