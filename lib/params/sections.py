"""The sections of a profile, typed, with their limits.

The defaults are the paper's own settings (section in the comment) wherever it gives one. A profile
states only where it differs.
"""

import difflib
import importlib
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

STORED_BYTES = 1 << 46  # no disk holds more crops
STEP_BYTES = 1 << 36  # no machine has more memory for the pictures of one step


def _network(name: str) -> str:
    """The name of a network that exists."""
    if name in ("bn_inception", "bn_inception_small"):
        return name
    models = importlib.import_module("torchvision.models")  # takes seconds, and is seldom needed
    known = models.list_models(module=models)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        raise ValueError(
            "no such network; use bn_inception or a classifier of torchvision"
            + (f", e.g. {close[0]!r}" if close else "")
        )
    return name


Count = Annotated[int, Field(ge=0, le=10**8)]
Positive = Annotated[int, Field(ge=1, le=10**6)]
Side = Annotated[int, Field(ge=1, le=4096)]  # px
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Wide = Annotated[int, Field(ge=1, le=65_536)]  # dimension of features
Network = Annotated[str, AfterValidator(_network)]
Compared = Annotated[str, AfterValidator(lambda name: name if name == "none" else _network(name))]
Rate = Annotated[float, Field(gt=0)]  # no field may be infinite
Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Origin = Literal["world", "real", "found", "auto", "absent"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


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
    size: Side = 256  # px, stored crops; training cuts a random window of `model.size`
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

    @model_validator(mode="after")
    def _crops_fit(self) -> "DataParams":
        sources = (self.aflw, self.celeba, self.expw, self.sfew, self.ckplus, self.relation)
        count = sum(source.train + source.test for source in sources)
        if count * 3 * self.size**2 > STORED_BYTES:
            raise ValueError(
                f"{count:,} crops of {self.size} px take {count * 3 * self.size**2 / 1e12:,.0f} x "
                "10^12 bytes of crops: lower size or the numbers of faces"
            )
        return self


class ModelParams(Section):
    """Batch-Normalized Inception (Section 4.2); smaller width and size run on a CPU."""

    size: Side = 224  # px, network input
    width: Annotated[float, Field(gt=0, le=32)] = 1.0
    features: Wide = 1024
    trunk: Network = "bn_inception"  # _small: for small inputs; or one of torchvision


class TrainParams(Section):
    """One training stage (Section 6.1, "Implementation")."""

    epochs: Count = 30
    steps: Count = 0  # of an epoch at most, on random samples; 0: every sample once
    batch: Annotated[int, Field(ge=2, le=10**6)] = 32  # batch normalisation needs two samples
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

    Notebook 03b compares several and, with `choice: held-out`, later notebooks use the best one
    (`lib.experiments.variants`). `potentials: fitted` is ours (`lib.propagation.fitted`).
    """

    choice: Literal["held-out", "given"] = "held-out"  # given: the values below
    neighbours: Positive = 10  # h, Section 4.3
    symmetric: bool = False  # false: each face's own list; true: incoming edges count too
    covariance: Annotated[str, Field(pattern=r"^(full|shared|diagonal|pca-[1-9]\d*)$")] = "full"
    shrinkage: Literal["ledoit-wolf"] | Share = "ledoit-wolf"
    unary_weight: Weight = 1.0  # times the Gaussian term of Eqn. 4
    prior_weight: Weight = 1.0  # times the co-occurrence term of Eqn. 4
    pairwise_weight: Weight = 1.0  # times the term of Eqn. 6
    class_prior: Literal["none", "frequency"] = "none"  # frequency: rare attributes are unlikely
    potentials: Literal["assumed", "fitted"] = "assumed"  # fitted: weights from held-out labels
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

    shared: Wide = 256  # dimension of x_g
    decay: Literal["map"] | Weight = "map"  # weight decay; map: as in Eqn. 17
    train: TrainParams = TrainParams(epochs=10)
    pretrain: TrainParams = TrainParams(epochs=10)  # the DCNs of one attribute group each


class EvaluationParams(Section):
    """How results are estimated."""

    bootstrap: Positive = 1000  # resamples for each 95 % interval
    finetune: TrainParams = TrainParams(epochs=10)  # SFEW and CK+ fine-tuning
    folds: Annotated[int, Field(ge=2, le=1000)] = 10  # CK+
    clips: Annotated[int, Field(ge=2)] = 8  # of two people each, for the intervals of Fig. 11
    learning_curve: tuple[Positive, ...] = ()  # numbers of training faces, beside all; notebook 02b


class BeyondParams(Section):
    """What notebook 17 varies beyond the paper."""

    label_shares: tuple[Share, ...] = (0.1, 0.3)  # of the people whose labels are kept
    label_noise: tuple[Share, ...] = (0.1, 0.2, 0.3)  # of the labels that are inverted
    neighbours: tuple[Positive, ...] = (3, 10, 30)  # h
    rounds: Positive = 10  # of propagation and refinement for each share of labels
    trunk: Compared = "mobilenet_v3_small"  # of torchvision, compared with BN-Inception; or none


class Params(Section):
    """A whole profile."""

    profile: str
    seed: Seed = 0
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

    @model_validator(mode="after")
    def _step_fits(self) -> "Params":
        parts = {
            "stage1": self.stage1,
            "stage2.refine": self.stage2.refine,
            "relation.train": self.relation.train,
            "relation.pretrain": self.relation.pretrain,
            "evaluation.finetune": self.evaluation.finetune,
        }
        for name, part in parts.items():
            # float32 pictures, and the first layer's maps: a quarter of the pixels, 64 x width
            bytes_each = 4 * self.model.size**2 * (3 + 16 * self.model.width)
            if part.batch * bytes_each > STEP_BYTES:
                raise ValueError(
                    f"{name}.batch {part.batch} of {self.model.size} px needs more than "
                    f"{part.batch * bytes_each / 1e9:.0f} GB for one step: lower it or model.size"
                )
        return self
