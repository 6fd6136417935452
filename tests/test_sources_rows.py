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

from lib.data import listing, real
from lib.data.sources import aflw, ckplus, expw, files, reading, relation
from lib.evaluation.claims import reported
from lib.params import DataParams
from lib.vocabulary import ATTRIBUTES, CELEBA_NAMES, EXPRESSIONS, LABELLED, POSES, TRAITS
from tests import trees
from tests.damage import sql


def rows(name, profile, **overrides):
    return real.read(name, profile(**overrides), progress=False)


@pytest.mark.parametrize("name", ["aflw", "celeba", "expw", "sfew", "ckplus"])
def test_every_reader_gives_the_same_table(name, tree, profile):
    tree(name)
    found = rows(name, profile)
    assert {*listing.COLUMNS, *ATTRIBUTES} <= set(found.table)
    assert len(found.table) + len(found.dropped) == found.total
    assert found.table["key"].is_unique
    known = found.table[list(ATTRIBUTES)] >= 0
    assert tuple(known.columns[known.any()]) == LABELLED[name]
    assert (found.table["identity"].groupby(found.table["identity"]).size() >= 1).all()
    sides = found.table.groupby("identity")["split"].nunique()
    assert (sides == 1).all()  # nobody stands on both sides


def test_the_same_seed_draws_the_same_test_faces_in_any_order(tree, profile):
    home = tree("expw")
    before = rows("expw", profile).table.query("split == 'test'")["key"]
    lines = (home / "label.lst").read_text().splitlines()
    (home / "label.lst").write_text("\n".join(reversed(lines)) + "\n")
    after = rows("expw", profile).table.query("split == 'test'")["key"]
    assert set(before) == set(after)
    other = rows("expw", profile, seed=5).table.query("split == 'test'")["key"]
    assert set(before) != set(other)


# ExpW ---------------------------------------------------------------------------------------------


def test_expw_keeps_every_face_of_a_picture(tree, profile):
    home = tree("expw")
    found = rows("expw", profile)
    lines = (home / "label.lst").read_text().splitlines()
    assert found.total == len(found.table) == len(lines)
    names = [line.split()[0] for line in lines]
    assert len(set(names)) < len(names)  # the trap: by name alone, faces would be lost


def test_expw_reads_top_left_right_bottom(tree, profile):
    home = tree("expw")
    (home / "label.lst").write_text(
        (home / "label.lst").read_text().replace(" 11 11 54 54 ", " 10 12 54 50 ", 1)
    )
    box = rows("expw", profile).table.iloc[1]
    assert (box.x, box.y, box.w, box.h) == (12, 10, 42, 40)


def test_expw_boxes_are_cut_to_the_picture(tree, profile):
    tree("expw")
    found = rows("expw", profile)
    box = found.table.iloc[0]  # top -3, left -5, right 43, bottom 43
    assert (box.x, box.y, box.w, box.h) == (0, 0, 43, 43)
    assert found.remarks == {"boxes cut to the picture": 1}


def test_the_test_part_of_expw_is_balanced(tree, profile):
    tree("expw")
    test = rows("expw", profile).table.query("split == 'test'")
    assert test[list(EXPRESSIONS)].sum().tolist() == [2] * 7


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lists_read_alike_whatever_their_marks_and_line_ends(mark, end, tree, profile):
    path = tree("expw") / "label.lst"
    before = rows("expw", profile).table
    path.write_bytes(mark + path.read_bytes().replace(b"\n", end))
    pd.testing.assert_frame_equal(before, rows("expw", profile).table)


@pytest.mark.parametrize(
    ("name", "list_name"),
    [
        ("celeba", "list_attr_celeba.txt"),
        ("celeba", "list_eval_partition.txt"),
        ("celeba", "identity_CelebA.txt"),
        ("relation", "training.txt"),
        ("relation", "testing.txt"),
        ("ckplus", "Emotion/*/*/*_emotion.txt"),
    ],
)
def test_every_text_list_may_come_from_windows(name, list_name, tree, profile):
    home = tree(name)
    before = rows(name, profile)
    for path in home.glob(list_name):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = rows(name, profile)
    pd.testing.assert_frame_equal(before.table, after.table)
    pd.testing.assert_frame_equal(before.dropped, after.dropped)


