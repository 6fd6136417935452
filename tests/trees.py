"""Tiny copies of the six datasets in their true formats, from rendered faces, with their traps.

No real face and no annotation of a licensed set: pictures and labels are the embedded world's.
"""

import contextlib
import functools
import math
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from lib import world
from lib.data.faces import FaceSet, PairSet
from lib.data.pictures import central_box
from lib.data.rendered import pair_set
from lib.data.sources.ckplus import CODES
from lib.vocabulary import CELEBA_NAMES, EXPRESSIONS, column

ROOT = Path(__file__).resolve().parent.parent
SIDE = 64  # px of a rendered face
SEED = 11
# The 40 attributes of CelebA in its order, as every copy's second line has them.
CELEBA = (
    "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs",
    "Big_Lips", "Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair",
    "Bushy_Eyebrows", "Chubby", "Double_Chin", "Eyeglasses", "Goatee", "Gray_Hair",
    "Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache",
    "Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline",
    "Rosy_Cheeks", "Sideburns", "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings",
    "Wearing_Hat", "Wearing_Lipstick", "Wearing_Necklace", "Wearing_Necktie", "Young",
)  # fmt: skip


@functools.cache
def portraits(source: str, count: int) -> FaceSet:
    return FaceSet(*world.faces(source, range(count), seed=SEED, size=SIDE, progress=False))


@functools.cache
def couples(count: int) -> PairSet:
    return pair_set(world.relation("web", range(count), seed=SEED, size=SIDE, progress=False))


