"""Write the generated parts of the README files from `outputs/`: `python -m workflow.readme`.

Each part is between `<!-- name -->` and `<!-- /name -->`.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from lib.evaluation import claims, findings
from lib.evaluation.judging import PAPER
from lib.params import load
from lib.workspace import Workspace
from workflow import compare
from workflow.imports import code
from workflow.pipeline import STEPS

ROOT = Path(__file__).resolve().parent.parent
PROFILE = "default"  # whose results are quoted and whose notebooks are linked
BENCH = ROOT / "outputs" / "bench"
KINDS = dict.fromkeys(("01", "01b", "09"), "faces, annotators, features made by hand")
KINDS |= dict.fromkeys(("03", "03a", "03b"), "pseudo labels of one network")
TRAINING = (
    ("ours_over_plain", "training: images per second, divided by a plain loop's", "at least 1.35"),
    (
        "ours_over_googlenet",
        "training: images per second, divided by a plain loop's with torchvision's GoogLeNet",
        "",
    ),
    ("data_path_share", "training: share of a step spent on data", "at most 0.05"),
    ("extraction_over_training", "images per second: extraction over training", "at least 2.5"),
)


def markdown(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


# README.md ----------------------------------------------------------------------------------------


def results(profile: str = PROFILE) -> str:
    """The paper's headline numbers and ours, and what the intervals are over."""
    evidence = claims.evidence(load(profile))
    table, seeds = claims.headline(evidence), evidence.table["seeds"].max()
    head = ("", "paper, photographs", "ours, rendered faces")
    rows = markdown(head, table[["what", "paper", "ours"]].itertuples(index=False))
    over = "over people" if seeds == 1 else f"over {seeds} seeds, around their mean"
    return f"{rows}\n\nIn percent, with 95 % intervals {over}."


def found(profile: str = PROFILE) -> str:
    """What attributes and relations came out as, in sentences made from the results."""
    evidence = claims.evidence(load(profile))
    pages = ("05_attribute_accuracy", "04b_networks_compared", "11_relation_accuracy")
    lines = [line for page in pages for line in findings.sentences(evidence, page, cover=True)]
    return "\n".join(f"- {line}" for line in lines)


def scoreboard(profile: str = PROFILE) -> str:
    """How many of the paper's claims hold."""
    verdicts = claims.scoreboard(claims.evidence(load(profile)))["verdict"].value_counts()
    words = ("hold", "do not hold", "cannot be decided", "were not run")
    numbers = {
        each: verdicts.get(name, 0) for each, name in zip(words, claims.VERDICTS, strict=True)
    }
    counts = [f"{number} {name}" for name, number in numbers.items() if number]
    return f"Of {verdicts.sum()} tests of the paper's claims: {', '.join(counts)}."


def estimate(
    evidence: claims.Evidence, notebook: str, metric: str, method: str, subset: str
) -> str:
    """One result with its interval in percent; or why it is missing."""
    found = evidence.estimate(notebook, metric, method, subset)
    if isinstance(found, str):
        return found
    interval = "" if found["low"] == found["high"] else " ({low:.1f}–{high:.1f})"
    return ("{value:.1f} %" + interval).format(**found)


def notebooks(profile: str = PROFILE) -> str:
    """Question, paper item and minutes of every notebook that has run: those of the last run from
    nothing, or, where there was none, of the copy.
    """
    kept, rows = ROOT / "outputs" / profile / "minutes.csv", []
    minutes = pd.read_csv(kept, index_col=0)["minutes"].to_dict() if kept.exists() else {}
    for name in STEPS:
        path = ROOT / "outputs" / profile / f"{name}.ipynb"
        if not path.exists():
            continue
        notebook = nbformat.read(path, as_version=4)
        page = notebook.cells[0].source
        title = page.splitlines()[0].removeprefix("# ")
        link = f"[{title}]({path.relative_to(ROOT)})"
        took = minutes.get(name, max(notebook.metadata.papermill.duration / 60, 0.1))
        rows.append((link, field(page, "Question"), items(field(page, "Paper")), f"{took:.1f}"))
    return markdown(("notebook", "question", "in the paper", "minutes"), rows)


def field(page: str, name: str) -> str:
    """The text after `**name**:` on a notebook's first page, with links reduced to their text."""
    found = re.search(
        rf"\*\*{name}\*\*:?\s*(.+?)(?=\n\s*\n|\n[-*] \*\*|\n\*\*|\Z)", page, re.DOTALL
    )
    if not found:
        raise ValueError(f"the first page has no **{name}**: {page[:80]!r}")
    plain = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", found[1])
    return " ".join(plain.split()).replace("|", "\\|")


def items(paper: str) -> str:
    """The algorithms, equations, tables and figures among the places of the paper in a text."""
    found = re.findall(
        r"\b((?:Algorithm|Equation|Table|Figure)s?) (\d+(?:(?:, | and | to |–)\d+)*)", paper
    )
    text = ", ".join(f"{kind} {numbers}" for kind, numbers in found)
    return text.replace("Equation", "Eqn.").replace("Figure", "Fig.").replace(".s", "s.")


# lib/world/README.md ------------------------------------------------------------------------------


