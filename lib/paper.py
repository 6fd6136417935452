"""What the paper says: its published numbers, and its claims as checks on ours.

The numbers lie in `params/reported/`, one CSV per table. A claim is quoted, and points at the
estimate of ours that speaks for or against it; nothing here is measured or typed in.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler
from scipy import stats

from lib.params import FOLDER

VERDICTS = ("holds", "does not hold", "cannot tell", "not run")


def reported(name: str) -> pd.DataFrame:
    """A published table, e.g. `table05`: its own row names as index, its own column names.

    ValueError if there is no such table.
    """
    path = FOLDER / "reported" / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.csv")))
        raise ValueError(f"no published table {name!r} in {path.parent}: use one of {known}")
    return pd.read_csv(path, index_col=0)


def published(name: str, row: str, column: str) -> float:
    """One published number."""
    return float(reported(name).loc[row, column])


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper and where our evidence lies.

    keys: paths into the metrics, `notebook/key/key`. The claim holds where every one of them lies
    above `bar` with its whole interval, does not hold where one lies below with its whole
    interval, and cannot be told otherwise.
    paper: the paper's own number as text.
    """

    quote: str
    section: str
    paper: str
    keys: tuple[str, ...]
    unit: str = "points"
    bar: float = 0.0


def gap(table: str, better: str, worse: str, column: str) -> str:
    """The paper's difference between two rows, with a sign."""
    return f"{published(table, better, column) - published(table, worse, column):+.1f}"


