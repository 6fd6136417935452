"""The workspace of a notebook: what it reads, computes with, and leaves behind."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from torch import Tensor

from lib.params import load
from lib.workspace import files, machine
from lib.workspace.files import atomically, write_json
from lib.workspace.outputs import Outputs

RESULTS = ("metric", "method", "subset", "value", "low", "high", "unit")


def open_notebook(
    notebook: str, profile: str, seed: int = 0, overrides: Mapping[str, Any] | str | None = None
) -> "Workspace":
    """The workspace of a notebook that runs with a profile, a seed and overrides.

    notebook: its file name without suffix, e.g. `"02_stage1_network"`. A `seed` among the
    overrides replaces `seed`; the seed in use is `work.params.seed` and no other. Overrides may be
    given as text, as papermill's `-p` does.

    The process computes with the notebook's own number of threads from then on, since another
    number rounds differently.
    """
    machine.compute_with(notebook)
    return Workspace(load(profile, overrides, seed), notebook)


class Workspace(Outputs):
    """The outputs of one profile and seed, and the notebook that writes into them."""

    # Artifacts ------------------------------------------------------------------------------------

    def save(self, name: str, write: Callable[[Path], Any]) -> Path:
        """Write `artifacts/<name>` with its checksum and what it is made from beside it."""
        return files.seal(self.path("artifacts", name), write, self.provenance())

    def load(self, name: str) -> Path:
        """The path of `artifacts/<name>`, verified. ValueError where it is damaged, or made with
        other parameters or from other data than this run has.
        """
        path = self.existing("artifacts", name)
        todo = f"delete it and {self.advice(name)}"
        self.check_made(path, name, files.verified(path, todo))
        return path

    def save_tensors(self, name: str, tensors: Mapping[str, Tensor]) -> Path:
        """Save named tensors, e.g. the weights of a network, to `artifacts/<name>.safetensors`."""
        plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        save = functools.partial(safetensors.torch.save_file, plain)
        return self.save(f"{name}.safetensors", save)

    def load_tensors(self, name: str) -> dict[str, Tensor]:
        """Load what `save_tensors` saved; errors as those of `load`."""
        return safetensors.torch.load_file(self.load(f"{name}.safetensors"))

    def save_json(self, name: str, value: Any) -> Path:
        """Save what JSON can hold to `artifacts/<name>.json`."""
        text = json.dumps(value, indent=1, allow_nan=False, default=float) + "\n"
        return self.save(f"{name}.json", lambda part: part.write_text(text, encoding="utf-8"))

    def load_json(self, name: str) -> Any:
        """Load what `save_json` saved; errors as those of `load`."""
        return files.read_json(self.load(f"{name}.json"))

    def save_rows(self, name: str, keys: Sequence[str], arrays: Mapping[str, Tensor]) -> Path:
        """Save arrays (N, ...) with one row per face or pair, and the key of every row."""
        lengths = {len(keys), *map(len, arrays.values())}
        if len(lengths) > 1:
            raise ValueError(f"{name}: keys and arrays differ in length: {sorted(lengths)}")
        folder = self.path("artifacts", name)
        for old in folder.glob("*.npy"):
            files.remove(old)
        for array, values in arrays.items():
            saved = functools.partial(files.save_array, values=values.detach().cpu().numpy())
            self.save(f"{name}/{array}.npy", saved)
        self.save(f"{name}/keys.parquet", pd.DataFrame({"key": list(keys)}).to_parquet)
        return folder

    def load_rows(self, name: str, keys: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Load what `save_rows` saved, joined by key: one row for each of `keys`, in their order.

        None: all rows as they were saved. ValueError where a key has no row; others as `load`'s.
        """
        folder = self.existing("artifacts", name)
        names = sorted({path.name.removesuffix(".sum") for path in folder.glob("*.npy*")})
        paths = [self.load(f"{name}/{each}") for each in names]
        arrays = {path.stem: np.load(path, allow_pickle=False) for path in paths}
        table = pd.read_parquet(self.load(f"{name}/keys.parquet"))
        if keys is not None:
            place = _places(table["key"], keys, folder)
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
        return self.save(f"{name}.parquet", pd.concat(parts, ignore_index=True).to_parquet)

    def load_predictions(self, name: str, keys: Sequence[str]) -> dict[tuple[str, int], Tensor]:
        """The logits (N, A) of every (method, round), one row for each of `keys`."""
        path = self.load(f"{name}.parquet")
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
        note = {"facts": dict(facts or {}), "networks": self.networks()}
        write_json(path, note | {"provenance": self.provenance()})
        csv = path.with_suffix(".csv")
        return atomically(csv, lambda part: table.to_csv(part, index=False, lineterminator="\n"))

    def networks(self) -> dict[str, str]:
        """The checksums of the networks that this notebook has saved, by artifact."""
        pattern = f"{self.notebook.partition('_')[0]}_*.safetensors"
        paths = sorted((self.root / "artifacts").glob(pattern))
        return {path.stem: files.checksum(path) for path in paths}

    def results(self) -> pd.DataFrame:
        """The long results table of all notebooks that have run: notebook, then `RESULTS`."""
        parts = [pd.DataFrame(columns=["notebook", *RESULTS])]
        for path in sorted((self.root / "metrics").glob("*.csv")):
            part = read_results(path)
            part.insert(0, "notebook", path.stem)
            parts.append(part)
        return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def read_results(path: Path) -> pd.DataFrame:
    """A notebook's part of the results table; ValueError that names it if it is damaged."""
    text = dict.fromkeys(("metric", "method", "subset", "unit"), str)
    empty = {end: [""] for end in ("value", "low", "high")}
    try:
        part = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=empty)
        if list(part.columns) != list(RESULTS):
            raise ValueError(f"its columns are {', '.join(map(str, part.columns))}")
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): run its notebook again") from None
    return part


def _places(saved: pd.Series, keys: Sequence[str], file: Path) -> np.ndarray:
    """Row of each key among the saved ones, (N,); ValueError where there is none."""
    place = pd.Index(saved).get_indexer(pd.Index(keys))
    if (place < 0).any():
        key = list(keys)[int((place < 0).argmax())]
        raise ValueError(f"{file} has no row for {key!r}: run the notebook that writes it again")
    return place
