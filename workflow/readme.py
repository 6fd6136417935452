"""Write the README's tables from what lies under `outputs/`: `python -m workflow.readme`."""

import json
import re
from pathlib import Path

import nbformat

from lib.evaluation import claims
from lib.evaluation.judging import AUC, PAPER
from lib.params import load
from workflow.pipeline import STEPS

ROOT = Path(__file__).resolve().parent.parent
PROFILE = "thorough"  # whose results are quoted and whose notebooks are linked
NEWCOMERS = "default"  # whose minutes are told: all of it runs in one go, nothing is resumed
BENCH = ROOT / "outputs" / "bench"
TRAINING = (
    ("ours_over_plain", "training: images per second over a plain loop's", "at least 1.35"),
    ("data_path_share", "training: share of a step that the data path costs", "at most 0.05"),
    ("extraction_over_training", "feature extraction over training", "at least 2.5"),
)


def results() -> str:
    """The headline rows: the paper's numbers beside ours, over all seeds."""
    table = claims.headline(claims.evidence(load(PROFILE)))
    lines = ["| | the paper, photographs | ours, embedded world |", "|---|---|---|"]
    rows = (f"| {row.what} | {row.paper} | {row.ours} |" for row in table.itertuples())
    return "\n".join([*lines, *rows])


def scoreboard() -> str:
    """How many of the paper's claims hold, and what propagation gains."""
    evidence = claims.evidence(load(PROFILE))
    verdicts = claims.scoreboard(evidence)["verdict"].value_counts()
    counts = ", ".join(f"{name} {verdicts.get(name, 0)}" for name in claims.VERDICTS)
    gains = {
        title: evidence.estimate("05_attribute_accuracy", metric, "DCN+AP - control", "average")
        for title, metric in (("at 0.5", PAPER), ("in ROC AUC", AUC))
    }
    words = ", ".join(
        "{value:+.1f} points ({low:+.1f} to {high:+.1f}) {title}".format(title=title, **number)
        for title, number in gains.items()
    )
    return (
        f"Verdicts on the paper's {verdicts.sum()} claims: {counts}. DCN+AP over a control "
        f"that trains on for as long without pseudo labels: {words}."
    )


def notebooks() -> str:
    """Question, reads, writes and minutes of every notebook, from its own first page."""
    lines = ["| notebook | question | reads | writes | minutes |", "|---|---|---|---|---|"]
    for name in STEPS:
        path = ROOT / "outputs" / PROFILE / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        words = [field(notebook.cells[0].source, key) for key in ("Question", "Reads", "Writes")]
        first = nbformat.read(ROOT / "outputs" / NEWCOMERS / f"{name}.ipynb", as_version=4)
        minutes = first.metadata.papermill.duration / 60
        link = f"[{name[:2]} · {name[3:].replace('_', ' ')}](outputs/{PROFILE}/{name}.ipynb)"
        lines.append(f"| {link} | {' | '.join(words)} | {max(minutes, 0.1):.1f} |")
    return "\n".join(lines)


def difficulty() -> str:
    """How far simple methods come on the embedded world."""
    evidence = claims.evidence(load(PROFILE))
    hog, pixels, sources, largest = (
        evidence.estimate(*key)
        for key in (
            ("05_attribute_accuracy", PAPER, "HOG+SVM", "average"),
            ("01_datasets", PAPER, "pixels", "average"),
            ("01_datasets", "source recognised", "linear classifier", ""),
            ("01_datasets", "source recognised", "always the largest", ""),
        )
    )
    number = "{value:.1f} % ({low:.1f}–{high:.1f})"
    return (
        f"Average balanced accuracy over the 24 attributes: HOG+SVM {number.format(**hog)}, linear "
        f"SVMs on 16 × 16 pixels {number.format(**pixels)}, chance 50 %. A linear classifier tells "
        f"the face sources apart in {sources['value']:.0f} % of the faces; always naming the "
        f"largest gives {largest['value']:.0f} %."
    )


