"""Parameters and lists that contradict the datasets, and the message that each must give."""

import pytest

from lib.data import datasets


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("relation", {"relation_columns": ("warm",) * 8}, "are not the eight traits dominant"),
        ("relation", {"relation_columns": ("warm",)}, "data.relation_columns: warm are not the"),
        ("relation", {"movie_list": "no/such.txt"}, "such.txt: does not exist; copy it from the"),
        ("aflw", {"aflw.test": 0}, "test is 0, so no face of AFLW would be tested; say how many"),
        ("celeba", {"celeba.test": 0}, "data.celeba.test is 0, .* .the paper's are 3,000"),
        ("expw", {"expw.test": 0}, "data.expw.test is 0, .* .the paper's are 1,400"),
        ("expw", {"expw.test": 6}, "label.lst: no test part of 6 faces with every expression can"),
    ],
)
def test_parameters_that_a_dataset_contradicts(name, overrides, message, read):
    with pytest.raises(ValueError, match=message):
        read(name, **{f"data.{key}": value for key, value in overrides.items()})


def test_a_movie_list_of_another_dataset(read, tmp_path):
    path = tmp_path / "movies.txt"
    path.write_text("00001.jpg\n99999.jpg\n")
    with pytest.raises(ValueError, match=r"movies.txt, line 2: '99999.jpg' is no picture of the"):
        read("relation", **{"data.movie_list": str(path)})


@pytest.mark.parametrize("origin", ["auto", "world"])
@pytest.mark.parametrize("name", ["aflw", "celeba", "expw"])
def test_the_world_must_know_how_many_faces(name, origin, profile, tmp_path):
    message = rf"data.{name}.train is 0, .* set data.{name}.train \(the paper's is [1-9]"
    with pytest.raises(ValueError, match=message):
        datasets.faces(profile(**{f"data.{name}.origin": origin}), cache=tmp_path, progress=False)


def test_a_real_set_that_is_asked_for_must_be_there(profile, tmp_path):
    with pytest.raises(ValueError, match=r"data.celeba.origin is real, but .*mmlab"):
        datasets.faces(profile(**{"data.celeba.origin": "real"}), cache=tmp_path, progress=False)
