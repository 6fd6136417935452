"""The site, in a real browser: pages, search, the page Explore, and JupyterLab.

Skipped where Chromium is not installed (CONTRIBUTING.md has the command). Explore is built from a
few made-up faces; the other pages are the executed copies of the profile smoke.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import torch
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from lib import params, vocabulary
from lib.data import heldout
from lib.data.faces import FaceSet
from lib.experiments import variants
from lib.workspace import Workspace
from workflow import captions, report

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="no browser: apt-get install chromium chromium-driver",
)
WIDTHS = (1300, 390)  # px: a laptop, a phone
SHOTS = os.environ.get("SHOTS")  # a folder for pictures of every page
PROBLEMS = """
const found = [], page = document.documentElement, article = document.querySelector("article");
if (page.scrollWidth > innerWidth) found.push(`page is ${page.scrollWidth} px wide`);
const right = article ? article.getBoundingClientRect().right : innerWidth;
const solid = "article table, article img, mjx-container, #explore";
for (const node of document.querySelectorAll(solid)) {
  const box = node.getBoundingClientRect();
  if (box.right > right + 1) found.push(`${node.tagName} reaches ${box.right} px of ${right}`);
}
const boxes = "article div.cell_output > *, article td, #explore *";
for (const node of document.querySelectorAll(boxes)) {
  const hides = getComputedStyle(node).overflowX !== "visible" && node.id !== "map"; // it scrolls
  const cut = hides && node.scrollWidth > node.clientWidth + 1;
  if (cut) found.push(`${node.tagName}.${node.className} is cut`);
}
for (const image of document.images) {
  if (!image.complete || !image.naturalWidth) found.push(`not loaded: ${image.src}`);
  if (!image.alt || /^_images/.test(image.alt)) found.push(`no words for ${image.src}`);
}
const formulas = document.querySelectorAll(".math").length;
const set = document.querySelectorAll("mjx-container").length;
if (formulas > set) found.push(`${formulas - set} formulas are not typeset`);
for (const bad of document.querySelectorAll("mjx-merror")) found.push(`formula: ${bad.innerText}`);
for (const { name } of performance.getEntriesByType("resource"))
  if (!name.startsWith("file:")) found.push(`not offline: ${name}`);
return found;
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of smoke, with an Explore page of made-up faces."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setenv("OUTPUTS", str(folder))
        work = Workspace(params.load("smoke"), "03_attribute_propagation")
        left = shutil.ignore_patterns("artifacts", "logs", "report", ".*")
        shutil.copytree(ROOT / "outputs" / "smoke", work.root, ignore=left, dirs_exist_ok=True)
        made_up(work)
        report.build("smoke", folder / "source", folder / "html")
    return folder / "html"