def test_a_nested_copy_is_found(tree, profile, tmp_path):
    home = tree("expw")
    (home / "image").mkdir()
    (home / "origin").rename(home / "image" / "origin")
    assert len(rows("expw", profile).table)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        *[("aflw", "flickr"), ("celeba", "img_align_celeba"), ("expw", "origin")],
        *[("sfew", "Train_Aligned_Faces"), ("ckplus", "cohn-kanade-images"), ("relation", "img")],
    ],
)
def test_a_folder_unpacked_into_its_own_name_is_found(name, folder, tree, profile):
    home = tree(name)
    before = rows(name, profile).table.drop(columns=["image", "file"])
    (home / folder).rename(home / "outer")
    (home / "outer" / ".DS_Store").touch()
    (home / folder).mkdir()
    (home / "outer").rename(home / folder / folder)
    (home / folder / ".DS_Store").touch()
    after = rows(name, profile).table.drop(columns=["image", "file"])
    pd.testing.assert_frame_equal(before, after)


def test_a_folder_that_holds_more_than_its_own_name_is_itself(tree, profile):
    home = tree("relation")
    (home / "img" / "img").mkdir()
    assert set(rows("relation", profile).table["image"].map(lambda path: Path(path).parent)) == {
        home / "img"
    }


# AFLW ---------------------------------------------------------------------------------------------


def face(found, number):
    return found.table.set_index("line").loc[number]


def test_aflw_drops_what_has_no_box_or_picture(tree, profile):
    tree("aflw")
    found = rows("aflw", profile)
    assert found.total == 24
    assert dict(zip(found.dropped["line"], found.dropped["reason"], strict=True)) == {
        1002: "no box (FaceRect)",
        1008: "unreadable picture",
    }


def test_aflw_poses_are_bins_of_yaw_in_degrees(tree, profile):
    tree("aflw")
    found, yaw = rows("aflw", profile), trees.portraits("aflw", 24).table["yaw"]
    bins = profile().data.yaw_bins
    for number in (0, 1, 4, 9, 10, 23):  # 4 was written as a turn more, 10 has a second row
        pose = [name for name in POSES if face(found, 1000 + number)[name] == 1]
        assert pose == [POSES[sum(yaw[number] >= edge for edge in bins)]]


def test_aflw_poses_that_cannot_be_are_missing_and_sex_is_kept(tree, profile):
    tree("aflw")
    found = rows("aflw", profile)
    for number in (1003, 1007):  # 115 degrees; no row of poses
        assert (face(found, number)[list(POSES)] == -1).all()
        assert face(found, number)["gender"] >= 0
    assert found.remarks["pose left missing: beyond 90 degrees"] == 1
    assert found.remarks["pose left missing: no row in FacePose"] == 1


def test_aflw_unknown_sex_is_missing_not_female(tree, profile):
    tree("aflw")
    found, truth = rows("aflw", profile), trees.portraits("aflw", 24).labels[:, 0]
    assert face(found, 1005)["gender"] == face(found, 1006)["gender"] == -1
    assert face(found, 1000)["gender"] == truth[0]


def test_aflw_takes_the_first_annotation_of_a_face(tree, profile):
    tree("aflw")
    assert tuple(face(rows("aflw", profile), 1010)[list("xywh")]) == (11, 11, 43, 43)


def test_aflw_yaw_can_be_read_the_other_way_round(tree, profile):
    tree("aflw")
    one, other = rows("aflw", profile).table, rows("aflw", profile, **{"data.yaw_sign": 1}).table
    assert (one["left_profile"] == other["right_profile"]).all()
    assert (one["frontal"] == other["frontal"]).all()


