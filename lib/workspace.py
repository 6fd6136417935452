"""Where the outputs of a profile are stored, and how they are written: whole files, provenance.

    outputs/<profile>/            executed notebooks
        tables/ figures/          in git: what a reader looks at
        metrics/<notebook>.csv    in git: the notebook's part of the long results table
        metrics/<notebook>.json   in git: its provenance and facts that are not numbers
        artifacts/                not in git: faces, weights, features, predictions
        seed<k>/                  the same from another seed; in git: metrics/

Artifacts begin with the number of the notebook that writes them (`02_dcn`), so that a missing file
names the notebook that makes it. Tables and figures are named as in the paper.
"""

import functools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from lib.params import Params, load
from lib.provenance import ROOT, provenance

RESULTS = ("metric", "method", "subset", "value", "low", "high", "unit")


class NeedsData(Exception):
    """This notebook needs a dataset that the profile does not have."""


def open_notebook(
    notebook: str, profile: str, seed: int = 0, overrides: Mapping[str, Any] | None = None
) -> "Workspace":
    """The workspace of a notebook that runs with a profile, a seed and overrides.

    notebook: its file name without suffix, e.g. `"02_stage1_network"`. A `seed` among the
    overrides replaces `seed`; the seed in use is `work.params.seed` and no other.
    """
    return Workspace(load(profile, {"seed": seed, **(overrides or {})}), notebook)


