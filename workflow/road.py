"""The order of the notebooks: what each needs and which parameters it reads.

The Snakefile turns this into the graph of jobs; tests and the README's table read it too.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from lib.data.sources.catalogue import stamp, stamps
from lib.params import DataParams, Params
from lib.provenance import ROOT
from workflow.imports import behind

# Parameters that every notebook that computes anything depends on.
SHARED = ("seed", "device", "precision", "devices", "nodes")


@dataclass(frozen=True)
class Step:
    """A notebook: the numbers of those it needs, the parameter sections it reads, its threads.

    A narrow network trains no faster on two threads than on one, so two notebooks that train run
    side by side.

    once: its numbers do not depend on training, so one seed is enough.
    """

    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    threads: int = 1
    once: bool = True


ROAD = {
    "00_start_here": Step(reads=("propagation",)),
    "01_datasets": Step(reads=("data", "evaluation"), threads=2, once=False),
    "02_stage1_network": Step(("01",), ("model", "stage1", "evaluation"), once=False),
    "03_attribute_propagation": Step(("02",), ("propagation", "evaluation"), once=False),
    "04_alternating_stage2": Step(
        ("03",), ("model", "propagation", "stage2", "evaluation"), once=False
    ),
    "05_attribute_accuracy": Step(("04",), ("evaluation",), once=False),
    "06_celeba_accuracy": Step(("04",), ("model", "evaluation"), once=False),
    "07_sfew": Step(("04",), ("model", "relation", "evaluation"), once=False),
    "08_ckplus": Step(("04", "07"), ("model", "relation", "evaluation"), once=False),
    "09_relation_dataset": Step(("01",), ("evaluation",)),
    "10_siamese_network": Step(("04",), ("model", "relation", "evaluation"), once=False),
    "11_relation_accuracy": Step(("10",), ("model", "relation", "evaluation"), once=False),
    "12_qualitative": Step(("10",), ("model", "evaluation")),
    "13_movie_profile": Step(("10",), ("data", "model", "evaluation")),
    "14_scoreboard": Step(("05", "06", "07", "08", "09", "11", "12", "13"), ("seeds", "stage2")),
    "15_your_photos": Step(("10",), ("model", "data")),
    "16_scale": Step(reads=("propagation",), threads=2),
    "17_beyond_the_paper": Step(
        ("10",), ("model", "stage1", "stage2", "propagation", "evaluation", "beyond")
    ),
}
NAMES = {name[:2]: name for name in ROAD}


def runs(params: Params) -> list[str]:
    """Every run of a profile: the road, then `seed<k>/<notebook>` for the further seeds."""
    further = range(params.seed + 1, params.seed + params.seeds)
    again = [f"seed{k}/{name}" for k in further for name, step in ROAD.items() if not step.once]
    return [*ROAD, *again]


def before(run: str, params: Params) -> list[str]:
    """The runs that must be over before a run begins; the scoreboard waits for every seed."""
    folder, name = run.rpartition("/")[::2]
    needed = [f"{folder}/{NAMES[n]}".lstrip("/") for n in ROAD[name].needs]
    further = [each for each in runs(params) if "/" in each] if name == "14_scoreboard" else []
    return needed + further


def done(run: str) -> str:
    """The file, within the profile's outputs, that says a run is over."""
    folder, name = run.rpartition("/")[::2]
    return f"{folder}/artifacts/{name}.done".lstrip("/")


def seed_of(run: str, params: Params) -> int:
    return int(run.split("/")[0].removeprefix("seed")) if "/" in run else params.seed


def imports(path: str | Path) -> list[str]:
    """The files of lib/ that a notebook or module imports, directly or through another, and the
    published tables where it reads them.
    """
    found = behind(path)
    if Path("lib/evaluation/claims.py") in found:
        found |= set(Path("params/reported").glob("*.csv"))
    return sorted(str(file) for file in found)


def settings(params: Params, notebook: str) -> dict:
    """The parameter values a notebook reads; changing another leaves it up to date.

    Notebook 01 also depends on the datasets under the data folder, 15 on the photographs there.
    """
    values = params.model_dump(mode="json")
    chosen = {key: values[key] for key in (*SHARED, *ROAD[notebook].reads)}
    return chosen | {"found": FOUND[notebook](params.data)} if notebook in FOUND else chosen


def photographs(data: DataParams) -> str:
    """When a picture last came to `data/photos` or went."""
    return stamp(ROOT / data.root / "photos")


FOUND = {"01_datasets": stamps, "15_your_photos": photographs}


if __name__ == "__main__":  # python -m workflow.road <notebook>: the threads it runs with
    print(ROAD[Path(sys.argv[1]).stem].threads)
