"""Which files of `lib` a notebook or a module imports, and a digest of their code."""

import ast
import json
from pathlib import Path

from lib.workspace.provenance import digest

ROOT = Path(__file__).resolve().parent.parent
ASIDE = ("params", "workspace")  # packages whose code decides no speed


def behind(path: str | Path) -> set[Path]:
    """The files of lib/ that a notebook or module imports, directly or through another.

    path: relative to the project root, as are the paths returned.
    """
    found: set[Path] = set()
    waiting = [Path(path)]
    while waiting:
        new = _imported(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def code(path: str | Path) -> str:
    """Digest of the code of the packages of lib/ that a module imports, without docstrings,
    comments, layout and the import statements themselves. Parameters and paths are left out.
    """
    files = sorted(file for file in behind(path) if file.parts[1:-1] and file.parts[1] not in ASIDE)
    return digest("\n".join(_stripped((ROOT / file).read_text()) for file in files))


def _stripped(source: str) -> str:
    """The syntax tree of a module without its docstrings and imports, as text."""
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(node, Documented):
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = body[1:]
    return ast.dump(tree)


Documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _imported(path: Path) -> set[Path]:
    """The files of lib/ that one notebook or module names in its imports."""
    text = (ROOT / path).read_text()
    if path.suffix == ".ipynb":
        cells = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")
        text = "\n".join("".join(cell["source"]) for cell in cells)
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {file for name in names for file in _files(name)}


def _files(name: str) -> set[Path]:
    """The file of a module of lib and those of the packages around it; none for other modules."""
    if not name.startswith("lib."):
        return set()
    stem = Path(*name.split("."))
    files = {stem.with_suffix(".py"), stem / "__init__.py"}
    files |= {parent / "__init__.py" for parent in stem.parents}
    return {file for file in files if (ROOT / file).is_file()}