def made_up(work: Workspace, count: int = 90) -> None:
    """What notebooks 01 to 03 would leave, of noise."""
    draw = torch.Generator().manual_seed(0)
    source = [vocabulary.FACE_SOURCES[i % 3] for i in range(count)]
    table = pd.DataFrame({"key": range(count), "source": source, "split": "train"}).astype(str)
    table["identity"] = table["key"]
    truth = torch.randint(0, 2, (count, 24), generator=draw, dtype=torch.int8)
    mask = torch.tensor([vocabulary.label_mask(name) for name in source])
    images = torch.randint(0, 255, (count, 3, 48, 48), generator=draw, dtype=torch.uint8)
    faces = FaceSet(images, truth.masked_fill(~mask, -1), table, truth)
    heldout.decide(faces, seed=0).save(work.path("artifacts", "01_faces"))
    features = torch.randn(count, 8, generator=draw)
    work.save_rows("02_features", table["key"], {"features": features})
    work.save_tensors("02_dcn", {"heads.weight": torch.randn(24, 8, generator=draw)})
    name = "shared, weak terms"
    variants.save(work, name, variants.tried(work.params.propagation)[name])


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def show(browser, page: Path, width: int = 1300, height: int = 900) -> None:
    """Open a page at a width, and wait until formulas are typeset and tables fitted."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    browser.execute_async_script(
        "const done = arguments[0], math = window.MathJax?.startup?.promise;"
        "Promise.resolve(math).then(() => setTimeout(done, 200));"
    )
    if SHOTS:
        tall = min(16_000, browser.execute_script("return document.documentElement.scrollHeight"))
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size | {"height": tall})
        browser.save_screenshot(str(Path(SHOTS, f"{page.stem}_{width}.png")))
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def errors(browser) -> list[str]:
    return [each["message"] for each in browser.get_log("browser") if each["level"] == "SEVERE"]


# Pages --------------------------------------------------------------------------------------------


@needs_browser
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_the_window_and_is_whole(site, browser, width):
    found = {}
    for page in sorted(site.glob("*.html")):
        show(browser, page, width)
        if problems := browser.execute_script(PROBLEMS) + errors(browser):
            found[page.name] = problems
    assert not found


@needs_browser
def test_every_link_leads_somewhere(site, browser):
    anchors, links = {}, []
    for page in sorted(site.glob("*.html")):
        show(browser, page)
        anchors[page.name] = browser.execute_script(
            "return [...document.querySelectorAll('[id]')].map((node) => node.id)"
        )
        every = browser.execute_script("return [...document.links].map((link) => link.href)")
        links += [(page.name, link) for link in every]
    broken = set()
    for page, link in links:
        parts = urllib.parse.urlsplit(link)
        if parts.scheme == "file":
            target = Path(urllib.parse.unquote(parts.path))
            known = anchors.get(target.name, [])
            whole = target.is_file() and (not parts.fragment or parts.fragment in known)
            broken |= set() if whole else {(page, link)}
    assert links and not broken


@needs_browser
def test_search_finds_a_page_from_the_file_system(site, browser):
    show(browser, site / "index.html")
    browser.find_element(By.CSS_SELECTOR, ".bd-sidebar-primary .search-button-field").click()
    box = browser.switch_to.active_element
    box.send_keys("goatee", Keys.ENTER)
    results = "#search-results ul.search li a"
    for _ in range(100):  # the results come one by one
        found = [a.text.lower() for a in browser.find_elements(By.CSS_SELECTOR, results)]
        if any("propagation" in text for text in found):
            break
        time.sleep(0.1)
    assert any("propagation" in text for text in found)
    assert not errors(browser)


# Explore ------------------------------------------------------------------------------------------


@needs_browser
def test_explore_answers_clicks_attributes_variants_and_keys(site, browser):
    show(browser, site / "explore.html")
    tiles = browser.find_elements(By.CSS_SELECTOR, "#map .tile")
    text = lambda: browser.find_element(By.ID, "panel").text  # noqa: E731
    chosen = lambda: browser.execute_script(  # noqa: E731
        "return [...document.querySelectorAll('#map .tile')]"
        ".findIndex((tile) => tile.ariaSelected === 'true')"
    )
    tiles[5].click()
    assert chosen() == 5 and len(browser.find_elements(By.CSS_SELECTOR, "#neighbours > *")) == 10
    attribute = Select(browser.find_element(By.ID, "attribute"))
    attribute.select_by_visible_text("bald")
    assert "bald?" in text() and ("hidden truth" in text() or "annotated" in text())
    browser.find_elements(By.CSS_SELECTOR, "#variants button")[0].click()
    assert "variant literal" in text()
    tiles[5].send_keys(Keys.ARROW_RIGHT)
    assert chosen() == 6
    assert browser.switch_to.active_element == tiles[6]
    assert not errors(browser)


@needs_browser
def test_the_posterior_on_explore_is_the_sigmoid_of_its_three_bars(site, browser):
    show(browser, site / "explore.html")
    gaps = browser.execute_script("""
      const data = window.EXPLORE, wide = data.attributes.length, gaps = [];
      const raw = Uint8Array.from(atob(data.annotation), (c) => c.charCodeAt(0));
      const known = new Int8Array(raw.buffer);
      for (const each of data.variants)
        for (let i = 0; i < data.onMap * wide; i++) if (known[i] < 0) {
          const sum = each.terms[3 * i] + each.terms[3 * i + 1] + each.terms[3 * i + 2];
          gaps.push(Math.abs(1 / (1 + Math.exp(-sum)) - each.last[i] / 255));
        }
      return gaps;""")
    assert len(gaps) > 1000 and max(gaps) < 0.003  # posteriors are rounded to 1/255


# JupyterLab ---------------------------------------------------------------------------------------


@needs_browser
@pytest.mark.parametrize("name", ["00_start_here", "03_attribute_propagation"])
def test_notebook_runs_in_jupyterlab(name, browser, tmp_path):
    needed = {"00": [], "03": ["01_faces", "02_features", "02_dcn.safetensors"]}[name[:2]]
    made, outputs = ROOT / "outputs" / "smoke", tmp_path / "outputs" / "smoke"
    if absent := [part for part in needed if not (made / "artifacts" / part).exists()]:
        pytest.skip(f"no {absent[0]}: make reproduce PROFILE=smoke")
    shutil.copytree(made / "metrics", outputs / "metrics")
    (outputs / "artifacts").mkdir()
    for part in needed:
        for file in (made / "artifacts").glob(f"{part}*"):  # and its seal
            (outputs / "artifacts" / file.name).symlink_to(file)
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    notebook.cells[1].source = notebook.cells[1].source.replace('"default"', '"smoke"')
    nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--IdentityProvider.token=x", "--LabApp.expose_app_in_browser=True"]
    command += [f"--notebook-dir={tmp_path}", "--LabApp.news_url=None"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    places = {"OUTPUTS": str(tmp_path / "outputs"), "PYTHONPATH": str(ROOT)}
    places |= {"JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | places, stdout=log, stderr=log)
    try:
        ran = run_all(browser, f"http://127.0.0.1:{port}/lab/tree/{name}.ipynb?token=x")
    finally:
        server.terminate()
        server.wait(60)
    assert ran["cells"] > 5 and ran["cells"] == ran["executed"]
    assert ran["errors"] == []


def run_all(browser, address: str) -> dict:
    """Open a notebook in JupyterLab, run all cells, count them and list their errors."""
    for _ in range(120):
        try:
            browser.get(address)
            if browser.execute_script("return Boolean(window.jupyterapp)"):
                break
        except Exception:  # the server has not started yet
            pass
        time.sleep(1)
    browser.execute_script("""
      const app = window.jupyterapp, wait = () => new Promise((then) => setTimeout(then, 500));
      (async () => {
        await app.restored;
        while (!app.shell.currentWidget?.sessionContext?.session?.kernel) await wait();
        await app.shell.currentWidget.sessionContext.ready;
        await app.commands.execute("notebook:run-all-cells");
        const page = app.shell.currentWidget.content.model.toJSON();
        const cells = page.cells.filter((cell) => cell.cell_type === "code");
        const outputs = cells.flatMap((cell) => cell.outputs);
        const errors = outputs.filter((each) => each.output_type === "error");
        const executed = cells.filter((cell) => cell.execution_count).length;
        window.ran = { cells: cells.length, executed, errors: errors.map((each) => each.evalue) };
      })().catch((error) => (window.ran = { cells: 0, executed: -1, errors: [String(error)] }));
    """)
    for _ in range(1800):
        if ran := browser.execute_script("return window.ran"):
            return ran
        time.sleep(1)
    pytest.fail(f"{address} has not run within half an hour")


# What is made of a notebook -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "printed", "tag"),
    [
        ("import torch\nfrom lib import params", False, "remove-cell"),
        ("work = open_notebook('01', profile)", False, "remove-cell"),
        ("work.record(table).name", False, "remove-cell"),
        ("import torch\nprint(1)", True, "remove-input"),
        ("table", True, "hide-input"),
        ("assert right", False, "hide-input"),
    ],
)
def test_code_is_folded_and_cells_that_import_or_export_are_hidden(code, printed, tag):
    output = nbformat.v4.new_output("stream", text="1\n")
    cell = nbformat.v4.new_code_cell(code, outputs=[output] if printed else [])
    report.fold(cell)
    assert cell.metadata["tags"] == [tag]


@pytest.mark.parametrize(
    ("lines", "tag"),
    [
        (
            ["control m=1: loss 0.1, 367 images/s\n", "control m=2: loss 0.1, 9 images/s\n"],
            "hide-cell",
        ),
        (["DCN+AP, CK+: 10 folds, 480 faces judged\n"], "hide-cell"),
        (["control m=1: loss 0.1, 367 images/s\n", "2 of 3 are right\n"], "hide-input"),
        ([], "hide-input"),
    ],
)
def test_lines_of_training_are_folded_with_their_code(lines, tag):
    outputs = [nbformat.v4.new_output("stream", text=line) for line in lines]
    cell = nbformat.v4.new_code_cell("model = fit()", outputs=outputs)
    report.fold(cell)
    assert cell.metadata["tags"] == [tag]


def test_tags_of_a_notebook_win_and_names_of_written_files_are_not_shown():
    name = nbformat.v4.new_output("execute_result", {"text/plain": "'02_features.csv'"})
    cell = nbformat.v4.new_code_cell(
        "import torch", outputs=[name], metadata={"tags": ["hide-cell"]}
    )
    report.fold(cell)
    assert cell.metadata["tags"] == ["hide-cell"] and cell.outputs == []


@pytest.mark.parametrize(
    ("page", "link", "turned"),
    [
        ("notebooks/01.ipynb", "[02](02_stage1_network.ipynb)", "[02](02_stage1_network.ipynb)"),
        ("README.md", "[a](outputs/smoke/16_scale.ipynb#b)", "[a](16_scale.ipynb#b)"),
        ("docs/scaling.md", "[a](../lib/world/README.md)", "[a](world_card.md)"),
        ("docs/scaling.md", "[the profile](../profiles/slurm/config.yaml)", "the profile"),
        ("docs/scaling.md", "[17](17_beyond_the_paper.ipynb)", "17"),
        ("README.md", "[a](https://arxiv.org)", "[a](https://arxiv.org)"),
    ],
)
def test_links_lead_to_pages_of_the_site_or_become_text(page, link, turned):
    assert report.linked(link, page, ["02_stage1_network", "16_scale"]) == turned


PICTURE = {"image/png": "", "text/plain": ""}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("## A\n\nB.", "*Dots are [ours](01.ipynb)*\n\n## C", "Dots are ours"),
        ("**What to see** (ours): dots.", "*Lines.*\n\nC", "Lines."),
        ("**What to see**: $x$ rises.\n\nB:", "## C", "X rises."),
        ("**What to see**: another.\n\n## A\n\n> Quoted.\n\nAll traits:", "", "All traits"),
        ("## A", "**How to read it**: from left.\n\nC", "From left."),
        ("## A", "", "Figure"),
    ],
)
def test_a_picture_is_described_by_its_caption(before, after, words):
    make = nbformat.v4
    code = make.new_code_cell("figure", outputs=[make.new_output("display_data", PICTURE)])
    cells = [make.new_markdown_cell(before), code, make.new_markdown_cell(after)]
    captions.describe(cells)
    assert code.outputs[0].metadata["image/png"]["alt"] == words
    report.described(code, captions.caption(cells, 1))
    assert code.metadata["mystnb"]["image"]["alt"] == words
