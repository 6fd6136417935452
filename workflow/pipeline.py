"""The order of the notebooks: which others each needs, and which parameters it reads.

The Snakefile makes jobs of it; the tests and the README's table read it too. A run is a notebook
(`02_stage1_network`), or one repeated with a further seed (`seed1/02_stage1_network`).
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.data.sources.published import stamp, stamps
from lib.params import DataParams, Params
from lib.workspace.provenance import ROOT
from workflow.imports import behind

# Parameters that every notebook depends on.
SHARED = ("seed", "device", "precision", "devices", "nodes")
SCOREBOARD = "14_scoreboard"


@dataclass(frozen=True)
class Step:
    """One notebook of the pipeline.

    Parameters
    ----------
    needs : numbers of the notebooks whose files it reads.
    reads : sections of the parameters that it reads.
    trained : its numbers depend on training, so it is repeated for every seed.
    """

    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    trained: bool = False


STEPS = {
    "00_start_here": Step(reads=("propagation",)),
    "01_datasets": Step(reads=("data", "evaluation"), trained=True),
    "01b_embedded_world": Step(reads=("data",)),
    "02_stage1_network": Step(("01",), ("model", "stage1", "evaluation"), trained=True),
    "02b_learning_curve": Step(("02",), ("model", "stage1", "evaluation")),
    "03_attribute_propagation": Step(("02",), ("propagation", "evaluation"), trained=True),
    "03a_prior_and_convergence": Step(("03",), ("propagation", "evaluation"), trained=True),
    "03b_pseudo_labels_compared": Step(("03",), ("model", "propagation", "evaluation")),
    "04_alternating_stage2": Step(
        ("03",), ("model", "propagation", "stage2", "evaluation"), trained=True
    ),
    "04b_networks_compared": Step(
        ("03",), ("model", "propagation", "stage2", "evaluation", "beyond"), trained=True
    ),
    "05_attribute_accuracy": Step(("04",), ("evaluation",), trained=True),
    "06_celeba_accuracy": Step(("04", "05"), ("model", "evaluation"), trained=True),
    "07_sfew": Step(("04",), ("model", "relation", "evaluation"), trained=True),
    "08_ckplus": Step(("04", "07"), ("model", "relation", "evaluation"), trained=True),
    "09_relation_dataset": Step(("01",), ("evaluation",)),
    "10_siamese_network": Step(("04",), ("model", "relation", "evaluation"), trained=True),
    "11_relation_accuracy": Step(("10",), ("model", "relation", "evaluation"), trained=True),
    "12_qualitative": Step(("10",), ("model", "evaluation")),
    "13_movie_profile": Step(("10",), ("data", "model", "evaluation")),
    SCOREBOARD: Step(
        ("03a", "04b", "05", "06", "07", "08", "09", "11", "12", "13"), ("seeds", "stage2")
    ),
    "15_your_photos": Step(("10",), ("model", "data")),
    "16_scale": Step(reads=("propagation",)),
    "17_beyond_the_paper": Step(
        ("04b", "10"), ("model", "stage1", "stage2", "propagation", "evaluation", "beyond")
    ),
}
BY_NUMBER = {name.partition("_")[0]: name for name in STEPS}


def seeds(params: Params) -> list[int]:
    """The seeds that are run here: all of a profile, or those named by SEEDS, such as `1,2`.

    So seeds can be spread over machines: the scoreboard takes the numbers of the others from
    `seed<k>/metrics`, where they were copied to. ValueError for a seed that the profile has not.
    """
    every = list(range(params.seed, params.seed + params.seeds))
    named = os.environ.get("SEEDS", "").replace(",", " ").split()
    if unknown := set(named) - set(map(str, every)):
        raise ValueError(f"SEEDS: no seed {', '.join(sorted(unknown))} in {every} of this profile")
    return [seed for seed in every if not named or str(seed) in named]


def runs(params: Params) -> list[str]:
    """Every run of a profile: all notebooks, then the trained ones for each further seed."""
    chosen = seeds(params)
    once = list(STEPS) if params.seed in chosen else []
    trained = [name for name, step in STEPS.items() if step.trained]
    return once + [f"seed{k}/{name}" for k in chosen if k != params.seed for name in trained]


def before(run: str, params: Params) -> list[str]:
    """The runs that must be over before a run begins; the scoreboard waits for every seed."""
    folder, name = split(run)
    needed = [f"{folder}/{BY_NUMBER[n]}".lstrip("/") for n in STEPS[name].needs]
    further = [each for each in runs(params) if "/" in each] if name == SCOREBOARD else []
    return needed + further


def folder_of(profile: str) -> Path:
    """The outputs of a profile, relative to the project, in which the pipeline runs."""
    return Path(os.environ.get("OUTPUTS", "outputs"), profile)


def done(run: str) -> str:
    """The file, within the profile's outputs, that says a run is over."""
    folder, name = split(run)
    return f"{folder}/artifacts/{name}.done".lstrip("/")


def split(run: str) -> tuple[str, str]:
    """The folder of a run within the profile's outputs (`""` or `seed<k>`), and its notebook."""
    folder, _, name = run.rpartition("/")
    return folder, name


def seed_of(run: str, params: Params) -> int:
    """The seed that a run computes with."""
    folder, _ = split(run)
    return int(folder.removeprefix("seed")) if folder else params.seed


def imports(path: str | Path) -> list[str]:
    """The files of lib/ that a notebook or module imports, directly or through another, and the
    published tables and those of the embedded world where it reads them.
    """
    found = behind(path)
    if Path("lib/world/moments.py") in found:
        found |= set(Path("lib/world").glob("*.csv"))
    later = Path("params/reported/since.csv")
    if Path("lib/evaluation/claims.py") in found:
        found |= set(Path("params/reported").glob("*.csv")) - {later}
    if Path("lib/evaluation/since.py") in found:
        found.add(later)
    return sorted(str(file) for file in found)


def values_read(params: Params, notebook: str) -> dict[str, Any]:
    """The parameter values a notebook reads; where none of them changed, it is up to date.

    Notebook 01 also depends on the datasets under the data folder, 15 on the photographs there.
    """
    values = params.model_dump(mode="json")
    chosen = {key: values[key] for key in (*SHARED, *STEPS[notebook].reads)}
    return chosen | {"found": FOUND[notebook](params.data)} if notebook in FOUND else chosen


def photographs(data: DataParams) -> str:
    """When a picture was last added to `data/photos` or removed."""
    return stamp(ROOT / data.root / "photos")


FOUND = {"01_datasets": stamps, "15_your_photos": photographs}