@pytest.mark.parametrize("sign", [-1, 1])
def test_aflw_poses_are_checked_by_the_side_of_the_nose(sign, tree, profile, monkeypatch):
    """Points of a face that turns left: the nose is left of the ear that is seen."""
    yaw = trees.portraits("aflw", 24).table["yaw"]
    place = [(1000 + k, 15, 30 + math.copysign(9, yaw[k])) for k in range(24)]
    place += [(1000 + k, number, 30) for k in range(24) for number in (8, 13)]
    base = sqlite3.connect(tree("aflw") / "aflw.sqlite")
    base.execute("CREATE TABLE FeatureCoords (face_id INTEGER, feature_id INTEGER, x FLOAT)")
    base.executemany("INSERT INTO FeatureCoords VALUES (?, ?, ?)", place)
    base.commit()
    monkeypatch.setattr(aflw, "ENOUGH", 5)
    if sign == 1:
        with pytest.raises(ValueError, match=r"nose on the other side; set data.yaw_sign: -1"):
            rows("aflw", profile, **{"data.yaw_sign": sign})
        return
    remarks = rows("aflw", profile).remarks
    told = [key for key in remarks if key.startswith("nose on the other side than the yaw says")]
    assert [remarks[key] for key in told] == [0]


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=20))
def test_angles_wrap_to_half_a_turn(radians):
    table = pd.DataFrame({"yaw": radians, "FacePose": "both", "line": 1})
    degrees = aflw.pose_angles("a.sqlite", table, "yaw")
    assert (np.abs(degrees) <= 180 + 1e-9).all()
    assert np.allclose(np.cos(np.radians(degrees)), np.cos(radians), atol=1e-9)
    assert np.allclose(np.sin(np.radians(degrees)), np.sin(radians), atol=1e-9)


# CelebA -------------------------------------------------------------------------------------------


def test_celeba_reads_twelve_of_forty_attributes(tree, profile):
    tree("celeba")
    found, truth = rows("celeba", profile).table, trees.portraits("celeba", 24).labels
    for name in CELEBA_NAMES:
        assert found[name].tolist() == truth[:, ATTRIBUTES.index(name)].tolist()


def test_celeba_tests_whole_people_of_the_official_test_part(tree, profile):
    tree("celeba")
    found = rows("celeba", profile).table
    test = found[found["split"] == "test"]
    assert len(test) == 3 and test["identity"].nunique() == 1
    official = {f"celeba/{2880 + 7 * person}" for person in (6, 7)}
    assert set(test["identity"]) <= official


def test_training_faces_beyond_the_cap_are_dropped_with_a_reason(tree, profile):
    tree("celeba")
    found = rows("celeba", profile, **{"data.celeba.train": 9})
    assert (found.table["split"] == "train").sum() == 9
    assert found.table["identity"].nunique() == 4  # three of training, one of test, all whole
    assert set(found.dropped["reason"]) == {"beyond the 9 training rows of data.celeba.train"}


def test_celeba_is_read_from_the_csv_edition_where_it_is_whole(tree, profile):
    home = tree("celeba")
    before = rows("celeba", profile).table
    for path in home.glob("list_*.txt"):
        lines = [line.split() for line in path.read_text().splitlines()]
        if "attr" in path.name:
            lines = [["image_id", *lines[1]], *lines[2:]]
        else:
            lines = [["image_id", "partition"], *lines]
        path.with_suffix(".csv").write_text("\n".join(",".join(row) for row in lines) + "\n")
        path.unlink()
    after = rows("celeba", profile).table
    pd.testing.assert_frame_equal(*(t.drop(columns=["file", "line"]) for t in (before, after)))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("celeba", lambda home: partition(home, "0")),
        ("expw", lambda home: relabel(home, "3", "4")),  # nobody is happy
        ("aflw", lambda home: only(home, 1)),
    ],
)
def test_a_copy_in_which_none_tests_is_told(name, change, tree, profile):
    change(tree(name))
    found = rows(name, profile)
    assert set(found.table["split"]) == {"train"}
    assert any(text.startswith("no test part: ") for text in found.remarks)


def partition(home: Path, number: str) -> None:
    path = home / "list_eval_partition.txt"
    names = [line.split()[0] for line in path.read_text().splitlines()]
    path.write_text("".join(f"{name} {number}\n" for name in names))


def relabel(home: Path, old: str, new: str) -> None:
    lines = [line.split() for line in (home / "label.lst").read_text().splitlines()]
    lines = [[*line[:-1], new if line[-1] == old else line[-1]] for line in lines]
    (home / "label.lst").write_text("\n".join(map(" ".join, lines)) + "\n")


