"""Where the outputs of a profile are, which of them a run may read, and what was made from what."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lib.params import Params, load
from lib.params.reading import changed
from lib.workspace import files
from lib.workspace.provenance import ROOT, digest, provenance

# Sections of the parameters that the artifacts of a notebook depend on, directly or through others.
FACES = ("data",)
STAGE1 = (*FACES, "model", "stage1")
STAGE2 = (*STAGE1, "propagation", "stage2")
RELATIONS = (*STAGE2, "relation")
DEPENDS = {"01": FACES, "02": STAGE1, "03": STAGE2[:-1], "04": STAGE2}
DEPENDS |= {"10": RELATIONS, "11": RELATIONS}


class NeedsData(Exception):
    """This notebook needs a dataset that the profile does not have."""


@dataclass(frozen=True)
class Outputs:
    """The outputs of one profile, seed and overrides, and the notebook that writes into them."""

    params: Params
    notebook: str

    @property
    def root(self) -> Path:
        """`outputs/<profile>`; in it `overrides/<which>` for a run with overrides, and in that
        `seed<k>` for another seed than the profile's own.

        The environment variable OUTPUTS replaces `outputs`; it is relative to the project.
        """
        return self._folder(f"overrides/{named(self.overrides)}" if self.overrides else "")

    def _folder(self, inner: str) -> Path:
        root = ROOT / os.environ.get("OUTPUTS", "outputs") / self.params.profile / inner
        return root if self.params.seed == self.own.seed else root / f"seed{self.params.seed}"

    @cached_property
    def own(self) -> Params:
        """The parameters of the profile without overrides."""
        return load(self.params.profile)

    @cached_property
    def overrides(self) -> dict[str, Any]:
        """The values that differ from the profile's, by dotted key; without the seed and those
        that say on how many processes and devices to compute.
        """
        ours = self.params.model_copy(update={"seed": self.own.seed})
        return changed(self.own, ours, leave_out=("device", "devices", "nodes"))

    def path(self, kind: str, name: str) -> Path:
        """Path of a file in `tables`, `figures`, `metrics` or `artifacts`; its folder exists."""
        path = self.root / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def place(self, kind: str, name: str) -> Path:
        """Where a file is read: with overrides also from the profile's own outputs, if the
        notebook that wrote it depends on none of them.
        """
        path = self.root / kind / name
        sections = {key.split(".")[0] for key in self.overrides}
        theirs = DEPENDS.get(name.partition("_")[0])
        if path.exists() or not sections or theirs is None or sections & set(theirs):
            return path
        return self._folder("") / kind / name

    def existing(self, kind: str, name: str) -> Path:
        """Path of a file that an earlier notebook wrote.

        FileNotFoundError names that notebook; NeedsData where it lacked a dataset for the file;
        ValueError where faces or pairs are of other parameters.
        """
        if kind == "artifacts":
            self.needs(name.split(".")[0])
        path = self.place(kind, name)
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist yet: {self.advice(name)}")
        if kind == "artifacts" and name.startswith("01_"):
            self.check_made(path, name, self._record("01").get("provenance", {}))
        return path

    def advice(self, name: str) -> str:
        """What to run where a file is missing or wrong."""
        number = name.partition("_")[0]
        maker = f"notebook {number}" if number[:2].isdigit() else "the notebook that writes it"
        if self.overrides:
            return f"run {maker} first with the same overrides, {json.dumps(self.overrides)}"
        return f"run {maker} first, or `make reproduce PROFILE={self.params.profile}`"

    def check_made(self, path: Path, name: str, made: Mapping[str, Any]) -> None:
        """ValueError where the artifact `name` is of other parameters or other data than ours."""
        number, ours = name.partition("_")[0], self.provenance()
        pairs = {"seed": (made.get("seed"), ours["seed"])}
        theirs = made.get("sections", {})
        for section in DEPENDS.get(number, ()):
            pairs[section] = theirs.get(section), ours["sections"][section]
        if number != "01":
            pairs["faces of notebook 01"] = made.get("data"), ours["data"]
        for what, (there, here) in pairs.items():
            if there is not None and there != here:
                raise ValueError(
                    f"{path} was made with another {what} ({there}) than this run has ({here}): "
                    f"{self.advice(name)}"
                )

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

    # What others recorded, and provenance ---------------------------------------------------------

    def facts(self, notebook: str) -> dict[str, Any]:
        """What a notebook recorded beside its numbers; notebook: its name or number."""
        return self._record(notebook).get("facts", {})

    def _record(self, notebook: str) -> dict[str, Any]:
        """The provenance and facts of a notebook; nothing if it has not run."""
        folder = self.place("metrics", f"{notebook.partition('_')[0]}_").parent
        pattern = f"{notebook if '_' in notebook else f'{notebook}_*'}.json"
        found = sorted((self.root / "metrics").glob(pattern)) or sorted(folder.glob(pattern))
        return files.read_json(found[0]) if found else {}

    def provenance(self) -> dict[str, Any]:
        """What a number of this notebook is made from."""
        data = self.facts("01").get("fingerprint", "")
        return provenance(self.params, notebook=self.notebook, data=data)


def named(overrides: Mapping[str, Any]) -> str:
    """The name of the folder of a run with overrides: short, readable, another for each of them."""
    text = ",".join(f"{key}={value}" for key, value in sorted(overrides.items()))
    return f"{re.sub(r'[^A-Za-z0-9_.=,-]+', '_', text)[:60]}-{digest(text)[:8]}"
