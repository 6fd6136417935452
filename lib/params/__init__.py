"""Typed profiles: `params/<profile>.yaml` -> `Params`.

`reading` holds what people write, YAML and overrides, and what is wrong with them; `sections` the
values of a profile, with the paper's own as defaults; `profile` reads and checks one. Unknown keys,
wrong types and impossible values raise an error that names the file, the key, the value and what to
do. Imports nothing of lib.
"""

from lib.params.profile import FOLDER, load, profiles
from lib.params.sections import (
    AlternationParams,
    BeyondParams,
    DataParams,
    EvaluationParams,
    ModelParams,
    Params,
    PropagationParams,
    RelationParams,
    SourceParams,
    TrainParams,
)

__all__ = [
    "FOLDER",
    "AlternationParams",
    "BeyondParams",
    "DataParams",
    "EvaluationParams",
    "ModelParams",
    "Params",
    "PropagationParams",
    "RelationParams",
    "SourceParams",
    "TrainParams",
    "load",
    "profiles",
]
