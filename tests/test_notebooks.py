"""The notebooks keep their rules, and the executed copies belong to their sources."""

import ast
import json
import re
from pathlib import Path
from statistics import median

import nbformat
import pytest

from lib.evaluation import claims
from lib.params import Params
from workflow import prose
from workflow.pipeline import BY_NUMBER, SCOREBOARD, SHARED, STEPS

ROOT = Path(__file__).resolve().parent.parent
COMMITTED = ("smoke", "default")
EXECUTED = [(profile, name) for profile in COMMITTED for name in STEPS]


def cells(path: Path, kind: str | None = None) -> list[nbformat.NotebookNode]:
    """The cells of one kind, without the one that papermill adds."""
    return [
        cell
        for cell in nbformat.read(path, as_version=4).cells
        if kind in (None, cell.cell_type)
        and "injected-parameters" not in cell.metadata.get("tags", [])
    ]


def source(name: str) -> Path:
    return ROOT / "notebooks" / f"{name}.ipynb"


def executed(profile: str, name: str) -> Path:
    return ROOT / "outputs" / profile / f"{name}.ipynb"


def test_the_pipeline_lists_every_notebook_once():
    assert sorted(STEPS) == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert list(STEPS) == sorted(STEPS)


@pytest.mark.parametrize("name", STEPS)
def test_what_a_notebook_needs_comes_before_it(name):
    assert all(BY_NUMBER[number] < name for number in STEPS[name].needs)


def earlier(name: str) -> set[str]:
    """Numbers of the notebooks that a notebook needs, directly or through another."""
    needs = STEPS[name].needs
    return set(needs).union(*(earlier(BY_NUMBER[number]) for number in needs))


@pytest.mark.parametrize("name", STEPS)
def test_a_notebook_needs_those_whose_artifacts_it_reads(name):
    code = "\n".join(cell.source for cell in cells(source(name), "code"))
    assert set(re.findall(r"[\"'](\d\d[a-z]?)_\w+", code)) <= {
        *earlier(name),
        name.partition("_")[0],
    }


def test_the_scoreboard_needs_the_notebooks_of_all_claims():
    numbers = {claim.notebook.partition("_")[0] for claim in claims.claims()}
    assert numbers <= earlier(SCOREBOARD)


@pytest.mark.parametrize("claim", claims.claims(), ids=lambda claim: claim.quote[:40])
def test_a_claim_names_a_section_of_its_notebook(claim):
    words = "\n".join(cell.source for cell in cells(source(claim.notebook), "markdown"))
    assert re.search(rf"^#+ {re.escape(claim.where)}$", words, re.MULTILINE)


@pytest.mark.parametrize("name", STEPS)
def test_sources_have_no_outputs(name):
    assert not any(cell.outputs or cell.execution_count for cell in cells(source(name), "code"))


@pytest.mark.parametrize("name", STEPS)
def test_there_is_one_parameters_cell(name):
    tagged = [c for c in cells(source(name)) if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0].source == 'profile = "default"\nseed = 0\noverrides = {}'
    assert nbformat.read(source(name), as_version=4).metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("name", STEPS)
def test_profile_seed_and_overrides_are_read_by_open_notebook_alone(name):
    """So that one seed counts: that of `work.params`."""
    code = [c.source for c in cells(source(name), "code") if not c.metadata.get("tags")]
    nodes = [node for text in code for node in ast.walk(ast.parse(text))]
    calls = [n for n in nodes if isinstance(n, ast.Call) and "open_notebook" in ast.unparse(n.func)]
    assert len(calls) == 1
    allowed = {id(node) for node in ast.walk(calls[0])}
    names = [n for n in nodes if isinstance(n, ast.Name) and id(n) not in allowed]
    assert {n.id for n in names}.isdisjoint({"profile", "seed", "overrides"})
    assert f'"{name}"' in ast.unparse(calls[0]).replace("'", '"')


@pytest.mark.parametrize("name", STEPS)
def test_code_cells_are_short_and_define_nothing(name):
    sources = [cell.source for cell in cells(source(name), "code")]
    assert max(text.count("\n") + 1 for text in sources) <= 20
    assert median(text.count("\n") + 1 for text in sources) <= 8
    assert not any(re.search(r"^\s*(def |class |!|%)", text, re.MULTILINE) for text in sources)


@pytest.mark.parametrize("name", STEPS)
def test_intervals_are_over_people(name):
    """`Judge.of` draws the faces of a person together, which a `Judge` by itself may forget."""
    assert not any("Judge(" in cell.source for cell in cells(source(name), "code"))


@pytest.mark.parametrize("name", STEPS)
def test_every_figure_is_on_the_page(name):
    """A picture appears where it ends a cell or is displayed, not within a loop."""
    for cell in cells(source(name), "code"):
        body = ast.parse(cell.source).body
        last = body[-1].value if isinstance(body[-1], ast.Expr) else None
        calls = [n for part in body for n in ast.walk(part) if isinstance(n, ast.Call)]
        displayed = {id(each) for n in calls if ast.unparse(n.func) == "display" for each in n.args}
        for call in calls:
            if ast.unparse(call.func) == "shown":
                assert call is last or id(call) in displayed, cell.source


