"""Parameters and lists that contradict the datasets, and the message that each must give."""

import pytest

from lib.data import datasets, real


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"data.relation_columns": ("warm",) * 8}, "are not the eight traits dominant"),
        ({"data.relation_columns": ("dominant",)}, "data.relation_columns: dominant are not the"),
        ({"data.movie_list": "no/such.txt"}, "such.txt: does not exist; copy it from the dataset"),
    ],
)
def test_parameters_of_the_relation_dataset(overrides, message, tree, profile, tmp_path):
    tree("relation")
    with pytest.raises(ValueError, match=message):
        real.pairs(profile(**overrides), tmp_path, progress=False)


def test_a_movie_list_of_another_dataset(tree, profile, tmp_path):
    tree("relation")
    path = tmp_path / "movies.txt"
    path.write_text("00001.jpg\n99999.jpg\n")
    with pytest.raises(ValueError, match=r"movies.txt, line 2: '99999.jpg' is no picture of the"):
        real.pairs(profile(**{"data.movie_list": str(path)}), tmp_path, progress=False)


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [
        ("aflw", 0, "data.aflw.test is 0, so no face of AFLW would be tested; say how many are"),
        ("celeba", 0, "data.celeba.test is 0, .* .the paper's are 3,000"),
        ("expw", 0, "data.expw.test is 0, .* .the paper's are 1,400"),
        (
            "expw",
            6,
            "label.lst: no test part of 6 faces with every expression can be made of it",
        ),
    ],
)
def test_some_faces_of_each_training_source_are_tested(name, count, message, tree, profile):
    tree(name)
    with pytest.raises(ValueError, match=message):
        real.read(name, profile(**{f"data.{name}.test": count}), progress=False)


@pytest.mark.parametrize("origin", ["auto", "world"])
@pytest.mark.parametrize("name", ["aflw", "celeba", "expw"])
def test_the_world_must_know_how_many_faces(name, origin, profile, tmp_path):
    message = rf"data.{name}.train is 0, .* set data.{name}.train \(the paper's is [1-9]"
    with pytest.raises(ValueError, match=message):
        datasets.faces(profile(**{f"data.{name}.origin": origin}), cache=tmp_path, progress=False)


def test_a_real_set_that_is_asked_for_must_be_there(profile, tmp_path):
    with pytest.raises(ValueError, match=r"data.celeba.origin is real, but .*mmlab"):
        datasets.faces(profile(**{"data.celeba.origin": "real"}), cache=tmp_path, progress=False)
