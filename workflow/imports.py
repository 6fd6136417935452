"""Which files of `lib` a notebook or a module imports."""

import ast
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def behind(path: str | Path) -> set[Path]:
    """The files of lib/ that a notebook or module imports, directly or through another.

    path: from the project's root, as the paths returned.
    """
    found: set[Path] = set()
    waiting = [Path(path)]
    while waiting:
        new = _imported(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def of_module(name: str) -> set[Path]:
    """The file of a module of `lib` and those behind it; none for a module from elsewhere."""
    return {file for each in _files(name) for file in (each, *behind(each))}


def _imported(path: Path) -> set[Path]:
    """The files of lib/ that one notebook or module names in its imports."""
    text = (ROOT / path).read_text()
    if path.suffix == ".ipynb":
        code = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")
        text = "\n".join("".join(cell["source"]) for cell in code)
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {file for name in names for file in _files(name)}


def _files(name: str) -> set[Path]:
    stem = Path(*name.split("."))
    files = (stem.with_suffix(".py"), stem / "__init__.py")
    return {file for file in files if name.startswith("lib.") and (ROOT / file).is_file()}
