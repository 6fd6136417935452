"""Bind the executed notebooks of a profile into one site: `python -m workflow.report <profile>`.

Reads `outputs/<profile>/*.ipynb`, writes `outputs/<profile>/report/`. Works offline and executes
nothing. `workflow/site/` holds what browsers get as it is; `workflow/explore.py` makes the data of
the page to play with.
"""

import ast
import re
import shutil
import sys
from collections.abc import Collection
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode
from sphinx.cmd.build import build_main

from lib import params
from lib.workspace import Workspace
from workflow import captions, explore, readme
from workflow.missing_data import TAG
from workflow.pipeline import STEPS, folder_of

CONFIGURATION = """
project = "Interpersonal relation prediction, reproduced"
extensions = ["myst_nb", "sphinx.ext.mathjax", "sphinx-mathjax-offline"]
html_theme = "sphinx_book_theme"
html_title = project
html_context = {"default_mode": "light"}
html_theme_options = {
    "show_toc_level": 2,
    "home_page_in_toc": False,
    "navbar_persistent": [],
    "use_download_button": False,
    "use_fullscreen_button": False,
    "footer_content_items": [],
}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_search_summary = False
html_use_index = False
nb_execution_mode = "off"
nb_merge_streams = True
nb_output_stderr = "remove"
nb_code_prompt_show = "code"
nb_code_prompt_hide = "code"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header", "myst.xref_missing"]
html_copy_source = False
exclude_patterns = ["_build"]
"""

STATIC = Path(__file__).resolve().parent / "site"
# Pages beside the notebooks: file of the repository -> name on the site.
TEXTS = {
    "docs/readings.md": "readings.md",
    "docs/recipes.md": "recipes.md",
    "docs/scaling.md": "scaling.md",
    "docs/licences.md": "licences.md",
    "lib/world/README.md": "world_card.md",
    "lib/data/sources/README.md": "data_card.md",
}
HEROES = {  # the first that a profile has opens the site: file -> words for those who cannot see it
    "fig01*.png": "Two rendered people, their faces, and what five simulated annotators say of "
    "eight relation traits",
    "fig10_polar.png": "Pairs of people, and the probabilities of eight traits of their relation",
    "people_celeba.png": "Rendered people, photographed in the manner of CelebA",
}
NAMES = (
    "*HOG+SVM*: hand-made features and support vector machines. *Baseline DCN*: the network of "
    "stage 1. *DCN+AP*: the same after training on propagated labels as well; the *control* trains "
    "equally long without them. *S-DCN*: the Siamese network for pairs."
)
EQUATION = re.compile(r"\$\$.*?\$\$", re.DOTALL)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
FILE_NAME = re.compile(r"'[\w.]+'")
PROGRESS = ("images/s", "faces judged")  # how lines of training end


def main(profile: str) -> None:
    """Build the site of a profile where its outputs are."""
    build(profile, Path("build", "report", profile), folder_of(profile) / "report")


def build(profile: str, source: Path, site: Path) -> None:
    """Write the pages to `source` and the site to `site`; SystemExit with Sphinx's code if it
    fails.
    """
    shutil.rmtree(source, ignore_errors=True)
    write_sources(profile, source)
    code = build_main(["-q", "-b", "html", str(source), str(source / "_build" / "html")])
    if code:
        sys.exit(code)
    shutil.rmtree(site, ignore_errors=True)
    shutil.move(source / "_build" / "html", site)
    shutil.rmtree(site / ".doctrees", ignore_errors=True)