def only(home: Path, count: int) -> None:
    sql(f"DELETE FROM Faces WHERE face_id >= {1000 + count}")(home)


def test_a_part_of_a_set_keeps_half_of_it_to_train_on(tree, profile):
    tree("aflw")
    split = rows("aflw", profile, **{"data.aflw.test": 1000}).table["split"].value_counts()
    assert split.to_dict() == {"train": 11, "test": 11}


# SFEW, CK+ ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("aligned", [True, False])
def test_sfew_has_two_layouts(aligned, profile, tmp_path):
    trees.sfew(tmp_path / "data" / "sfew", aligned=aligned)
    found = rows("sfew", profile)
    assert found.table["split"].value_counts().to_dict() == {"train": 14, "test": 7}
    assert (found.table[list(EXPRESSIONS)].sum() == 3).all()
    assert found.dropped["reason"].tolist() == ["no picture"] * 2


def test_ckplus_keeps_the_first_and_the_last_three_frames(tree, profile):
    tree("ckplus")
    found = rows("ckplus", profile)
    groups = found.table.groupby("sequence")["frame"].agg(list)
    assert groups["S005/001"] == [1, 4, 5, 6]
    assert groups["S006/002"] == [1]  # contempt is none of the seven
    assert set(found.table.query("frame == 1")["neutral"]) == {1}
    assert set(found.table.query("frame > 1")["neutral"]) == {0}
    assert found.total == 3 * 4 * 6 + 2  # every frame, and two stray files
    assert found.dropped["reason"].value_counts().to_dict() == {
        "its sequence is not labelled": 36,
        "neither the first nor one of the last three frames": 12,
        "contempt is none of the seven expressions": 3,
        "no picture": 2,
    }


def test_ckplus_leaves_out_sequences_whose_beginning_is_missing(tree, profile):
    home = tree("ckplus")
    folder = home / "cohn-kanade-images/S005/001"
    for number in range(1, 7):  # frames 5 to 10 of a longer one
        old = folder / f"S005_001_{7 - number:08d}.png"
        old.rename(folder / f"S005_001_{11 - number:08d}.png")
    found = rows("ckplus", profile)
    assert "S005/001" not in set(found.table["sequence"])
    assert (found.dropped["reason"] == ckplus.HEADLESS).sum() == 6


def test_ckplus_boxes_come_from_landmarks_where_there_are_any(tree, profile):
    home = tree("ckplus")
    path = home / "Landmarks/S005/001/S005_001_00000001_landmarks.txt"
    path.parent.mkdir(parents=True)
    points = [(200 + 3 * k, 100 + 2 * k) for k in range(68)]
    path.write_text("".join(f"   {x:.7e}   {y:.7e}\n" for x, y in points))
    found = rows("ckplus", profile)
    first = found.table.iloc[0]
    assert (first.x, first.y, first.w, first.h) == (200, 100, 201, 134)
    assert list(found.remarks.values()) == [len(found.table) - 1]


# Relation -----------------------------------------------------------------------------------------


def test_relation_reads_both_signs_of_no(tree, profile):
    tree("relation")
    found, truth = rows("relation", profile).table, trees.couples(24).labels
    assert found[list(TRAITS)].to_numpy().tolist() == truth[::2].tolist()
    assert found["part"].unique().tolist() == ["web"]


def test_relation_boxes_are_cut_to_the_picture(tree, profile):
    tree("relation")
    row = rows("relation", profile).table.iloc[1]  # -4 -2 43 43, and 6 px beyond the right edge
    assert tuple(row[relation.LEFT]) == (0, 0, 39, 41)
    assert row["right_x"] + row["right_w"] == row["width"] == 128


def test_relation_puts_the_left_face_first(tree, profile):
    path = tree("relation") / "training.txt"
    lines = path.read_text().splitlines()
    fields = lines[0].split()
    fields[1:9] = [*fields[5:9], *fields[1:5]]
    path.write_text("\n".join([" ".join(fields), *lines[1:]]) + "\n")
    found = rows("relation", profile)
    assert found.table["left_x"][0] == 11 and found.table["right_x"][0] == 75
    assert found.remarks["pairs put in order left, right"] == 1


