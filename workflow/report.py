"""Bind the executed notebooks of a profile into one site: `python -m workflow.report <profile>`.

Reads `outputs/<profile>/*.ipynb`, writes `outputs/<profile>/report/`. Works offline and executes
nothing.
"""

import re
import shutil
import sys
from pathlib import Path

import nbformat
from sphinx.cmd.build import build_main

from lib import params
from workflow.missing_data import TAG
from workflow.pipeline import STEPS

CONFIGURATION = """
project = "Interpersonal relation prediction, reproduced"
extensions = ["myst_nb", "sphinx.ext.mathjax", "sphinx-mathjax-offline"]
html_theme = "sphinx_book_theme"
html_title = project
html_theme_options = {
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "footer_content_items": [],
}
html_static_path = ["_static"]
html_css_files = ["tables.css"]
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header", "myst.xref_missing"]
html_copy_source = False
exclude_patterns = ["_build"]
"""

EQUATION = re.compile(r"\$\$.*?\$\$", re.DOTALL)
TABLES = """\
div.cell_output table { font-size: 0.9em; }
div.cell_output th, div.cell_output td { padding: 0.15em 0.45em; text-align: left; }
div.cell_output thead th { vertical-align: bottom; }
"""


def main(profile: str) -> None:
    """Build the site; SystemExit with Sphinx's code if it fails."""
    source, site = Path("build", "report", profile), Path("outputs", profile, "report")
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    for name in STEPS:
        write_page(Path("outputs", profile, f"{name}.ipynb"), source)
    (source / "conf.py").write_text(CONFIGURATION)
    (source / "index.md").write_text(cover(profile))
    (source / "_static").mkdir()
    (source / "_static" / "tables.css").write_text(TABLES)
    code = build_main(["-q", "-b", "html", str(source), str(source / "_build" / "html")])
    if code:
        sys.exit(code)
    shutil.rmtree(site, ignore_errors=True)
    shutil.move(source / "_build" / "html", site)


def write_page(executed: Path, folder: Path) -> None:
    """Copy an executed notebook; of its two cells of parameters, that of papermill is kept.

    Lines of an equation are broken by \\cr: for a double backslash Sphinx uses `split`, in which
    MathJax refuses a \\tag.

    One that needed a dataset shows the reason, and the cells that did not run are left out.
    """
    notebook = nbformat.read(executed, as_version=4)
    pages = []
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    ran_with_others = any("injected-parameters" in each for each in tags)
    for cell, each in zip(notebook.cells, tags, strict=True):
        if "parameters" in each and ran_with_others:
            continue
        if cell.cell_type == "markdown":
            cell.source = EQUATION.sub(lambda found: found[0].replace(r"\\", r"\cr"), cell.source)
        pages.append(cell)
        if TAG in each:
            break
    notebook.cells = pages
    nbformat.write(notebook, folder / executed.name)


def cover(profile: str) -> str:
    """The first page: what the site shows, with which profile, and the notebooks in order."""
    notes = []
    for line in (params.FOLDER / f"{profile}.yaml").read_text().splitlines():
        if not line.startswith("#"):
            break
        notes.append(line.lstrip("# "))
    pages = "\n".join(STEPS)
    return f"""# From Facial Expression Recognition to Interpersonal Relation Prediction

The paper of Zhang, Luo, Loy and Tang, reproduced step by step. This site shows the notebooks as
they ran with the profile **{profile}**: {" ".join(notes)}

```{{toctree}}
:maxdepth: 1
{pages}
```
"""


if __name__ == "__main__":
    main(*sys.argv[1:])