def speed() -> str:
    """What `make bench` measured: ours against a peer in the same run; propagation on an older
    processor too, since its ratios depend on how fast triangular solves are beside products.
    """
    bench = {file.stem: json.loads(file.read_text()) for file in BENCH.glob("*.json")}
    older = bench.get("propagation_older", {"table": []})["table"]
    again = {row["what"]: f"{row['ratio']:.2f}" for row in older}
    rows = [
        (
            row["what"],
            f"{row['ratio']:.2f}",
            f"{row['ours'] / row['floor']:.1f}" if "floor" in row else "",
            again.get(row["what"], ""),
            row["target"],
        )
        for row in timed(bench)
    ]
    heads = ["what", "measured", "ours over its floor", "on two cores of 2017", "wanted"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def timed(bench: dict[str, dict]) -> list[dict]:
    """Rows of `what`, `ratio` and `target` from every benchmark's file, by its name."""
    rows = list(bench.get("propagation", {}).get("table", []))
    for case in bench.get("training", {}).get("cases", []):
        where = f"{case['size']} px, width {case['width']:g}"
        for key, what, target in TRAINING:
            rows.append({"what": f"{what}, {where}", "ratio": case[key], "target": target})
    for row in bench.get("world", {}).get("rows", []):
        if row["wanted"]:
            what = f"faces drawn per second at {row['size']} px, {row['device']}"
            wanted = f"at least {row['wanted']}"
            rows.append({"what": what, "ratio": row["faces_per_second"], "target": wanted})
    if crops := bench.get("crops"):
        what = "minutes to cut 200,000 crops of CelebA's size, from 2,000"
        target = f"at most {crops['wanted_minutes']:g}"
        rows.append({"what": what, "ratio": crops["minutes_for_200000"], "target": target})
        read = crops["read"]
        what = f"crops of {read['crop']} px read per second, random batches of a stored set"
        target = f"at least {read['wanted']:,}"
        rows.append({"what": what, "ratio": read["from_memory"], "target": target})
    return rows + paper_size(bench.get("paper_size"))


def paper_size(run: dict | None) -> list[dict]:
    """Rows of the run at the paper's size on a GPU, if there was one."""
    if run is None:
        return []
    where = f"{run['faces']} faces, {run['machine']['gpu']}"
    graphs = [
        (f"seconds of the graph, {k} features", g["seconds"]) for k, g in run["graphs"].items()
    ]
    sweeps, wanted = run["sweeps"], run["wanted"]
    limits = [
        *((what, value, f"at most {wanted['graph']:g}") for what, value in graphs),
        ("seconds of a hundred EM sweeps", sweeps["seconds"], f"at most {wanted['sweeps']:g}"),
        ("peak GiB on the GPU", sweeps["peak_memory_gib"], f"at most {wanted['memory']:g}"),
        (
            "a sweep of a plain EM over ours",
            sweeps["plain_over_ours"],
            f"at least {wanted['plain_over_ours']:g}",
        ),
    ]
    return [{"what": f"{what}, {where}", "ratio": v, "target": t} for what, v, t in limits]


def field(page: str, name: str) -> str:
    """What stands after `**name**:` on a notebook's first page, links reduced to their text."""
    text = re.search(rf"\*\*{name}\*\*:?\s*(.+?)(?=\n\s*\n|\n[-*] \*\*|\n\*\*|\Z)", page, re.DOTALL)
    plain = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text.group(1))
    return " ".join(plain.split()).replace("|", "\\|")


WRITTEN = {
    "results": results,
    "scoreboard": scoreboard,
    "notebooks": notebooks,
    "difficulty": difficulty,
    "speed": speed,
}


def written(readme: str) -> str:
    """The README with its tables as the outputs have them now."""
    for name, write in WRITTEN.items():
        table = write()
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, rest = readme.split(start)
        readme = f"{before}{start}\n{table}\n{end}{rest.split(end)[1]}"
    return readme


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(written(path.read_text()))