def claims() -> list[Claim]:
    """The paper's claims, in its order."""
    average, accuracy, movie = "average", "Accuracy", "Balanced Accuracy"
    sdcn = "S-DCN (DCN pre-trained with {})"
    return [
        Claim(
            "attribute propagation allows our network to learn effectively from heterogeneous "
            "datasets with different annotations and statistical distributions",
            "1",
            gap("table05", "DCN+AP", "Baseline DCN", average),
            ("05_attribute_accuracy/gain/dcn_ap_minus_control",),
        ),
        Claim(
            "The average Fleiss' kappa of the eight relation traits annotation is 0.62, "
            "indicating substantial inter-rater agreement.",
            "3.2",
            "0.62",
            ("09_relation_dataset/kappa/average",),
            "kappa",
            0.6,
        ),
        Claim(
            "The first criterion implies that the attributes of two faces are likely the same if "
            "their facial appearances are close to each other.",
            "4.3",
            "",
            ("03_attribute_propagation/neighbours_gain",),
        ),
        Claim(
            "some attributes, such as 'happy' and 'smiling', often co-occur",
            "4.3",
            "0.3",
            ("03_attribute_propagation/happy_smiling",),
            "correlation",
        ),
        Claim(
            "in general, attribute propagation helps",
            "6.1",
            gap("table05", "DCN+AP", "Baseline DCN", average),
            ("05_attribute_accuracy/gain/dcn_ap_minus_baseline",),
        ),
        Claim(
            'especially on attributes with rare positive samples such as "narrow eyes" and '
            '"goatee"',
            "6.1",
            gap("table05", "DCN+AP", "Baseline DCN", "narrow eyes"),
            ("05_attribute_accuracy/gain/rare_minus_common",),
        ),
        Claim(
            "Table 5: the Baseline DCN is more accurate than HOG+SVM",
            "6.1",
            gap("table05", "Baseline DCN", "HOG+SVM", average),
            ("05_attribute_accuracy/gain/baseline_minus_hog",),
        ),
        Claim(
            "by fusing multiple datasets, our proposed method achieves superior performance "
            "compared to state-of-the-art methods [here: than always naming the commoner class]",
            "6.1",
            "",
            ("06_celeba_accuracy/difference/ours_minus_majority",),
        ),
        Claim(
            "The gradually improved accuracy over iterations demonstrates that the alternating "
            "optimization process is beneficial.",
            "6.1",
            gap("table07", "M=10", "M=1", accuracy),
            ("04_alternating_stage2/last_minus_first",),
        ),
        Claim(
            "attribute propagation helps the representation itself [ROC AUC, no threshold]",
            "6.1",
            "",
            ("05_attribute_accuracy/gain/dcn_ap_minus_baseline_auc",),
        ),
        Claim(
            "Our approach, with and without fine-tuning on SFEW training partition, outperforms "
            "state-of-the-art methods. [here: PHOG+LPQ]",
            "6.1",
            gap("table08", "Our DCN+AP (fine-tuned)", "PHOG+LPQ", accuracy),
            ("07_sfew/difference/dcn_ap_finetuned_minus_phog",),
        ),
        Claim(
            "our model is benefited from alternating optimization with attribute propagation "
            "[SFEW, not fine-tuned]",
            "6.1",
            gap("table08", "Our DCN+AP", "Our Baseline DCN", accuracy),
            ("07_sfew/difference/ap",),
        ),
        Claim(
            "our model is benefited from alternating optimization with attribute propagation "
            "[SFEW, fine-tuned]",
            "6.1",
            gap("table08", "Our DCN+AP (fine-tuned)", "Our Baseline DCN (fine-tuned)", accuracy),
            ("07_sfew/difference/ap_finetuned",),
        ),
        Claim(
            "Table 8: fine-tuning on SFEW improves DCN+AP",
            "6.1",
            gap("table08", "Our DCN+AP (fine-tuned)", "Our DCN+AP", accuracy),
            ("07_sfew/difference/finetuning",),
        ),
        Claim(
            "Our approach still achieves better result although the performance on CK+ is nearly "
            "saturated. [here: than LBP+SVM]",
            "6.1",
            gap("table09", "Our Method", "LBPSVM", accuracy),
            ("08_ckplus/difference/ours_minus_lbp",),
        ),
        Claim(
            "All variants of the proposed S-DCN outperform the baseline HOG+SVM.",
            "6.2",
            gap("table11", "Baseline S-DCN", "HOG+SVM", movie),
            tuple(
                f"11_relation_accuracy/difference/{name}_minus_hog"
                for name in (
                    *("random", "gender", "age", "pose"),
                    *("expression", "no_spatial", "full"),
                )
            ),
        ),
        Claim(
            "pre-training with any of the attribute groups improves the overall performance",
            "6.2",
            gap("fig08", sdcn.format("expression"), "Baseline S-DCN", "Average accuracy"),
            tuple(
                f"11_relation_accuracy/difference/{name}_minus_random"
                for name in ("gender", "age", "pose", "expression")
            ),
        ),
        Claim(
            "pre-training with expression attributes outperforms other groups of attributes "
            "(improving from 64.1% to 67.7%)",
            "6.2",
            gap("fig08", sdcn.format("expression"), "Baseline S-DCN", "Average accuracy"),
            tuple(
                f"11_relation_accuracy/difference/expression_minus_{name}"
                for name in ("gender", "age", "pose")
            ),
        ),
        Claim(
            "The pose attributes come next in terms of influence to relation prediction.",
            "6.2",
            "",
            tuple(
                f"11_relation_accuracy/difference/pose_minus_{name}" for name in ("gender", "age")
            ),
        ),
        Claim(
            "the spatial cue is shown to be useful for relation prediction",
            "6.2",
            gap("table11", "Full S-DCN", "S-DCN without spatial cue", movie),
            ("11_relation_accuracy/difference/full_minus_no_spatial",),
        ),
        Claim(
            "not every trait is improved by the spatial cue and some are degraded",
            "6.2",
            "",
            ("11_relation_accuracy/spatial_worst_trait_loss",),
        ),
        Claim(
            '"dominant" is the most difficult trait to predict',
            "6.2",
            "",
            ("11_relation_accuracy/others_minus_dominant",),
        ),
        Claim(
            "Table 11: in movies the full S-DCN is more accurate than without spatial cue",
            "6.2",
            gap("table11", "Full S-DCN", "S-DCN without spatial cue", movie),
            ("11_relation_accuracy/movie_difference/full_minus_no_spatial",),
        ),
        Claim(
            "Table 11: on the movie subset the full S-DCN is more accurate than HOG+SVM",
            "6.2",
            gap("table11", "Full S-DCN", "HOG+SVM", movie),
            ("11_relation_accuracy/movie_difference/full_minus_hog",),
        ),
        Claim(
            "pseudo labels obtained in the attribute propagation step are crucial for good "
            "performance in the task of relation prediction [here: pre-training on all attributes "
            "with propagation against random initialisation]",
            "4.1",
            gap("table11", "Full S-DCN", "Baseline S-DCN", movie),
            ("11_relation_accuracy/difference/full_minus_random",),
        ),
        Claim(
            "Our method accurately captures the friendly talking scene",
            "6.2",
            "",
            ("13_movie_profile/friendly_in_talk_minus_conflict",),
        ),
        Claim(
            'the moment when Tony and Pepper were in a conflict, where the "competitive" trait is '
            "assigned with a high probability",
            "6.2",
            "",
            ("13_movie_profile/competitive_in_conflict_minus_talk",),
        ),
    ]


