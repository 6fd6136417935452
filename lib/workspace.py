"""Where a profile's outputs lie, and how they are written: atomically and with provenance.

    outputs/<profile>/            executed notebooks
        tables/ figures/ metrics/ in git: what a reader looks at
        artifacts/                not in git: weights, features, graphs, face stores
        seed<k>/                  the same from another seed; in git: metrics/

Names begin with the number of the notebook that writes them (`02_dcn`, `03_graph`), so a missing
file can name the notebook that makes it. Tables and figures are named as in the paper.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.figure
import pandas as pd
import safetensors
import safetensors.torch
import torch
from IPython.display import Markdown, display

from lib import cores
from lib.params import Params, load

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("torch", "torchvision", "lightning-fabric", "numpy", "scikit-learn", "pandas")


@dataclass(frozen=True)
class Workspace:
    """The outputs of one profile, and the notebook that is writing into them (e.g. `"02"`)."""

    params: Params
    notebook: str

    @property
    def root(self) -> Path:
        """`outputs/<profile>`, or `seed<k>` in it for another seed than the profile's own.

        The variable OUTPUTS moves the whole tree elsewhere.
        """
        root = Path(os.environ.get("OUTPUTS", ROOT / "outputs")) / self.params.profile
        own = self.params.seed == own_seed(self.params.profile)
        return root if own else root / f"seed{self.params.seed}"

    def path(self, room: str, name: str) -> Path:
        """Path of a file in `tables`, `figures`, `metrics` or `artifacts`; its folder exists."""
        path = self.root / room / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def existing(self, room: str, name: str) -> Path:
        """Path of a file an earlier notebook wrote; FileNotFoundError names that notebook.

        Where that notebook lacked a dataset for it, this one ends in good order (see `needs`).
        """
        if room == "artifacts":
            self.needs(name.split(".")[0])
        path = self.root / room / name
        if not path.exists():
            makers = sorted((ROOT / "notebooks").glob(f"{name[:2]}_*.ipynb"))
            maker = f"notebooks/{makers[0].name}" if makers else "an earlier notebook"
            raise FileNotFoundError(
                f"{path} does not exist yet: run {maker} first, "
                f"or `make reproduce PROFILE={self.params.profile}`"
            )
        return path

    # Absent datasets -----------------------------------------------------------------------------

    def needs(self, name: str) -> None:
        """End this notebook in good order if `name` cannot be had for want of a dataset.

        name: an artifact (`01_sfew`, `10_relation`) or a dataset (`celeba`). The tables it would
        have written then say "not run: needs SFEW 2.0", its metrics hold `not_run`, and notebooks
        that need its artifacts end likewise. Jupyter and papermill stop at SystemExit(0) without
        failing.
        """
        wanting = self.wanting(name)
        if not wanting:
            return
        stem, note = self._stem(self.notebook), f"not run: needs {wanting}"
        for room, written in self._writes(stem):
            if room == "tables":
                self.save_table(written, pd.DataFrame({"note": [note]}), note)
            else:  # a figure of an earlier run
                (self.root / "figures" / f"{written}.png").unlink(missing_ok=True)
        kept = self._values(stem) if name.startswith(self.notebook) else {}  # notebook 01 itself
        self.save_metrics(stem, kept | {"not_run": wanting})
        display(Markdown(f"**{note}.** `make data` says where to ask for it and where to put it."))
        raise SystemExit(0)

    def ours(self, name: str = "01_faces") -> str:
        """How to name numbers of ours: on which kind of data the artifact of notebook 01 stands."""
        kinds = self._values(self._stem("01")).get("kinds", {})
        return f"ours, {kinds.get(name, 'embedded world')}"

    def wanting(self, name: str) -> str:
        """The dataset for want of which `name` was not made; empty if it was, or will be."""
        number = name[:2] if name[:2].isdigit() else "01"
        values = self._values(self._stem(number))
        return values["absent"].get(name, "") if "absent" in values else values.get("not_run", "")

    def _values(self, stem: str) -> dict[str, Any]:
        return self.load_metrics(stem) if self.has("metrics", f"{stem}.json") else {}

    @staticmethod
    def _writes(stem: str) -> list[tuple[str, str]]:
        """(`tables` or `figures`, name) of what a notebook's first page says it writes."""
        cells = json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text())["cells"]
        text = re.search(r"\*\*Writes\*\*(.*?)(\n\s*\n|$)", "".join(cells[0]["source"]), re.DOTALL)
        return re.findall(r"`(tables|figures)/(\w+)\.\w+`", text[1]) if text else []

    @staticmethod
    def _stem(number: str) -> str:
        """A notebook's file name without suffix, by its number."""
        found = sorted((ROOT / "notebooks").glob(f"{number}_*.ipynb"))
        return found[0].stem if found else number

    # Tensors ---------------------------------------------------------------------------------

    def save_tensors(self, name: str, tensors: dict[str, torch.Tensor]) -> Path:
        """Save named tensors to `artifacts/<name>.safetensors`."""
        path = self.path("artifacts", f"{name}.safetensors")
        plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        note = {"provenance": json.dumps(self.provenance())}
        return atomically(path, lambda part: safetensors.torch.save_file(plain, part, note))

    def load_tensors(self, name: str) -> dict[str, torch.Tensor]:
        """Load what `save_tensors` saved; ValueError if the file is damaged."""
        path = self.existing("artifacts", f"{name}.safetensors")
        try:
            return safetensors.torch.load_file(path)
        except safetensors.SafetensorError as error:
            raise ValueError(f"{path} is damaged ({error}): delete it and run again") from None

    # Tables, figures, metrics ------------------------------------------------------------------

    def save_table(self, name: str, table: pd.DataFrame, note: str) -> Path:
        """Save a table to `tables/<name>.csv`, and beside it how it was made and in what units."""
        path = self.path("tables", f"{name}.csv")
        about = {"note": note, "provenance": self.provenance()}
        write_json(path.with_suffix(".json"), about)
        return atomically(path, lambda part: table.to_csv(part, lineterminator="\n"))

    def load_table(self, name: str, index: int | list[int] = 0) -> pd.DataFrame:
        return pd.read_csv(self.existing("tables", f"{name}.csv"), index_col=index)

    def save_figure(self, name: str, figure: matplotlib.figure.Figure, dpi: int = 110) -> Path:
        """Save a figure to `figures/<name>.png`, provenance in its text chunk."""
        path = self.path("figures", f"{name}.png")
        note = {"Description": json.dumps(self.provenance())}
        save = functools.partial(figure.savefig, format="png", dpi=dpi, metadata=note)
        return atomically(path, lambda part: save(part, bbox_inches="tight"))

    def save_metrics(self, name: str, metrics: dict[str, Any]) -> Path:
        """Save numbers to `metrics/<name>.json` under `values`, with their provenance."""
        path = self.path("metrics", f"{name}.json")
        return write_json(path, {"values": metrics, "provenance": self.provenance()})

    def load_metrics(self, name: str) -> dict[str, Any]:
        return json.loads(self.existing("metrics", f"{name}.json").read_text())["values"]

    def has(self, room: str, name: str) -> bool:
        return (self.root / room / name).exists()

    # Provenance --------------------------------------------------------------------------------

    def provenance(self) -> dict[str, Any]:
        """What a number was made from: code, parameters, data, packages, device, time."""
        data = self.root / "metrics" / "01_datasets.json"
        fingerprint = json.loads(data.read_text())["values"]["fingerprint"] if data.exists() else ""
        return {
            "notebook": self.notebook,
            "commit": _commit(),
            "profile": self.params.profile,
            "seed": self.params.seed,
            "parameters": digest(self.params.model_dump_json()),
            "data": fingerprint,
            "python": platform.python_version(),
            "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
            "device": cores.named(self.params),
            "processor": processor(),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }


@functools.cache
def own_seed(profile: str) -> int:
    """The seed that a profile names; read once: who edits it disturbs no running notebook."""
    return load(profile).seed


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


def digest(text: str | bytes) -> str:
    """Short SHA-256 of a text, for fingerprints."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:16]


@functools.cache
def processor() -> str:
    """The kind of processor: machine, maker, family, model, vector width."""
    kind = [platform.machine()]
    with contextlib.suppress(OSError):  # Linux alone has this file
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
        told = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
        kind += [told[name] for name in ("vendor_id", "cpu family", "model") if name in told]
    return " ".join([*kind, torch.backends.cpu.get_cpu_capability()])


@functools.cache
def _commit() -> str:
    """The commit of the working tree, with `-dirty` where code or params differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--exclude=*"]
    rooms = ["git", "-C", str(ROOT), "status", "--porcelain", "lib", "params", "notebooks"]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        dirty = subprocess.run(rooms, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("-dirty" if dirty else "")