def picture(face, size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    """A rendered face, scaled to the width, in the middle of a picture of that size."""
    width, height = size
    whole = Image.new("RGB", size, (96, 104, 112))
    side = min(size)
    small = Image.fromarray(np.asarray(face).transpose(1, 2, 0)).resize((side, side))
    whole.paste(small, ((width - side) // 2, (height - side) // 2))
    return whole


def row_of(faces) -> Image.Image:
    """Several faces side by side."""
    whole = Image.new("RGB", (SIDE * len(faces), SIDE))
    for place, face in enumerate(faces):
        whole.paste(picture(face), (place * SIDE, 0))
    return whole


def save(image: Image.Image, path: Path, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


# The datasets -------------------------------------------------------------------------------------


def expw(home: Path, count: int = 42) -> None:
    """Every fifth picture holds two faces; a box overruns its picture; two files are the same.

    The code goes round, whatever the face shows, so that every class is there.
    """
    faces, lines, number = portraits("expw", count), [], 0
    x, y, w, h = (round(value) for value in central_box(SIDE, SIDE))
    while number < count:
        several = 2 if number % 5 == 4 and number + 1 < count else 1
        name = f"{EXPRESSIONS[number % 7]}_people_{number}.jpg"
        pictured = row_of(faces.images[number : number + several])
        save(pictured, home / "origin" / name, quality=92)
        for face in range(several):
            left, top = face * SIDE + x, y
            box = [top, left, left + w, top + h]
            if number == 0:  # a tilted head at the edge: the detector's square leaves the picture
                box = [-3, -5, w, h]
            code = (number + face) % 7
            lines.append(f"{name} {face} {' '.join(map(str, box))} 37.{number:04d} {code}")
        number += several
    first = lines[1].split()[0]
    shutil.copy(home / "origin" / first, home / "origin" / "copied_people_1.jpg")
    lines.append(lines[1].replace(first, "copied_people_1.jpg"))
    write(home / "label.lst", "\n".join(lines) + "\n")


def aflw(home: Path, count: int = 24) -> None:
    """Faces 1000 … : one without a box, one beyond 90 degrees, one past a whole turn, one picture
    that cannot be opened, one of unknown sex, boxes beyond the edge, two boxes for one face.
    """
    faces = portraits("aflw", count)
    names = [f"{(0, 2, 3)[k % 3]}/image{k // 2:05d}.jpg" for k in range(count)]
    x, y, w, h = (round(value) for value in central_box(SIDE, SIDE))
    rows = {name: [] for name in ("Faces", "FaceImages", "FaceRect", "FacePose", "FaceMetaData")}
    for number, name in enumerate(names):
        face, file = 1000 + number, f"image{number:05d}.jpg"
        save(picture(faces.images[number]), home / "flickr" / name, quality=92)
        rows["Faces"].append((face, file, "flickr"))
        rows["FaceImages"].append((number, "flickr", file, name, 0, SIDE, SIDE))
        box = (-3, -2, w, h) if number == 1 else (x, y, w, h)
        if number != 2:
            rows["FaceRect"].append((face, *box, 1))
        yaw = -math.radians(faces.table["yaw"][number])  # positive: to the picture's left
        yaw = {3: 2.0, 4: yaw + 2 * math.pi}.get(number, yaw)
        if number != 7:
            rows["FacePose"].append((face, 0.05, -0.1, yaw, 1))
        male = faces.labels[number, column("gender")] == 1
        sex = {5: "", 6: None}.get(number, "m" if male else "f")
        rows["FaceMetaData"].append((face, sex, 0, 0, 0, 1))
    rows["FaceRect"].append((1010, 0, 0, 5, 5, 2))  # a second annotation of one face
    rows["FacePose"].append((1010, 1.5, 1.5, 1.5, 2))
    (home / "flickr" / names[8]).write_bytes(b"\xff\xd8\xff\xe0 no picture")
    columns = {
        "Faces": "face_id file_id db_id",
        "FaceImages": "image_id db_id file_id filepath bw width height",
        "FaceRect": "face_id x y w h annot_type_id",
        "FacePose": "face_id roll pitch yaw annot_type_id",
        "FaceMetaData": "face_id sex occluded glasses bw annot_type_id",
    }
    with contextlib.closing(sqlite3.connect(home / "aflw.sqlite")) as base:
        for name, values in rows.items():
            table = pd.DataFrame(values, columns=columns[name].split())
            table.to_sql(name, base, index=False)


def celeba(home: Path, count: int = 24) -> None:
    """Three pictures a person; 5/8 train, 1/8 validate, 2/8 test, as whole people."""
    faces, attributes, partition, identity = portraits("celeba", count), [], [], []
    for number in range(count):
        name = f"{number + 1:06d}.jpg"
        save(picture(faces.images[number], (178, 218)), home / "img_align_celeba" / name)
        ours = {CELEBA_NAMES[key]: faces.labels[number, column(key)] for key in CELEBA_NAMES}
        values = [1 if ours.get(attribute, number % 2) == 1 else -1 for attribute in CELEBA]
        attributes.append(name + "".join(f"{value:3d}" for value in values))
        person = number // 3
        part = (0, 0, 0, 0, 0, 1, 2, 2)[person % 8]
        partition.append(f"{name} {part}")
        identity.append(f"{name} {2880 + 7 * person}")
    lines = [str(count), " ".join(CELEBA) + " ", *attributes]
    write(home / "list_attr_celeba.txt", "\n".join(lines) + "\n")
    write(home / "list_eval_partition.txt", "\n".join(partition) + "\n")
    write(home / "identity_CelebA.txt", "\n".join(identity) + "\n")


def sfew(home: Path, train: int = 14, test: int = 7, aligned: bool = True) -> None:
    faces = portraits("sfew", train + test)
    places = ("Train_Aligned_Faces", "Val_Aligned_Faces_new") if aligned else ("Train", "Val")
    for number in range(train + test):
        folder = home / places[number >= train] / EXPRESSIONS[number % 7].capitalize()
        film = f"Film{number // 7}_{number:06d}240_{number:08d}.png"
        save(picture(faces.images[number], (143, 181)), folder / film)
    (home / places[0] / ".DS_Store").write_bytes(b"\0\0")
    (home / places[0] / "Angry" / "Thumbs.db").write_bytes(b"\0")


def ckplus(home: Path, subjects: int = 3, frames: int = 6) -> None:
    """Each subject has two labelled sequences, one whose label folder is missing, one empty."""
    images, codes = home / "cohn-kanade-images", {name: code for code, name in CODES.items()}
    for subject in range(subjects):
        name = f"S{5 + subject:03d}"
        for sequence in range(1, 5):
            calm, peak = lab(subject, sequence % 2)
            for number in range(1, frames + 1):
                size = (640, 490) if subject % 2 else (640, 480)
                frame = picture(calm if number < frames / 2 else peak, size)
                frame = frame if subject % 3 else frame.convert("L")
                file = f"{name}_{sequence:03d}_{number:08d}.png"
                save(frame, images / name / f"{sequence:03d}" / file, compress_level=1)
            labels = home / "Emotion" / name / f"{sequence:03d}"
            if sequence != 4:
                labels.mkdir(parents=True)
            if sequence <= 2:
                mood = EXPRESSIONS[(2 * subject + sequence) % 6]
                mood = "contempt" if (subject, sequence) == (1, 2) else mood
                file = f"{name}_{sequence:03d}_{frames:08d}_emotion.txt"
                write(labels / file, f"   {codes[mood]:.7e}\n")
    (images / ".DS_Store").write_bytes(b"\0")
    (images / "S005" / ".DS_Store").write_bytes(b"\0")


@functools.cache
def lab(subject: int, sequence: int) -> np.ndarray:
    """The first and the last frame of a sequence."""
    first = (subject * world.SEQUENCES + sequence) * world.FRAMES
    ends = (first, first + world.FRAMES - 1)
    return world.faces("ckplus", ends, seed=SEED, size=SIDE, progress=False).images


def relation(home: Path, train: int = 8, test: int = 4) -> None:
    """Columns in `vocabulary.TRAITS`' order; 0 and -1 for negative, boxes beyond the edges."""
    pairs = couples(2 * (train + test))
    for name, rows in (("training", range(train)), ("testing", range(train, train + test))):
        lines = []
        for number in rows:
            file, place = f"{number:05d}.jpg", 2 * number  # one pair of each couple
            save(row_of([pairs.left[place], pairs.right[place]]), home / "img" / file, quality=92)
            x, y, w, h = (round(value) for value in central_box(SIDE, SIDE))
            boxes = [x, y, w, h, SIDE + x, y, w, h]
            if number == 1:
                boxes = [-4, -2, w, h, SIDE + x, y, SIDE - x + 6, h]
            negative = 0 if number % 2 else -1
            traits = [1 if value == 1 else negative for value in pairs.labels[place].tolist()]
            lines.append(" ".join(map(str, [file, *boxes, *traits])))
        write(home / f"{name}.txt", "\n".join(lines) + "\n")


BUILDERS = {
    **{"aflw": aflw, "celeba": celeba, "expw": expw},
    **{"sfew": sfew, "ckplus": ckplus, "relation": relation},
}


def manifest(folder: Path, count: int = 4) -> Path:
    """The user's own faces: one upright, one lying on its side, labels known in part."""
    faces, lines = portraits("celeba", count), ["image,x,y,w,h,identity,split,source,gender,happy"]
    for number in range(count):
        save(picture(faces.images[number], (80, 120)), folder / f"{number}.jpg")
        lines.append(f"{number}.jpg,,,,,person {number // 2},train,album,{number % 2},")
    write(folder / "faces.csv", "\n".join(lines) + "\n")
    return folder / "faces.csv"
