"""The readers give what the files say, traps included; kept and dropped rows are all rows."""

import math
import sqlite3
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from lib.data import listing
from lib.data.sources import aflw, ckplus, expw, files, reading, relation
from lib.evaluation.claims import reported
from lib.vocabulary import ATTRIBUTES, CELEBA_NAMES, EXPRESSIONS, LABELLED, POSES, TRAITS
from tests import trees
from tests.damage import sql

MARK = b"\xef\xbb\xbf"  # a byte order mark
LISTS = {
    **{"expw": ("label.lst",), "relation": ("training.txt", "testing.txt")},
    "celeba": ("list_attr_celeba.txt", "list_eval_partition.txt", "identity_CelebA.txt"),
    "ckplus": ("Emotion/*/*/*_emotion.txt",),
}
PLACES = [(name, place) for name, places in LISTS.items() for place in places]
FOLDERS = {
    **{"aflw": "flickr", "celeba": "img_align_celeba", "expw": "origin", "relation": "img"},
    **{"sfew": "Train_Aligned_Faces", "ckplus": "cohn-kanade-images"},
}


def edit(path: Path, change) -> None:
    """Change the fields of each line."""
    lines = [change(line.split()) for line in path.read_text().splitlines()]
    path.write_text("".join(" ".join(fields) + "\n" for fields in lines))


# All readers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["aflw", "celeba", "expw", "sfew", "ckplus"])
def test_every_reader_gives_the_same_table(name, read):
    found = read(name)
    assert {*listing.COLUMNS, *ATTRIBUTES} <= set(found.table)
    assert len(found.table) + len(found.dropped) == found.total
    assert found.table["key"].is_unique
    known = found.table[list(ATTRIBUTES)] >= 0
    assert tuple(known.columns[known.any()]) == LABELLED[name]
    assert (found.table.groupby("identity")["split"].nunique() == 1).all()


@pytest.mark.parametrize(("mark", "end"), [(MARK, b"\n"), (MARK, b"\r\n"), (b"", b"\r")])
@pytest.mark.parametrize(("name", "place"), PLACES)
def test_lists_read_alike_whatever_their_marks_and_line_ends(name, place, mark, end, read, tree):
    before = read(name)
    for path in tree(name).glob(place):
        path.write_bytes(mark + path.read_bytes().replace(b"\n", end))
    after = read(name)
    assert_frame_equal(before.table, after.table)
    assert_frame_equal(before.dropped, after.dropped)


@pytest.mark.parametrize(("name", "folder"), FOLDERS.items())
def test_a_folder_unpacked_into_its_own_name_is_found(name, folder, read, tree):
    before, home = read(name).table, tree(name)
    (home / folder).rename(home / "outer")
    (home / "outer" / ".DS_Store").touch()
    (home / folder).mkdir()
    (home / "outer").rename(home / folder / folder)
    (home / folder / ".DS_Store").touch()
    after = read(name).table
    assert_frame_equal(*(table.drop(columns=["image", "file"]) for table in (before, after)))


def test_a_folder_that_holds_more_than_its_own_name_is_itself(read, tree):
    folder = tree("relation") / "img"
    (folder / "img").mkdir()
    assert set(read("relation").table["image"].map(lambda path: Path(path).parent)) == {folder}


def happy_to_sad(line: list[str]) -> list[str]:
    return [*line[:7], "4" if line[7] == "3" else line[7]]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("celeba", lambda home: edit(home / LISTS["celeba"][1], lambda line: [line[0], "0"])),
        ("expw", lambda home: edit(home / "label.lst", happy_to_sad)),
        ("aflw", sql("DELETE FROM Faces WHERE face_id > 1000")),
    ],
)
def test_a_copy_in_which_none_tests_is_told(name, change, read, tree):
    change(tree(name))
    found = read(name)
    assert set(found.table["split"]) == {"train"}
    assert any(text.startswith("no test part: ") for text in found.remarks)


def test_a_part_of_a_set_keeps_half_of_it_to_train_on(read):
    split = read("aflw", **{"data.aflw.test": 1000}).table["split"].value_counts()
    assert split.to_dict() == {"train": 11, "test": 11}


