"""What people write: YAML files of a profile, overrides; and what is wrong with them, in words."""

import difflib
from collections.abc import Collection, Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


class _Unique(yaml.SafeLoader):
    """YAML in which no key may occur twice in one place."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for name, _ in node.value:
            key = self.construct_object(name, deep=True)
            if isinstance(key, Hashable) and key in seen and key != "<<":
                line = name.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: the key {key!r} is there twice; keep one")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file."""
    try:
        values = _parsed(path.read_text(encoding="utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 ({error.reason}): save it as UTF-8") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    if "profile" in values:
        raise ValueError(f"{path}: profile: the file's name is the profile's; remove this key")
    return values


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        values = yaml.load(text, Loader=_Unique) or {}
        tuples(values)
    except yaml.YAMLError as error:
        raise ValueError(f"{where}: not valid YAML: {error}") from None
    except RecursionError:
        raise ValueError(f"{where}: a part of it contains itself; write it out") from None
    if not isinstance(values, dict):
        raise ValueError(f"{where}: must hold keys and values, found {type(values).__name__}")
    return values


def mapping(overrides: Mapping[str, Any] | str | None) -> Mapping[str, Any]:
    """Overrides as they are given: none, keys and values, or these as text."""
    if isinstance(overrides, str):
        return _parsed(overrides, f"overrides {overrides!r}")
    if overrides is not None and not isinstance(overrides, Mapping):
        raise ValueError(f'overrides {overrides!r}: write keys and values, {{"stage1.epochs": 2}}')
    return overrides or {}


def leaves(overrides: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Single values by dotted key; ValueError where one is given twice."""
    seen: set[str] = set()
    for key, value in overrides.items():
        if not isinstance(key, str):
            raise ValueError(f"override {above}{key!r}: a key is text, e.g. 'stage1.epochs'")
        if above + key == "profile":
            raise ValueError("override profile: open the notebook with that profile instead")
        nested = isinstance(value, Mapping) and value
        for name, leaf in leaves(value, f"{above}{key}.") if nested else [(above + key, value)]:
            if name in seen:
                raise ValueError(f"override {name}: it is given twice; keep one")
            seen.add(name)
            yield name, leaf


def merge(values: dict, keys: list[str], value: Any) -> None:
    """Set one value in nested ones; ValueError where a key above it holds a single value."""
    for place, key in enumerate(keys[:-1], 1):
        if values.get(key) is None:
            values[key] = {}
        values = values[key]
        if not isinstance(values, dict):
            above = ".".join(keys[:place])
            raise ValueError(f"{above} = {values!r} has no keys below it; override {above} itself")
    values[keys[-1]] = value


def tuples(value: Any) -> Any:
    """YAML lists as tuples, so that strict checking accepts them and profiles stay hashable."""
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return tuple(tuples(item) for item in value) if isinstance(value, list) else value


def explain(where: str, error: ValidationError, model: type[BaseModel]) -> str:
    """What is wrong with values, a line for each: key, value, what to do."""
    lines = [f"{where}: {error.error_count()} wrong value(s)"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "together"
        value = "" if isinstance(problem["input"], dict) else f" = {problem['input']!r:.80}"
        lines.append(f"  {key}{value}: {_advice(problem, model)}")
    return "\n".join(lines)


def _advice(problem: ErrorDetails, model: type[BaseModel]) -> str:
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(problem["loc"][-1]), _keys(model), n=1)
        return "unknown key" + (f"; did you mean {close[0]!r}?" if close else "; remove it")
    if isinstance(problem["input"], str) and problem["type"].startswith(("float", "int")):
        return f"{problem['msg']}; YAML reads 1e-3 as text, write 1.0e-3, and no quotes"
    return problem["msg"].removeprefix("Value error, ")


def _keys(model: type[BaseModel]) -> set[str]:
    keys = set(model.model_fields)
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys |= _keys(field.annotation)
    return keys


def changed(
    before: BaseModel, after: BaseModel, *, leave_out: Collection[str] = (), above: str = ""
) -> dict[str, Any]:
    """The values of `after` that `before` has otherwise, by dotted key; tuples as lists."""
    found: dict[str, Any] = {}
    for name in type(after).model_fields:
        one, two = getattr(before, name), getattr(after, name)
        if name in leave_out or one == two:
            continue
        if isinstance(one, BaseModel) and isinstance(two, BaseModel):
            found |= changed(one, two, above=f"{above}{name}.")
        else:
            found[f"{above}{name}"] = list(two) if isinstance(two, tuple) else two
    return found