def test_relation_knows_films_from_a_list(tree, profile, tmp_path):
    tree("relation")
    (tmp_path / "movies.txt").write_text("00002.jpg\r\n00009.jpg\r\n")
    found = rows("relation", profile, **{"data.movie_list": str(tmp_path / "movies.txt")}).table
    assert found.query("part == 'movie'")["name"].tolist() == ["00002.jpg", "00009.jpg"]


def whole_lists(order) -> dict:
    """Trait columns in an order, with the counts of Table 10."""
    published, parts = reported("table10"), {}
    for split, word in (("train", "training"), ("test", "testing")):
        positive = published.loc[list(order), f"{word} #positive"].to_numpy()
        count = int(published.iloc[0][[f"{word} #positive", f"{word} #negative"]].sum())
        parts[split] = (None, (np.arange(count)[:, None] < positive).astype(np.int8))
    return parts


@settings(max_examples=20)
@given(st.permutations(tuple(TRAITS)))
def test_whole_lists_betray_the_order_of_their_columns(order):
    found, how = relation.column_order(whole_lists(order), DataParams())
    assert found == tuple(order)
    assert how.startswith("columns by Table 10 and the whole training.txt and testing.txt: ")


@pytest.mark.parametrize("short", ["train", "test"])
def test_one_whole_list_betrays_the_order_and_contradicts_another(short):
    parts = whole_lists(TRAITS)
    parts[short] = (None, parts[short][1][:100])
    assert relation.column_order(parts, DataParams())[0] == tuple(TRAITS)
    given = DataParams(relation_columns=tuple(TRAITS)[::-1])
    with pytest.raises(ValueError, match="contradicts Table 10, by whose counts the columns are"):
        relation.column_order(parts, given)


def test_partial_lists_have_the_usual_order_and_it_is_said():
    parts = {split: (None, traits[:50]) for split, (_, traits) in whole_lists(TRAITS).items()}
    order, how = relation.column_order(parts, DataParams())
    assert order == relation.USUAL and how.startswith("columns in the order of the public evalua")
    given = DataParams(relation_columns=tuple(TRAITS))
    assert relation.column_order(parts, given)[0] == tuple(TRAITS)


def test_a_parameter_that_contradicts_table_10_is_refused():
    given = DataParams(relation_columns=tuple(TRAITS))
    with pytest.raises(ValueError, match="contradicts Table 10, by whose counts the columns are"):
        relation.column_order(whole_lists(list(TRAITS)[::-1]), given)


def test_lists_that_contradict_each_other_are_refused():
    parts = whole_lists(TRAITS)
    parts["test"] = whole_lists(list(TRAITS)[::-1])["test"]
    with pytest.raises(ValueError, match=r"training.txt: dominant, .*testing.txt: assured, "):
        relation.column_order(parts, DataParams())


def test_whole_lists_with_other_counts_are_not_guessed_at():
    parts = whole_lists(TRAITS)
    parts["train"][1][-1, 3] = 1
    assert relation.column_order(parts, DataParams())[0] == tuple(TRAITS)  # by the test list
    parts["test"][1][-1, 3] = 1
    with pytest.raises(ValueError, match=r"trait column 4 has 6177 positives in training.txt"):
        relation.column_order(parts, DataParams())
    given = DataParams(relation_columns=tuple(TRAITS))
    assert relation.column_order(parts, given)[0] == tuple(TRAITS)


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


@given(
    st.lists(
        st.text(st.characters(blacklist_categories=["Cs", "Cc", "Z"]), min_size=1),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
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
            reading.table(path, reading.lines(path), expw.FIELDS)
        except ValueError as error:
            assert str(path) in str(error)


@given(st.text(max_size=30))
def test_no_name_leads_outside(name):
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "images"
        base.mkdir()
        (base / "a.jpg").touch()
        (Path(folder) / "secret.jpg").touch()
        table = pd.DataFrame({"name": [name, "../secret.jpg", "a.jpg"], "line": [1, 2, 3]})
        with pytest.raises(ValueError):
            files.image_paths(Path("a.lst"), table, "name", base)
        assert files.image_paths(Path("a.lst"), table[2:], "name", base) == [str(base / "a.jpg")]


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