# ExpW ---------------------------------------------------------------------------------------------


def test_expw_keeps_every_face_of_a_picture(read, tree):
    found, lines = read("expw"), (tree("expw") / "label.lst").read_text().splitlines()
    assert found.total == len(found.table) == len(lines)
    names = [line.split()[0] for line in lines]
    assert len(set(names)) < len(names)  # the trap: by name alone, faces would be lost


def test_expw_reads_top_left_right_bottom_and_cuts_boxes_to_the_picture(read, tree):
    path = tree("expw") / "label.lst"
    path.write_text(path.read_text().replace(" 11 11 54 54 ", " 10 12 54 50 ", 1))
    found = read("expw")
    # The first is top -3, left -5, right 43, bottom 43.
    assert found.table[list("xywh")][:2].to_numpy().tolist() == [[0, 0, 43, 43], [12, 10, 42, 40]]
    assert found.remarks == {"boxes cut to the picture": 1}


def test_the_test_part_of_expw_is_balanced_and_depends_on_the_seed_alone(read, tree):
    before = read("expw").table.query("split == 'test'")
    assert before[list(EXPRESSIONS)].sum().tolist() == [2] * 7
    path = tree("expw") / "label.lst"
    path.write_text("\n".join(reversed(path.read_text().splitlines())) + "\n")
    assert set(read("expw").table.query("split == 'test'")["key"]) == set(before["key"])
    other = read("expw", seed=5).table.query("split == 'test'")["key"]
    assert set(before["key"]) != set(other)


def test_a_nested_copy_is_found(read, tree):
    home = tree("expw")
    (home / "image").mkdir()
    (home / "origin").rename(home / "image" / "origin")
    assert len(read("expw").table)


# AFLW ---------------------------------------------------------------------------------------------


def test_aflw_drops_what_has_no_box_or_picture(read):
    found = read("aflw")
    assert found.total == 24
    reasons = found.dropped.set_index("line")["reason"].to_dict()
    assert reasons == {1002: "no box (FaceRect)", 1008: "unreadable picture"}


def test_aflw_poses_are_bins_of_yaw_in_degrees(read, profile):
    faces, yaw = read("aflw").table.set_index("line"), trees.portraits("aflw", 24).table["yaw"]
    for number in (0, 1, 4, 9, 10, 23):  # 4 was written as a turn more, 10 has a second row
        poses = faces.loc[1000 + number, list(POSES)]
        assert poses.argmax() == sum(yaw[number] >= edge for edge in profile().data.yaw_bins)
        assert poses.sum() == 1


def test_aflw_poses_and_sexes_that_cannot_be_are_missing(read):
    found, truth = read("aflw"), trees.portraits("aflw", 24).labels[:, 0]
    faces = found.table.set_index("line")
    for number in (1003, 1007):  # 115 degrees; no row of poses
        assert (faces.loc[number, list(POSES)] == -1).all() and faces.loc[number, "gender"] >= 0
    assert found.remarks["pose left missing: beyond 90 degrees"] == 1
    assert found.remarks["pose left missing: no row in FacePose"] == 1
    # Blank or NULL is missing, not female.
    assert faces.loc[[1005, 1006, 1000], "gender"].tolist() == [-1, -1, truth[0]]


def test_aflw_takes_the_first_annotation_of_a_face(read):
    faces = read("aflw").table.set_index("line")
    assert faces.loc[1010, list("xywh")].tolist() == [11, 11, 43, 43]


def test_aflw_yaw_can_be_read_the_other_way_round(read):
    one, other = read("aflw").table, read("aflw", **{"data.yaw_sign": 1}).table
    assert (one["left_profile"] == other["right_profile"]).all()
    assert (one["frontal"] == other["frontal"]).all()