@dataclass(frozen=True)
class Workspace:
    """The outputs of one profile and seed, and the notebook that writes into them."""

    params: Params
    notebook: str

    @property
    def root(self) -> Path:
        """`outputs/<profile>`, or `seed<k>` in it for another seed than the profile's own.

        The environment variable OUTPUTS replaces `outputs`.
        """
        root = Path(os.environ.get("OUTPUTS", ROOT / "outputs")) / self.params.profile
        own = self.params.seed == own_seed(self.params.profile)
        return root if own else root / f"seed{self.params.seed}"

    def path(self, kind: str, name: str) -> Path:
        """Path of a file in `tables`, `figures`, `metrics` or `artifacts`; its folder exists."""
        path = self.root / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def existing(self, kind: str, name: str) -> Path:
        """Path of a file that an earlier notebook wrote.

        FileNotFoundError names that notebook; NeedsData where it lacked a dataset for the file.
        """
        if kind == "artifacts":
            self.needs(name.split(".")[0])
        path = self.root / kind / name
        if not path.exists():
            number = name[:2]
            maker = f"notebook {number}" if number.isdigit() else "an earlier notebook"
            raise FileNotFoundError(
                f"{path} does not exist yet: run {maker} first, "
                f"or `make reproduce PROFILE={self.params.profile}`"
            )
        return path

    # Datasets that the profile does not have ------------------------------------------------------

    def needs(self, *names: str) -> None:
        """NeedsData unless all names are there: datasets (`celeba`) or artifacts (`10_relation`).

        What notebook 01 did not find is listed in its facts; a notebook that could not run for
        want of a dataset says so in its own (`not_run`), and so do those that need its artifacts.
        """
        for name in names:
            if missing := self.missing(name):
                raise NeedsData(
                    f"needs {missing}, which the profile {self.params.profile!r} does not have: "
                    "`make data` says where to ask for it and where to put it"
                )

    def missing(self, name: str) -> str:
        """The dataset for want of which `name` was not made; empty if it was, or will be."""
        facts = self.facts(name[:2] if name[:2].isdigit() else "01")
        if "absent" in facts:  # of notebook 01, which may lack some sets and have others
            return facts["absent"].get(name, "")
        return facts.get("not_run", "")

    def ours(self, name: str = "01_faces") -> str:
        """Label of our numbers: the kind of data that an artifact of notebook 01 holds."""
        return f"ours, {self.facts('01').get('kinds', {}).get(name, 'embedded world')}"

    # Artifacts ------------------------------------------------------------------------------------

    def save_tensors(self, name: str, tensors: Mapping[str, Tensor]) -> Path:
        """Save named tensors, e.g. the weights of a network, to `artifacts/<name>.safetensors`."""
        path = self.path("artifacts", f"{name}.safetensors")
        plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        note = {"provenance": json.dumps(self.provenance())}
        return atomically(path, lambda part: safetensors.torch.save_file(plain, part, note))

    def load_tensors(self, name: str) -> dict[str, Tensor]:
        """Load what `save_tensors` saved; ValueError if the file is damaged."""
        path = self.existing("artifacts", f"{name}.safetensors")
        try:
            return safetensors.torch.load_file(path)
        except safetensors.SafetensorError as error:
            raise ValueError(f"{path} is damaged ({error}): delete it and run again") from None

    def save_rows(self, name: str, keys: Sequence[str], arrays: Mapping[str, Tensor]) -> Path:
        """Save arrays (N, ...) with one row per face or pair, and the key of every row."""
        lengths = {len(keys), *map(len, arrays.values())}
        if len(lengths) > 1:
            raise ValueError(f"{name}: keys and arrays differ in length: {sorted(lengths)}")
        folder = self.path("artifacts", name)
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.npy"):
            old.unlink()
        for array, values in arrays.items():
            atomically(folder / f"{array}.npy", functools.partial(_save_array, values))
        atomically(folder / "keys.parquet", pd.DataFrame({"key": list(keys)}).to_parquet)
        return folder

    def load_rows(self, name: str, keys: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Load what `save_rows` saved, joined by key: one row for each of `keys`, in their order.

        None: all rows as they were saved. ValueError where a key has no row.
        """
        folder = self.existing("artifacts", name)
        arrays = {p.stem: np.load(p, allow_pickle=False) for p in sorted(folder.glob("*.npy"))}
        if keys is not None:
            place = _places(pd.read_parquet(folder / "keys.parquet")["key"], keys, folder)
            arrays = {array: values[place] for array, values in arrays.items()}
        return {array: torch.from_numpy(values) for array, values in arrays.items()}

    def save_predictions(
        self,
        name: str,
        keys: Sequence[str],
        predictions: Mapping[str | tuple[str, int], Tensor],
        columns: Sequence[str],
    ) -> Path:
        """Save the logits (N, A) of several methods as one table: key, method, round, columns.

        predictions: by method, or by (method, round of stage 2); a method alone has round 0.
        """
        parts = []
        for label, logits in predictions.items():
            method, number = label if isinstance(label, tuple) else (label, 0)
            table = pd.DataFrame(logits.numpy(), columns=list(columns))
            table.insert(0, "round", number)
            table.insert(0, "method", method)
            table.insert(0, "key", list(keys))
            parts.append(table)
        path = self.path("artifacts", f"{name}.parquet")
        return atomically(path, pd.concat(parts, ignore_index=True).to_parquet)

    def load_predictions(self, name: str, keys: Sequence[str]) -> dict[tuple[str, int], Tensor]:
        """The logits (N, A) of every (method, round), one row for each of `keys`."""
        path = self.existing("artifacts", f"{name}.parquet")
        table = pd.read_parquet(path)
        found = {}
        for method, number in table[["method", "round"]].drop_duplicates().itertuples(index=False):
            part = table[(table["method"] == method) & (table["round"] == number)]
            values = part.drop(columns=["key", "method", "round"]).to_numpy()
            found[str(method), int(number)] = torch.from_numpy(
                values[_places(part["key"], keys, path)]
            )
        return found

    # Tables, figures, results ---------------------------------------------------------------------

    def save_table(self, name: str, table: pd.DataFrame, note: str) -> Path:
        """Save a table to `tables/<name>.csv`, and beside it how it was made and in what units."""
        path = self.path("tables", f"{name}.csv")
        write_json(path.with_suffix(".json"), {"note": note, "provenance": self.provenance()})
        return atomically(path, lambda part: table.to_csv(part, lineterminator="\n"))

    def load_table(self, name: str, index: int | list[int] = 0) -> pd.DataFrame:
        return pd.read_csv(self.existing("tables", f"{name}.csv"), index_col=index)

    def save_figure(self, name: str, figure: Any, dpi: int = 110) -> Path:
        """Save a matplotlib figure to `figures/<name>.png`, provenance in its text chunk."""
        path = self.path("figures", f"{name}.png")
        note = {"Description": json.dumps(self.provenance())}
        save = functools.partial(figure.savefig, format="png", dpi=dpi, metadata=note)
        return atomically(path, lambda part: save(part, bbox_inches="tight"))

    def record(self, *results: pd.DataFrame, facts: Mapping[str, Any] | None = None) -> Path:
        """Save this notebook's part of the long results table, with provenance and facts.

        results: columns `RESULTS`; value, low and high are NaN where undefined. facts: what is no
        number, e.g. the name of the chosen variant. ValueError where two rows have the same metric,
        method and subset.
        """
        rows = [pd.DataFrame(columns=list(RESULTS)), *results]
        table = pd.concat([part for part in rows if len(part)] or rows[:1], ignore_index=True)
        table = table.reindex(columns=list(RESULTS))
        twice = table.duplicated(["metric", "method", "subset"])
        if twice.any():
            row = table[twice].iloc[0]
            raise ValueError(
                f"{self.notebook} records {row['metric']!r} of {row['method']!r} on "
                f"{row['subset']!r} twice"
            )
        path = self.path("metrics", f"{self.notebook}.json")
        write_json(path, {"facts": dict(facts or {}), "provenance": self.provenance()})
        csv = path.with_suffix(".csv")
        return atomically(csv, lambda part: table.to_csv(part, index=False, lineterminator="\n"))

    def results(self) -> pd.DataFrame:
        """The long results table of all notebooks that have run: notebook, then `RESULTS`."""
        parts = [pd.DataFrame(columns=["notebook", *RESULTS])]
        for path in sorted((self.root / "metrics").glob("*.csv")):
            text = {"metric": str, "method": str, "subset": str, "unit": str}
            part = pd.read_csv(
                path,
                dtype=text,
                keep_default_na=False,
                na_values={end: [""] for end in ("value", "low", "high")},
            )
            part.insert(0, "notebook", path.stem)
            parts.append(part)
        return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)

    def facts(self, notebook: str) -> dict[str, Any]:
        """What a notebook recorded beside its numbers; notebook: its name or number."""
        name = notebook if "_" in notebook else f"{notebook}_*"
        found = sorted((self.root / "metrics").glob(f"{name}.json"))
        return json.loads(found[0].read_text()).get("facts", {}) if found else {}

    # Provenance -----------------------------------------------------------------------------------

    def provenance(self) -> dict[str, Any]:
        """What a number of this notebook is made from."""
        data = self.facts("01").get("fingerprint", "")
        return provenance(self.params, notebook=self.notebook, data=data)


@functools.cache
def own_seed(profile: str) -> int:
    """The seed that a profile names; read once per process."""
    return load(profile).seed


def _save_array(values: Tensor, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, values.detach().cpu().numpy(), allow_pickle=False)


def _places(saved: pd.Series, keys: Sequence[str], file: Path) -> np.ndarray:
    """Row of each key among the saved ones, (N,); ValueError where there is none."""
    place = pd.Index(saved).get_indexer(pd.Index(keys))
    if (place < 0).any():
        key = list(keys)[int((place < 0).argmax())]
        raise ValueError(f"{file} has no row for {key!r}: run the notebook that writes it again")
    return place


def atomically(path: Path, write: Callable[[Path], Any]) -> Path:
    """Write through a temporary neighbour and rename, so `path` is whole or not there at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def write_json(path: Path, value: Any) -> Path:
    text = json.dumps(value, indent=1, allow_nan=False, default=float) + "\n"
    return atomically(path, lambda part: part.write_text(text))