def difficulty() -> str:
    """What simple methods reach on the embedded world."""
    evidence = claims.evidence(load(PROFILE))
    recognised = "source recognised"
    rows = [
        ("chance, balanced accuracy over the 24 attributes", "50 %"),
        (
            "linear SVMs on 16 × 16 pixels",
            estimate(evidence, "01_datasets", PAPER, "pixels", "average"),
        ),
        ("HOG+SVM", estimate(evidence, "05_attribute_accuracy", PAPER, "HOG+SVM", "average")),
        (
            "source of a face, always the largest",
            estimate(evidence, "01_datasets", recognised, "always the largest", ""),
        ),
        (
            "source of a face, linear classifier",
            estimate(evidence, "01_datasets", recognised, "linear classifier", ""),
        ),
    ]
    return markdown(("method", "result"), rows)


def calibration() -> str:
    """How hard the world is by hand-made features, beside the paper and the range wanted."""
    profile = "default"  # smoke measures too few faces
    work = Workspace(load(profile), "readme")
    if not (work.root / "tables" / "world_calibration.csv").exists():
        return "Not measured yet: notebook 01b."
    table = work.load_table("world_calibration").reset_index()
    note = json.loads(work.existing("tables", "world_calibration.json").read_text())["note"]
    rows = table.assign(within=table["within"].map({True: "yes", False: "no"}))
    head = [str(name) for name in rows]
    return f"Profile `{profile}`, {note}.\n\n" + markdown(head, rows.itertuples(index=False))


# bench/README.md ----------------------------------------------------------------------------------


def speed() -> str:
    """The benchmarks measured with the present code: ours against another implementation."""
    files = {file.stem: json.loads(file.read_text()) for file in BENCH.glob("*.json")}
    present = {name: note for name, note in files.items() if is_present(name, note)}
    rows = [
        (
            row["what"],
            with_spread(row["ratio"], row.get("spread")),
            f"{row['ours'] / row['floor']:.1f}" if "floor" in row else "",
            row["target"],
        )
        for row in measured(present)
    ]
    if not rows:
        return "Nothing has been measured with the present code yet: `make bench`."
    return markdown(("what", "measured", "ours over its lower bound", "wanted"), rows)


def with_spread(ratio: float, spread: Sequence[float] | None) -> str:
    """A ratio, and in brackets the lowest and the highest of the repeats."""
    number = f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.2f}"
    return number + (" ({:.2f} to {:.2f})".format(*spread) if spread else "")


def is_present(name: str, note: dict[str, Any]) -> bool:
    """Whether a benchmark was measured with the code as it is now."""
    module = Path("bench", f"{name}.py")
    return (ROOT / module).exists() and note.get("code") == code(module)


def measured(bench: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `what`, `ratio` and `target` from the files of the benchmarks, by name."""
    rows = list(bench.get("propagation", {}).get("table", []))
    for case in bench.get("training", {}).get("cases", []):
        where = f"{case['size']} px, width {case['width']:g}"
        for key, what, target in TRAINING:
            if key not in case:
                continue  # a peer that has no network of this width
            rows.append({"what": f"{what}, {where}", "ratio": case[key], "target": target})
    for row in bench.get("world", {}).get("rows", []):
        if row["wanted"]:
            what = f"faces rendered per second at {row['size']} px, {row['device']}"
            wanted = f"at least {row['wanted']}"
            per_second, most = row["faces_per_second"], row["floor_faces_per_second"]
            ends = {"ours": 1 / per_second, "floor": 1 / most}
            rows.append({"what": what, "ratio": per_second, "target": wanted, **ends})
    if crops := bench.get("crops"):
        what = "minutes to cut 200,000 crops of CelebA's size, from 2,000"
        target = f"at most {crops['wanted_minutes']:g}"
        rows.append({"what": what, "ratio": crops["minutes_for_200000"], "target": target})
        read = crops["read"]
        target = f"at least {read['wanted']:,}"
        for where in ("memory", "disk"):
            what = f"crops of {read['crop']} px read per second, random batches, from {where}"
            rows.append({"what": what, "ratio": read[f"from_{where}"], "target": target})
    return rows


# docs/scaling.md ----------------------------------------------------------------------------------


def processors() -> str:
    """How many numbers of a run are the same on two kinds of processor."""
    note = json.loads(compare.KEPT.read_text())
    rows, board = pd.DataFrame(note["numbers"]), pd.DataFrame(note["verdicts"])
    kinds = rows["notebook"].str.partition("_")[0].map(KINDS).fillna("networks")
    table = [
        (name, part["numbers"], part["same"], part["judged"], part["inside"])
        for name, part in rows.drop(columns="notebook").groupby(kinds, sort=False).sum().iterrows()
    ]
    head = ("what", "numbers", "the same", "others with an interval", "of these inside it")
    moved = compare.changed(board)
    one, other = note["processors"]
    return (
        f"Profile `{note['profile']}`, from nothing, on `{one}` and on `{other}`; the intervals are"
        f" those of the first.\n\n{markdown(head, table)}\n\n{len(moved)} of {len(board)} verdicts"
        " of the scoreboard differ: the limit is inside the interval in one run and outside in the"
        f" other. {moved['reversed'].sum()} are reversed."
    )


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {
        "results": results,
        "findings": found,
        "scoreboard": scoreboard,
        "notebooks": notebooks,
    },
    "lib/world/README.md": {"calibration": calibration, "difficulty": difficulty},
    "bench/README.md": {"speed": speed},
    "docs/scaling.md": {"processors": processors},
}


def written(page: str) -> str:
    """A page of `PAGES` with its generated parts as the outputs have them now."""
    text = (ROOT / page).read_text()
    for name, write in PAGES[page].items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, rest = text.split(start)
        text = f"{before}{start}\n{write()}\n{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    for page in PAGES:
        (ROOT / page).write_text(written(page))