def test_aflw_poses_are_checked_by_the_side_of_the_nose(read, tree, monkeypatch):
    """Points of a face that turns left: the nose is left of the ear that is seen."""
    yaw = trees.portraits("aflw", 24).table["yaw"]
    place = [(1000 + k, 15, 30 + math.copysign(9, yaw[k])) for k in range(24)]
    place += [(1000 + k, number, 30) for k in range(24) for number in (8, 13)]
    base = sqlite3.connect(tree("aflw") / "aflw.sqlite")
    base.execute("CREATE TABLE FeatureCoords (face_id INTEGER, feature_id INTEGER, x FLOAT)")
    base.executemany("INSERT INTO FeatureCoords VALUES (?, ?, ?)", place)
    base.commit()
    monkeypatch.setattr(aflw, "ENOUGH", 5)
    with pytest.raises(ValueError, match=r"nose on the other side; set data.yaw_sign: -1"):
        read("aflw", **{"data.yaw_sign": 1})
    remarks = read("aflw").remarks
    noted = [key for key in remarks if key.startswith("nose on the other side than the yaw says")]
    assert [remarks[key] for key in noted] == [0]


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=20))
def test_angles_wrap_to_half_a_turn(radians):
    degrees = aflw.pose_angles(pd.DataFrame({"yaw": radians, "FacePose": "both"}), "yaw")
    assert (np.abs(degrees) <= 180 + 1e-9).all()
    assert np.allclose(np.cos(np.radians(degrees)), np.cos(radians), atol=1e-9)
    assert np.allclose(np.sin(np.radians(degrees)), np.sin(radians), atol=1e-9)


# CelebA -------------------------------------------------------------------------------------------


def test_celeba_reads_twelve_of_forty_attributes(read):
    found, truth = read("celeba").table, trees.portraits("celeba", 24).labels
    for name in CELEBA_NAMES:
        assert found[name].tolist() == truth[:, ATTRIBUTES.index(name)].tolist()


def test_celeba_tests_whole_people_of_the_official_test_part(read):
    test = read("celeba").table.query("split == 'test'")
    assert len(test) == 3 and test["identity"].nunique() == 1
    assert set(test["identity"]) <= {f"celeba/{2880 + 7 * person}" for person in (6, 7)}


def test_training_faces_beyond_the_cap_are_dropped_with_a_reason(read):
    found = read("celeba", **{"data.celeba.train": 9})
    assert (found.table["split"] == "train").sum() == 9
    assert found.table["identity"].nunique() == 4  # three of training, one of test, all whole
    assert set(found.dropped["reason"]) == {"beyond the 9 training rows of data.celeba.train"}


def test_celeba_is_read_from_the_csv_edition_where_it_is_whole(read, tree):
    before = read("celeba").table
    for path in tree("celeba").glob("list_*.txt"):
        lines = [line.split() for line in path.read_text().splitlines()]
        header, rows = (lines[1], lines[2:]) if "attr" in path.name else (["partition"], lines)
        table = [["image_id", *header], *rows]
        path.with_suffix(".csv").write_text("\n".join(",".join(row) for row in table) + "\n")
        path.unlink()
    after = read("celeba").table
    assert_frame_equal(*(table.drop(columns=["file", "line"]) for table in (before, after)))


# SFEW, CK+ ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("aligned", [True, False])
def test_sfew_has_two_layouts(aligned, read, tmp_path):
    trees.sfew(tmp_path / "data" / "sfew", aligned=aligned)
    found = read("sfew")
    assert found.table["split"].value_counts().to_dict() == {"train": 14, "test": 7}
    assert (found.table[list(EXPRESSIONS)].sum() == 3).all()
    assert found.dropped["reason"].tolist() == ["no picture"] * 2


def test_ckplus_keeps_the_first_and_the_last_three_frames(read):
    found = read("ckplus")
    groups = found.table.groupby("sequence")["frame"].agg(list)
    assert groups["S005/001"] == [1, 4, 5, 6]
    assert groups["S006/002"] == [1]  # contempt is none of the seven
    assert (found.table["neutral"] == (found.table["frame"] == 1)).all()
    assert found.total == 3 * 4 * 6 + 2  # every frame, and two stray files
    assert found.dropped["reason"].value_counts().to_dict() == {
        "its sequence is not labelled": 36,
        "neither the first nor one of the last three frames": 12,
        "contempt is none of the seven expressions": 3,
        "no picture": 2,
    }