def write_sources(profile: str, source: Path) -> None:
    """Write what Sphinx reads: pages, styles and scripts, the cover."""
    static = source / "_static"
    static.mkdir(parents=True)
    for name in ("site.css", "site.js"):
        shutil.copy(STATIC / name, static)
    executed = {name: folder_of(profile) / f"{name}.ipynb" for name in STEPS}
    if absent := [name for name, path in executed.items() if not path.exists()]:
        print(f"not run with {profile} yet, so left out: {', '.join(absent)}")
    present = [name for name, path in executed.items() if path.exists()]
    for name in present:
        write_page(executed[name], source, present)
    for text, name in TEXTS.items():
        (source / name).write_text(linked(Path(text).read_text(), text, present))
    work = Workspace(params.load(profile), "report")
    if playable := explore.write(work, static / "explore"):
        for name in ("explore.css", "explore.js"):
            shutil.copy(STATIC / name, static / "explore")
        shutil.copy(STATIC / "explore.md", source)
    (source / "conf.py").write_text(CONFIGURATION)
    (source / "index.md").write_text(cover(profile, present, playable, static))


# Pages of notebooks -------------------------------------------------------------------------------


def write_page(executed: Path, folder: Path, present: Collection[str]) -> None:
    """Copy an executed notebook; of its two cells of parameters, that of papermill is kept.

    One that needed a dataset shows the reason, and the cells that did not run are left out.
    """
    notebook = nbformat.read(executed, as_version=4)
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    ran_with_others = any("injected-parameters" in each for each in tags)
    pages: list[NotebookNode] = []
    for place, (cell, each) in enumerate(zip(notebook.cells, tags, strict=True)):
        if "parameters" in each and ran_with_others:
            continue
        if cell.cell_type == "markdown":
            cell.source = prose(cell.source, present)
        else:
            fold(cell)
            described(cell, captions.caption(notebook.cells, place))
        pages.append(cell)
        if TAG in each:
            break
    notebook.cells = pages
    nbformat.write(notebook, folder / executed.name)


def prose(text: str, present: Collection[str]) -> str:
    """Markdown of a notebook as the site needs it: links to its pages, equations for MathJax.

    Lines of an equation are broken by \\cr: for a double backslash Sphinx uses `split`, in which
    MathJax refuses a \\tag.
    """
    text = EQUATION.sub(lambda found: found[0].replace(r"\\", r"\cr"), text)
    return linked(text, "notebooks/page.ipynb", present)


def linked(text: str, page: str, present: Collection[str]) -> str:
    """Links of a file of the repository turned to pages of the site; other files become plain text.

    page: path of the file within the repository. present: the notebooks that the site has.
    """

    def turned(found: re.Match[str]) -> str:
        words, (target, hash_, anchor) = found[1], found[2].partition("#")
        if "://" in target or not target:
            return found[0]
        path = str(PurePosixPath(*_normal(PurePosixPath(page).parent / target)))
        name = PurePosixPath(path).name
        if PurePosixPath(name).stem in present:
            return f"[{words}]({name}{hash_}{anchor})"
        return f"[{words}]({TEXTS[path]}{hash_}{anchor})" if path in TEXTS else words

    return LINK.sub(turned, text)


