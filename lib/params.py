"""Typed profiles: `params/<profile>.yaml` -> `Params`, checked before anything runs.

The defaults below are the paper's own settings (section in the comment) wherever it gives one.
A profile states only where it differs. Unknown keys, wrong types and impossible values raise an
error that names the file, the key, the value and what to do.
"""

import difflib
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

FOLDER = Path(__file__).resolve().parent.parent / "params"

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Origin = Literal["world", "real", "found", "auto", "absent"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SourceParams(Section):
    """One dataset and where it comes from.

    origin: `world` for rendered faces; `real` for the files under `data.root`, an error if they are
    not there; `found` for the real files, left out if they are not there; `auto` for the real
    files, rendered faces if they are not there; `absent` to leave the dataset out.
    """

    origin: Origin = "world"
    train: Count = 0  # faces, pairs or (CK+) subjects; of a real set 0 means all
    test: Count = 0  # at most so many of real AFLW, CelebA, ExpW; other real sets have their own


class DataParams(Section):
    """The datasets and how their pictures are stored."""

    root: str = "data"  # folder of the real datasets, relative to the project
    size: Positive = 256  # px, stored crops; training cuts a random window of `model.size`
    manifests: tuple[str, ...] = ()  # CSV lists of the user's own faces, added to training
    yaw_bins: tuple[float, float, float, float] = (-60.0, -20.0, 20.0, 60.0)  # degrees
    yaw_sign: Literal[1, -1] = -1  # -1: AFLW's positive yaw turns to the picture's left; 1: right
    relation_columns: tuple[str, ...] = ()  # order of the eight trait columns of a partial copy
    calibration_faces: Annotated[int, Field(ge=60)] = 1500  # of each source, notebook 01b
    movie_list: str = ""  # file with one image name per line: the movie subset of Table 11
    aflw: SourceParams = SourceParams(train=23_386, test=1_000)  # Section 6.1
    celeba: SourceParams = SourceParams(train=199_599, test=3_000)
    expw: SourceParams = SourceParams(train=90_393, test=1_400)
    sfew: SourceParams = SourceParams(train=891, test=431)
    ckplus: SourceParams = SourceParams(train=118)
    relation: SourceParams = SourceParams(train=7_226, test=790)  # Table 10

    @model_validator(mode="after")
    def _bins_ascend(self) -> "DataParams":
        if list(self.yaw_bins) != sorted(set(self.yaw_bins)):
            raise ValueError("yaw_bins must ascend, e.g. [-60, -20, 20, 60]")
        return self


class ModelParams(Section):
    """Batch-Normalized Inception (Section 4.2); smaller width and size run on a CPU."""

    size: Positive = 224  # px, network input
    width: Rate = 1.0
    features: Positive = 1024
    trunk: str = "bn_inception"  # or a torchvision classification network, e.g. "resnet18"


class TrainParams(Section):
    """One training stage (Section 6.1, "Implementation")."""

    epochs: Count = 30
    batch: Annotated[int, Field(ge=2)] = 32  # batch normalisation needs two samples
    rate: Rate = 0.001
    momentum: Share = 0.9
    weight_decay: Weight = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Share = 0.0  # share of all steps during which the rate rises
    average: Share = 0.0  # decay of the exponential moving average of weights; 0 = none
    translate: Share = 0.1  # random translation, share of the input size
    mirror: bool = True


class PropagationParams(Section):
    """Algorithm 2 and its variants; the first of each is the paper's, taken literally.

    Notebook 03 compares several and, with `choice: held-out`, later notebooks use the best one
    (`lib.experiments.variants`).
    """

    choice: Literal["held-out", "given"] = "held-out"  # given: the values below
    neighbours: Positive = 10  # h, Section 4.3
    symmetric: bool = False  # false: each face's own list; true: incoming edges count too
    covariance: Annotated[str, Field(pattern=r"^(full|shared|diagonal|pca-[1-9]\d*)$")] = "full"
    shrinkage: Literal["ledoit-wolf"] | Share = "ledoit-wolf"
    unary_weight: Weight = 1.0  # times the Gaussian term of Eqn. 4
    prior_weight: Weight = 1.0  # times the co-occurrence term of Eqn. 4
    pairwise_weight: Weight = 1.0  # times the term of Eqn. 6
    sample: bool = True  # true: labels sampled from the posterior (Eqn. 12); false: mean field
    tolerance: Rate = 1.0e-3  # mean absolute change of the posterior
    max_iterations: Positive = 30


class AlternationParams(Section):
    """Stage 2 of Algorithm 1."""

    iterations: Positive = 10  # M
    targets: Literal["hard", "soft"] = "hard"  # pseudo labels or the posterior itself
    pseudo_weight: Share = 1.0  # weight of a pseudo label beside a true one in the loss
    refine: TrainParams = TrainParams(epochs=1)


class RelationParams(Section):
    """The Siamese network (Section 5)."""

    shared: Positive = 256  # dimension of x_g
    decay: Literal["map"] | Weight = "map"  # weight decay; map: as in Eqn. 17
    train: TrainParams = TrainParams(epochs=10)
    pretrain: TrainParams = TrainParams(epochs=10)  # the DCNs of one attribute group each


class EvaluationParams(Section):
    """How results are estimated."""

    bootstrap: Positive = 1000  # resamples for each 95 % interval
    finetune: TrainParams = TrainParams(epochs=10)  # SFEW and CK+ fine-tuning
    folds: Annotated[int, Field(ge=2)] = 10  # CK+
    clips: Annotated[int, Field(ge=2)] = 8  # of two people each, for the intervals of Fig. 11


class BeyondParams(Section):
    """What notebook 17 varies beyond the paper."""

    label_shares: tuple[Share, ...] = (0.1, 0.3)  # of the people whose labels are kept
    label_noise: tuple[Share, ...] = (0.1, 0.2, 0.3)  # of the labels that are inverted
    neighbours: tuple[Positive, ...] = (3, 10, 30)  # h
    rounds: Positive = 10  # of propagation and refinement for each share of labels
    trunk: str = "mobilenet_v3_small"  # of torchvision, compared with BN-Inception; or none


class Params(Section):
    """A whole profile."""

    profile: str
    seed: Count = 0
    seeds: Positive = 1  # seed, seed + 1, ...: trained again with each; intervals over seeds
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    devices: Positive = 1  # processes on this machine
    nodes: Positive = 1
    data: DataParams = DataParams()
    model: ModelParams = ModelParams()
    stage1: TrainParams = TrainParams()
    propagation: PropagationParams = PropagationParams()
    stage2: AlternationParams = AlternationParams()
    relation: RelationParams = RelationParams()
    evaluation: EvaluationParams = EvaluationParams()
    beyond: BeyondParams = BeyondParams()

    @model_validator(mode="after")
    def _crop_fits(self) -> "Params":
        if self.model.size > self.data.size:
            raise ValueError(
                f"model.size {self.model.size} exceeds data.size {self.data.size}: "
                "raise data.size or lower model.size"
            )
        return self


def load(profile: str, overrides: dict[str, Any] | None = None) -> Params:
    """Read and check a profile.

    `overrides` replaces single values by dotted key, e.g. `{"stage1.epochs": 2}`, or whole
    nested parts, e.g. `{"stage1": {"epochs": 2}}`.

    Raises ValueError that names the file, the key, the value and what to do.
    """
    path = FOLDER / f"{profile}.yaml"
    if not path.is_file():
        known = ", ".join(profiles())
        raise ValueError(f"no profile {profile!r}: {path} does not exist; use one of {known}")
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: must hold keys and values, found {type(values).__name__}")
    for key, value in (overrides or {}).items():
        try:
            _merge(values, key.split("."), value)
        except ValueError as error:
            raise ValueError(f"{path}: {key}: {error}") from None
    try:
        return Params.model_validate(_tuples({"profile": profile, **values}))
    except ValidationError as error:
        raise ValueError(_explain(path, error)) from None


def profiles() -> list[str]:
    """Names of the profiles that exist."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def _merge(values: dict, keys: list[str], value: Any) -> None:
    for place, key in enumerate(keys[:-1], 1):
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            above = ".".join(keys[:place])
            raise ValueError(f"{above} = {values!r} has no keys below it; override {above} itself")
    if isinstance(value, dict) and isinstance(values.get(keys[-1]), dict):
        for inner, item in value.items():
            _merge(values[keys[-1]], [inner], item)
    else:
        values[keys[-1]] = value


def _tuples(value: Any) -> Any:
    """YAML lists as tuples, so that strict checking accepts them and profiles stay hashable."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _explain(path: Path, error: ValidationError) -> str:
    lines = [f"{path}: {error.error_count()} wrong value(s)"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        value = "" if isinstance(problem["input"], dict) else f" = {problem['input']!r}"
        lines.append(f"  {key}{value}: {_advice(problem)}")
    return "\n".join(lines)


def _advice(problem: ErrorDetails) -> str:
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(problem["loc"][-1]), _keys(Params), n=1)
        return "unknown key" + (f"; did you mean {close[0]!r}?" if close else "; remove it")
    if isinstance(problem["input"], str) and problem["type"].startswith(("float", "int")):
        return f"{problem['msg']}; YAML reads 1e-3 as text, write 1.0e-3, and no quotes"
    return problem["msg"]


def _keys(model: type[BaseModel]) -> set[str]:
    keys = set(model.model_fields)
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys |= _keys(field.annotation)
    return keys


if __name__ == "__main__":  # python -m lib.params <profile>: check it before anything runs
    try:
        load(sys.argv[1])
    except ValueError as mistake:
        sys.exit(str(mistake))