def test_ckplus_leaves_out_sequences_whose_beginning_is_missing(read, tree):
    folder = tree("ckplus") / "cohn-kanade-images/S005/001"
    for number in range(6, 0, -1):  # frames 5 to 10 of a longer one
        old = folder / f"S005_001_{number:08d}.png"
        old.rename(folder / f"S005_001_{number + 4:08d}.png")
    found = read("ckplus")
    assert "S005/001" not in set(found.table["sequence"])
    assert (found.dropped["reason"] == ckplus.HEADLESS).sum() == 6


def test_ckplus_boxes_come_from_landmarks_where_there_are_any(read, tree):
    points = [(200 + 3 * k, 100 + 2 * k) for k in range(68)]
    text = "".join(f"   {x:.7e}   {y:.7e}\n" for x, y in points)
    trees.write(tree("ckplus") / "Landmarks/S005/001/S005_001_00000001_landmarks.txt", text)
    found = read("ckplus")
    assert found.table.loc[0, list("xywh")].tolist() == [200, 100, 201, 134]
    assert list(found.remarks.values()) == [len(found.table) - 1]


# Relation -----------------------------------------------------------------------------------------


def test_relation_reads_both_signs_of_no_and_cuts_boxes_to_the_picture(read):
    found, truth = read("relation").table, trees.couples(24).labels
    assert found[list(TRAITS)].to_numpy().tolist() == truth[::2].tolist()
    assert found["part"].unique().tolist() == ["web"]
    row = found.iloc[1]  # -4 -2 43 43, and 6 px beyond the right edge
    assert row[relation.LEFT].tolist() == [0, 0, 39, 41]
    assert row["right_x"] + row["right_w"] == row["width"] == 128


def test_relation_puts_the_left_face_first(read, tree):
    before = read("relation")
    edit(tree("relation") / "training.txt", lambda row: [row[0], *row[5:9], *row[1:5], *row[9:]])
    after = read("relation")
    columns = [*relation.LEFT, *relation.RIGHT]
    assert_frame_equal(before.table[columns], after.table[columns])
    assert after.remarks["pairs put in order left, right"] == 8


def test_relation_knows_films_from_a_list(read, tmp_path):
    (tmp_path / "movies.txt").write_text("00002.jpg\r\n00009.jpg\r\n")
    found = read("relation", **{"data.movie_list": str(tmp_path / "movies.txt")}).table
    assert found.query("part == 'movie'")["name"].tolist() == ["00002.jpg", "00009.jpg"]


ORDER = tuple(TRAITS)
CONTRARY = "contradicts Table 10, by whose counts the columns are"


def whole_lists(order) -> dict[str, np.ndarray]:
    """Trait columns in an order, with the counts of Table 10."""
    published, traits = reported("table10"), {}
    for split, word in (("train", "training"), ("test", "testing")):
        positive = published.loc[list(order), f"{word} #positive"].to_numpy()
        count = int(published.iloc[0][[f"{word} #positive", f"{word} #negative"]].sum())
        traits[split] = (np.arange(count)[:, None] < positive).astype(np.int8)
    return traits


@settings(max_examples=20)
@given(st.permutations(ORDER))
def test_whole_lists_betray_the_order_of_their_columns(order):
    found, how = relation.column_order(whole_lists(order), ())
    assert found == tuple(order)
    assert how.startswith("columns by Table 10 and the whole training.txt and testing.txt: ")
    assert relation.column_order(whole_lists(order), tuple(order))[0] == tuple(order)
    with pytest.raises(ValueError, match=CONTRARY):
        relation.column_order(whole_lists(order), tuple(order[::-1]))


@pytest.mark.parametrize("short", ["train", "test"])
def test_one_whole_list_betrays_the_order_and_contradicts_another(short):
    traits = whole_lists(ORDER)
    traits[short] = traits[short][:100]
    assert relation.column_order(traits, ())[0] == ORDER
    with pytest.raises(ValueError, match=CONTRARY):
        relation.column_order(traits, ORDER[::-1])


