"""A profile, `params/<profile>.yaml`, with overrides: read and checked before anything runs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lib.params.reading import explain, leaves, mapping, merge, read, tuples
from lib.params.sections import Params

FOLDER = Path(__file__).resolve().parents[2] / "params"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*")  # of a profile


def load(
    profile: str, overrides: Mapping[str, Any] | str | None = None, seed: int | None = None
) -> Params:
    """Read and check a profile.

    Parameters
    ----------
    profile
        Name of a file in `params/` without suffix.
    overrides
        Single values by dotted key, e.g. `{"stage1.epochs": 2}`, or whole nested parts, e.g.
        `{"stage1": {"epochs": 2}}`; or the same as text, in YAML or JSON.
    seed
        Replaces the profile's, unless the overrides hold another.

    Raises
    ------
    ValueError
        Names the file or the override, the key, the value and what to do.
    """
    values = read(_file(str(profile)))
    own = _checked(values, profile, str(FOLDER / f"{profile}.yaml"))
    given = dict(leaves(mapping(overrides)))
    if seed is not None and "seed" not in given:
        given["seed"] = seed
    if not given:
        return own
    where = f"override of the profile {str(profile)!r}"
    for key, value in given.items():
        try:
            merge(values, key.split("."), value)
        except ValueError as error:
            raise ValueError(f"{where}: {key}: {error}") from None
    return _checked(values, profile, where)


def profiles() -> list[str]:
    """Names of the profiles that exist."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def _file(profile: str) -> Path:
    path = FOLDER / f"{profile}.yaml"
    if not NAME.fullmatch(profile) or not path.is_file():
        raise ValueError(
            f"no profile {profile!r}: {path} does not exist; use one of {', '.join(profiles())} "
            "(papermill's -p reads 007 as a number, its -r as text)"
        )
    return path


def _checked(values: dict[str, Any], profile: str, where: str) -> Params:
    try:
        return Params.model_validate(tuples({**values, "profile": str(profile)}))
    except ValidationError as error:
        raise ValueError(explain(where, error, Params)) from None