def scoreboard(*loaders: Callable[[str], dict]) -> pd.DataFrame:
    """Every claim beside our estimate, its interval and the verdict.

    loaders: one per seed; each gives the metrics of a notebook by its name, FileNotFoundError
    where it never ran. Several seeds give an interval over seeds (Student's t), one the interval
    that its notebook computed. Where a claim rests on several estimates, the weakest is shown,
    which decides.
    """
    rows = []
    for claim in claims():
        found = [over_seeds([lookup(load, key) for load in loaders]) for key in claim.keys]
        missing = [text for text in found if isinstance(text, str)]
        row = {"section": claim.section, "claim": claim.quote, "paper": claim.paper}
        if missing:
            rows.append(row | {"verdict": "not run", "why": missing[0], "unit": claim.unit})
            continue
        decided = verdict(found, claim.bar)
        end = "high" if decided == "does not hold" else "low"
        weakest = min(found, key=lambda number: number[end])
        rows.append(row | weakest | {"unit": claim.unit, "verdict": decided})
    columns = ["section", "claim", "paper", "value", "low", "high", "unit", "verdict", "why"]
    return pd.DataFrame(rows).reindex(columns=[*columns, "seeds"])


def over_seeds(found: list[dict | str]) -> dict | str:
    """One estimate from those of several seeds: their mean, and Student's 95 % interval of it.

    A single one keeps its own interval; what the first seed lacks is not run.
    """
    if isinstance(found[0], str):
        return found[0]
    values = [number["value"] for number in found if not isinstance(number, str)]
    if len(values) == 1:
        return {**found[0], "seeds": 1}
    mean = float(np.mean(values))
    reach = float(stats.sem(values) * stats.t.ppf(0.975, len(values) - 1))
    return {"value": mean, "low": mean - reach, "high": mean + reach, "seeds": len(values)}


COLOURS = {"holds": "#009E73", "does not hold": "#D55E00"}  # grey for the others


def page(board: pd.DataFrame) -> Styler:
    """A scoreboard to be read: wrapped quotes, one column for the estimate, coloured verdicts."""
    words = board["value"].map("{:+.2f}".format) + board.apply(_bounds, axis=1)
    shown = board[["section", "claim", "paper"]].assign(
        ours=words.where(board["value"].notna(), "")
    )
    shown["verdict"] = board["verdict"]
    look = shown.style.hide(axis="index").set_uuid("scoreboard")
    look = look.set_properties(**{"text-align": "left", "vertical-align": "top"})
    look = look.set_table_styles([{"selector": "th", "props": "text-align: left"}])
    look = look.set_properties(["claim"], **{"white-space": "normal", "min-width": "22em"})
    return look.map(lambda v: f"font-weight: bold; color: {COLOURS.get(v, '#777777')}", ["verdict"])


def _bounds(row: pd.Series) -> str:
    """An interval and its unit; nothing where there is none."""
    if pd.isna(row["low"]) or row["low"] == row["high"]:
        return f" {row['unit']}"
    return f" [{row['low']:+.2f}, {row['high']:+.2f}] {row['unit']}"


def verdict(numbers: list[dict], bar: float) -> str:
    """holds: all intervals above the bar; does not hold: one wholly below; else cannot tell."""
    if any(number["high"] < bar for number in numbers):
        return "does not hold"
    return "holds" if all(number["low"] > bar for number in numbers) else "cannot tell"


def lookup(load_metrics: Callable[[str], dict], key: str) -> dict | str:
    """The estimate at `notebook/key/key` as {"value", "low", "high"}, or why there is none."""
    name, *path = key.split("/")
    try:
        value = load_metrics(name)
    except FileNotFoundError:
        return f"notebook {name} has not run"
    if "not_run" in value:
        return f"needs {value['not_run']}"
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, int | float):
        return {"value": value, "low": value, "high": value}
    if not isinstance(value, dict) or any(value.get(k) is None for k in ("value", "low", "high")):
        return f"{key} is undefined on these data"
    return {k: value[k] for k in ("value", "low", "high")}


@dataclass(frozen=True)
class Headline:
    """One row of the README's table, ready to print."""

    what: str
    paper: str
    ours: str


def headline(*loaders: Callable[[str], dict]) -> list[Headline]:
    """The paper's headline numbers beside ours with their 95 % intervals, as in `scoreboard`.

    Which ones is listed in `params/reported/headline.csv`. An average that lacks attributes,
    because the test faces at hand cannot judge them, says so.
    """
    table = []
    for what, row in reported("headline").iterrows():
        ours = over_seeds([lookup(load, row["ours"]) for load in loaders])
        if not isinstance(ours, str):
            number = "{value:.1f} ({low:.1f}–{high:.1f})".format(**ours)
            ours = number + judged(loaders[0], row["ours"])
        number = published(row["table"], row["row"], row["column"])
        table.append(Headline(what, f"{number:.1f}", ours))
    return table


def judged(load_metrics: Callable[[str], dict], key: str) -> str:
    """Of how many attributes an average is one, where it is not of all; else nothing."""
    name, *_, method = key.split("/")
    every = [row.get(method) for row in load_metrics(name).get("attribute", {}).values()]
    there = sum(value is not None for value in every)
    return f", {there} of {len(every)} attributes" if there < len(every) else ""