def test_partial_lists_have_the_usual_order_and_it_is_said():
    few = {split: traits[:50] for split, traits in whole_lists(ORDER).items()}
    order, how = relation.column_order(few, ())
    assert order == relation.USUAL and how.startswith("columns in the order of the public evalua")
    assert relation.column_order(few, ORDER)[0] == ORDER


def test_lists_that_contradict_each_other_are_refused():
    traits = whole_lists(ORDER) | {"test": whole_lists(ORDER[::-1])["test"]}
    with pytest.raises(ValueError, match=r"training.txt: dominant, .*testing.txt: assured, "):
        relation.column_order(traits, ())


def test_whole_lists_with_other_counts_are_not_guessed_at():
    traits = whole_lists(ORDER)
    traits["train"][-1, 3] = 1
    assert relation.column_order(traits, ())[0] == ORDER  # by the test list
    traits["test"][-1, 3] = 1
    with pytest.raises(ValueError, match=r"trait column 4 has 6177 positives in training.txt"):
        relation.column_order(traits, ())
    assert relation.column_order(traits, ORDER)[0] == ORDER


# Properties of what all readers share -------------------------------------------------------------


@given(
    st.integers(10, 500), st.integers(10, 500),
    st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(-50, 1e3), st.floats(-50, 1e3),
)  # fmt: skip
def test_boxes_end_inside_their_picture_or_are_refused(width, height, x, y, w, h):
    row = {"x": x, "y": y, "w": w, "h": h, "width": width, "height": height}
    table = pd.DataFrame([row | {"file": "a.lst", "line": 7}])
    try:
        clamped, beyond = listing.clamp(table)
    except ValueError as error:
        assert "a.lst, line 7: box x" in str(error)
        return
    box = clamped.iloc[0]
    assert box.x >= 0 and box.x + box.w <= width + 1e-6 and box.w >= 0
    assert box.y >= 0 and box.y + box.h <= height + 1e-6 and box.h >= 0
    whole = x >= 0 and y >= 0 and x + w <= width and y + h <= height
    assert beyond == (not whole)


WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Z"]), min_size=1)


@given(
    st.lists(WORDS, min_size=1, max_size=6), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans()
)
def test_any_text_survives_reading(words, end, mark):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.txt"
        path.write_bytes((end.join(words) + end).encode("utf-8-sig" if mark else "utf-8"))
        assume(not words[0].startswith("\ufeff") and not reading.mistaken(path.read_bytes()))
        assert reading.lines(path) == words


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_an_error_with_its_name(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "label.lst"
        path.write_bytes(data)
        try:
            reading.table(path, expw.FIELDS)
        except ValueError as error:
            assert str(path) in str(error)


@given(st.text(max_size=30))
def test_no_name_leads_outside(name):
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "images"
        base.mkdir()
        (base / "a.jpg").touch()
        (Path(folder) / "secret.jpg").touch()
        table = pd.DataFrame({"name": [name, "../secret.jpg", "a.jpg"], "file": "a.lst", "line": 1})
        with pytest.raises(ValueError):
            files.image_paths(table, "name", base)
        assert files.image_paths(table[2:], "name", base) == [str(base / "a.jpg")]


@given(st.lists(st.integers(0, 7), min_size=1, max_size=40))
def test_every_frame_of_ckplus_is_kept_or_dropped(lengths):
    frames = [
        {"sequence": f"S/{k}", "frame": n, "subject": "S", "file": f"{k}.{n}", "line": 0}
        for k, length in enumerate(lengths)
        for n in range(length)
    ]
    table = pd.DataFrame(frames, columns=["sequence", "frame", "subject", "file", "line"])
    codes = {f"S/{k}": "happy" for k in range(0, len(lengths), 2)}
    kept, dropped = ckplus.protocol(table, codes)
    assert len(kept) + len(dropped) == sum(lengths)
    assert len(kept) == sum(4 for length in lengths[::2] if length >= 4)
    assert set(kept["file"]) | set(dropped["file"]) == {frame["file"] for frame in frames}