def _normal(path: PurePosixPath) -> list[str]:
    """The parts of a path without `..`."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            del parts[-1:]
        else:
            parts.append(part)
    return parts


def fold(cell: NotebookNode) -> None:
    """Decide what of a code cell is shown, by its tags or else by what it does.

    The cell of parameters is shown; cells that import, set up or export are hidden; the code of all
    others is folded, and with it lines of training. What else they print or display is kept, but
    not the name of a written file.
    """
    tags = cell.metadata.setdefault("tags", [])
    cell.outputs = [out for out in cell.outputs if not is_file_name(out)]
    if {"parameters", "injected-parameters"} & set(tags) or any(
        tag.startswith(("remove-", "hide-")) for tag in tags
    ):
        return
    aside = is_aside(cell.source)
    if aside:
        tags.append("remove-input" if cell.outputs else "remove-cell")
        return
    lines = "".join(output.get("text", "?") for output in cell.outputs).splitlines()
    training = bool(lines) and all(line.endswith(PROGRESS) for line in lines)
    tags.append("hide-cell" if training else "hide-input")


def is_file_name(output: NotebookNode) -> bool:
    data = output.get("data", {})
    return list(data) == ["text/plain"] and bool(FILE_NAME.fullmatch(data["text/plain"]))


def is_aside(code: str) -> bool:
    """Whether a cell imports, opens the workspace, or prepares and records results."""
    if any(call in code for call in ("open_notebook(", "work.record(", "results.row", "in_short(")):
        return True
    try:
        return any(isinstance(line, ast.Import | ast.ImportFrom) for line in ast.parse(code).body)
    except SyntaxError:  # a magic or shell line
        return False


def described(cell: NotebookNode, words: str) -> None:
    """Give the pictures of a cell an alternative text, unless it has one."""
    if captions.pictures(cell):
        cell.metadata.setdefault("mystnb", {}).setdefault("image", {}).setdefault("alt", words)


# The cover ----------------------------------------------------------------------------------------


def cover(profile: str, present: list[str], playable: bool, static: Path) -> str:
    """The first page: picture, findings, scoreboard, and the notebooks in order."""
    figures = folder_of(profile) / "figures"
    extra = ["explore"] if playable else []
    trees = [("Notebooks", present), ("Play", extra)]
    trees.append(("Background", [PurePosixPath(name).stem for name in TEXTS.values()]))
    parts = [
        "# From Facial Expression Recognition to Interpersonal Relation Prediction",
        "The paper of Zhang, Luo, Loy and Tang "
        "([arXiv:1609.06426](https://arxiv.org/abs/1609.06426)), reproduced step by step.",
        hero(figures, static),
        f"These pages show the notebooks as they ran with the profile **{profile}**, of which its "
        f"file says:\n\n> {remarks(profile)}",
        *findings(profile, figures, static),
        "## Explore\n\nHow do labels reach a face that lacks them? "
        "[Click through some of the faces](explore.md)."
        if playable
        else "",
        "## The notebooks\n\nMinutes of one core; two cores run several notebooks side by side.\n\n"
        + linked(readme.notebooks(profile), "README.md", present),
        *(toctree(caption, pages) for caption, pages in trees if pages),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def remarks(profile: str) -> str:
    """What the comment at the top of a profile says about it."""
    lines = (params.FOLDER / f"{profile}.yaml").read_text().splitlines()
    comments = [line for line in lines if line.strip()]
    first = next((i for i, line in enumerate(comments) if line[0] != "#"), len(comments))
    return " ".join(line.lstrip("# ") for line in comments[:first])


def hero(figures: Path, static: Path) -> str:
    """The picture that opens the site; empty where a profile has none yet."""
    for pattern, words in HEROES.items():
        for picture in sorted(figures.glob(pattern)):
            shutil.copy(picture, static / "hero.png")
            image = f"```{{image}} _static/hero.png\n:alt: {words}\n:class: hero\n```"
            return f"{image}\n\n*{words}.*"
    return ""


def findings(profile: str, figures: Path, static: Path) -> list[str]:
    """Headline numbers beside the paper's, and the scoreboard; nothing before notebook 14 ran."""
    if not (figures / "scoreboard.png").exists():
        return []
    shutil.copy(figures / "scoreboard.png", static / "scoreboard.png")
    words = (
        "The paper's claims as differences in percentage points, with our estimates and verdicts"
    )
    return [
        "## What came out",
        readme.results(profile),
        NAMES,
        readme.found(profile),
        "## Scoreboard",
        readme.scoreboard(profile)
        + " Every test has its row in [14](14_scoreboard.ipynb); the picture shows those that are "
        "differences in percentage points. A diamond is the paper's difference; an arrow points to "
        "what lies beyond the picture.",
        f"```{{image}} _static/scoreboard.png\n:alt: {words}\n```",
    ]


def toctree(caption: str, pages: list[str]) -> str:
    listed = "\n".join(pages)
    return f"```{{toctree}}\n:maxdepth: 1\n:hidden:\n:caption: {caption}\n\n{listed}\n```"


if __name__ == "__main__":
    main(*sys.argv[1:])