@pytest.mark.parametrize("name", STEPS)
def test_the_first_page_has_all_its_parts(name):
    opening = cells(source(name))[0].source
    assert opening.startswith("# ")
    for word in ("**Paper**", "**Question**", "**The paper reports**"):
        assert word in opening


@pytest.mark.parametrize("name", STEPS)
def test_the_last_page_says_what_to_try_and_which_files_there_are(name):
    last = cells(source(name))[-1].source
    for word in ("## Try it", "<summary>Files", "**Reads**", "**Writes**"):
        assert word in last


@pytest.mark.parametrize("name", list(STEPS)[3:])
def test_what_was_found_stands_at_the_top_and_at_the_end(name):
    code = "\n".join(cell.source for cell in cells(source(name), "code"))
    assert code.count("in_short(") == 2
    assert code.index("in_short()") < code.index("work.record(") < code.index("in_short(findings.")


@pytest.mark.parametrize("name", list(STEPS)[:-1])
def test_the_last_page_links_to_the_next_notebook(name):
    names = list(STEPS)
    assert f"({names[names.index(name) + 1]}.ipynb)" in cells(source(name))[-1].source


@pytest.mark.parametrize("name", STEPS)
def test_a_page_has_one_name(name):
    title = cells(source(name))[0].source.splitlines()[0].removeprefix("# ")
    texts = "\n".join(c.source for other in STEPS for c in cells(source(other), "markdown"))
    named = re.findall(rf"\[(\d\d[a-z]? · [^]]+)\]\({name}\.ipynb\)", texts)
    assert set(named) <= {title}


@pytest.mark.parametrize("name", STEPS)
def test_a_notebook_reads_only_the_parameters_it_declares(name):
    """Otherwise a notebook would not run again after a change of a parameter it depends on."""
    code = "\n".join(cell.source for cell in cells(source(name), "code"))
    used = set(re.findall(r"\b(?:settings|work\.params)\.(\w+)", code)) & set(Params.model_fields)
    if "datasets." in code and "settings" in code:
        used |= {"data"} if re.search(r"datasets\.\w+\(settings", code) else set()
    assert used <= {*SHARED, "profile", *STEPS[name].reads}


@pytest.mark.parametrize(("profile", "name"), EXECUTED)
def test_executed_copies_belong_to_their_sources(profile, name):
    ours = [cell.source for cell in cells(executed(profile, name))]
    assert ours == [cell.source for cell in cells(source(name))], (
        f"outputs/{profile}/{name}.ipynb was made from another source: "
        f"run `make reproduce PROFILE={profile}`"
    )


def test_the_words_of_a_copy_follow_its_notebook_while_the_code_is_the_same():
    make = nbformat.v4
    code = make.new_code_cell("1 + 1", execution_count=1)
    given = make.new_code_cell("profile = 1", metadata={"tags": ["parameters"]})
    added = make.new_code_cell("profile = 2", metadata={"tags": ["injected-parameters"]})
    words = make.new_markdown_cell("new words")
    copy = make.new_notebook(cells=[make.new_markdown_cell("old"), given, added, code])
    source = make.new_notebook(cells=[given, make.new_code_cell("1 + 1"), words])
    assert prose.refreshed(copy, source) == [given, added, code, words]
    source.cells[1].source = "1 + 2"
    assert prose.refreshed(copy, source) is None


@pytest.mark.parametrize(("profile", "name"), EXECUTED)
def test_executed_copies_ran_from_top_to_bottom(profile, name):
    counts = [cell.execution_count for cell in cells(executed(profile, name), "code")]
    assert None not in counts
    assert counts == sorted(set(counts))
    outputs = [o for cell in cells(executed(profile, name), "code") for o in cell.outputs]
    assert not any(output.output_type == "error" for output in outputs)


@pytest.mark.parametrize(("profile", "name"), EXECUTED)
def test_executed_copies_are_light(profile, name):
    assert executed(profile, name).stat().st_size < 1_000_000


@pytest.mark.parametrize(("profile", "name"), EXECUTED)
def test_executed_copies_show_no_folder_of_a_machine(profile, name):
    assert "PosixPath(" not in executed(profile, name).read_text()


@pytest.mark.parametrize("name", STEPS)
def test_nbval_has_something_to_compare(name):
    """nbval skips a marked cell that has no output or no execution count."""
    marked = [
        cell
        for cell in cells(executed("smoke", name), "code")
        if "nbval-check-output" in cell.metadata.get("tags", [])
    ]
    assert marked
    assert all(cell.outputs and cell.execution_count for cell in marked)


@pytest.mark.parametrize("profile", COMMITTED)
def test_every_number_says_what_it_was_made_from(profile):
    files = sorted((ROOT / "outputs" / profile / "metrics").glob("*.json"))
    assert files
    for file in files:
        provenance = json.loads(file.read_text())["provenance"]
        assert provenance["profile"] == profile
        assert {"commit", "parameters", "data", "packages", "device", "time"} <= set(provenance)
