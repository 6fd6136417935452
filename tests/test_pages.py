"""The README, the pages that link to files, and what the site shows of a notebook."""

from pathlib import Path

import nbformat
import pytest

from workflow import readme, report

ROOT = Path(__file__).resolve().parent.parent


def test_a_field_of_a_first_page_fits_into_one_cell_of_a_table():
    page = "**Question**: can labels be\ninferred from [others](01_datasets.ipynb), or | not?\n\n"
    page += "**Reads**: `artifacts/01_faces`.\n"
    assert readme.field(page, "Question") == "can labels be inferred from others, or \\| not?"
    assert readme.field(page, "Reads") == "`artifacts/01_faces`."


def test_the_places_in_the_paper_are_found():
    paper = 'Section 6.1, Table 8, Figures 9 and 10; Equations 2 to 14; "12 pictures".'
    assert readme.items(paper) == "Table 8, Figs. 9 and 10, Eqns. 2 to 14"


@pytest.mark.parametrize("page", readme.PAGES)
def test_a_readme_shows_the_outputs_as_they_are(page):
    assert readme.written(page) == (ROOT / page).read_text(), "run `python -m workflow.readme`"


def test_the_readme_is_short():
    assert (ROOT / "README.md").stat().st_size <= 9 * 1024


DOCS = ("CONTRIBUTING.md", "docs/readings.md", "docs/scaling.md", "lib/README.md")


@pytest.mark.parametrize("page", (*DOCS, *readme.PAGES))
def test_a_page_links_to_files_that_exist(page):
    path = ROOT / page
    targets = [link.split(")")[0].split("#")[0] for link in path.read_text().split("](")[1:]]
    local = [target for target in targets if target and not target.startswith("http")]
    assert [target for target in local if not (path.parent / target).exists()] == []


def test_the_cover_quotes_the_header_of_the_profile():
    assert "its numbers mean little" in report.remarks("smoke")


def test_a_numbered_equation_of_several_lines_can_be_set(tmp_path):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_markdown_cell(r"a \\ b $$x \\ y \tag{1}$$")]
    nbformat.write(notebook, tmp_path / "executed.ipynb")
    (tmp_path / "site").mkdir()
    report.write_page(tmp_path / "executed.ipynb", tmp_path / "site", ())
    page = nbformat.read(tmp_path / "site" / "executed.ipynb", as_version=4)
    assert page.cells[0].source == r"a \\ b $$x \cr y \tag{1}$$"


def test_a_page_shows_the_parameters_it_ran_with(tmp_path):
    written, put_in = (nbformat.v4.new_code_cell(f'profile = "{name}"') for name in ("one", "two"))
    written.metadata["tags"], put_in.metadata["tags"] = ["parameters"], ["injected-parameters"]
    for cells, shown in (([written, put_in], put_in), ([written], written)):
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "executed.ipynb")
        (tmp_path / "site").mkdir(exist_ok=True)
        report.write_page(tmp_path / "executed.ipynb", tmp_path / "site", ())
        page = nbformat.read(tmp_path / "site" / "executed.ipynb", as_version=4)
        assert [cell.source for cell in page.cells] == [shown.source]
