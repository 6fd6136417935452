"""One training face in the random field of Section 4.3: its neighbours, and Eqn. 11 term by term.

The face is chosen by a rule, not by hand. It lacks a label of the attribute, has others, and
propagation calls it positive; its neighbours shown are of several kinds: annotated and not,
positive and negative, some of another source. Attributes are tried in the order `FIRST`, then in
that of the vocabulary; of the faces that qualify one is sampled with the seed of the run. Where no
attribute has such a face, it may lack all labels and its neighbours may agree; if that is not
enough, they may all be of its own source.
"""

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from lib import propagation, vocabulary
from lib.data import heldout
from lib.data.faces import FaceSet
from lib.params import PropagationParams
from lib.propagation import NeighbourGraph
from lib.propagation.prior import class_odds

FIRST = ("happy", "goatee", "smiling", "surprise", "bald")
SHOWN = 6  # neighbours
NAMES = ("Gaussian term (Eqn. 4)", "co-occurrence prior (Eqn. 5)", "neighbours (Eqn. 6)")
ANSWERS = {1: "positive", 0: "negative"}


@dataclass(frozen=True)
class Neighbourhood:
    """A face and its neighbours; without rows where no face qualifies.

    title: the attribute, and the truth where it is known; or why there is no face.
    nodes: a row per face, the one in question first: `face` (its row in the set), `source`,
        `positive` (its label, annotated or inferred), `known` (annotated), `affinity` (to the first
        face; NaN for that one).
    terms: of Eqn. 11, a row each: `log-odds` after weighting, and a `note` where it comes from.
    """

    title: str
    nodes: pd.DataFrame
    terms: pd.DataFrame

    @property
    def faces(self) -> Tensor:
        """Rows of the faces in the set, (1 + K,), or (0,)."""
        return torch.tensor(self.nodes["face"].tolist(), dtype=torch.long)


def example(
    features: Tensor,
    faces: FaceSet,
    inferred: Tensor,
    classifier_weights: Tensor,
    *,
    params: PropagationParams,
    seed: int = 0,
    device: str | None = None,
) -> Neighbourhood:
    """A face that was newly predicted positive, and why.

    features (N, D), inferred (N, 24) after propagation, classifier_weights (24, D); device: where
    neighbours are searched. ValueError where it is not decided which labels may be seen.
    """
    visible = faces.visible
    if visible is None:
        raise ValueError("which labels may be seen is not decided yet: notebook 01 does it")
    if params.potentials == "fitted":
        return _none("With fitted potentials the posterior is not the sum of Eqn. 11.")
    graph = propagation.neighbours(features, params.neighbours, device=device)
    close, source = ties(graph, symmetric=params.symmetric), faces.table["source"]
    codes = torch.tensor(source.astype("category").cat.codes.to_numpy())
    slots = nearest(close, codes[graph.index] != codes[:, None])
    shown = graph.index.gather(1, slots)  # (N, K)
    found = choose(visible, inferred, shown, codes, seed=seed)
    if found is None:
        return _none("No face that lacks a label was predicted positive next to annotated faces.")
    face, a = found
    rows = torch.cat([torch.tensor([face]), shown[face]])
    nodes = pd.DataFrame(
        {
            "face": rows,
            "source": source.iloc[rows.numpy()].to_numpy(),
            "positive": inferred[rows, a] == 1,
            "known": visible[rows, a] >= 0,
            "affinity": [float("nan"), *close[face, slots[face]].tolist()],
        }
    )
    terms = log_odds(face, a, features, visible, inferred, classifier_weights, graph, params)
    return Neighbourhood(_title(faces, face, a), nodes, terms)


def log_odds(
    face: int,
    a: int,
    features: Tensor,
    labels: Tensor,
    inferred: Tensor,
    classifier_weights: Tensor,
    graph: NeighbourGraph,
    params: PropagationParams,
) -> pd.DataFrame:
    """The weighted terms of Eqn. 11 for attribute a of a face: columns `log-odds` and `note`.

    labels, inferred: (N, 24), before and after propagation.
    """
    every = propagation.terms(features, labels, classifier_weights, inferred, graph, params)
    notes = (
        "densities of both classes",
        witnesses(labels[face], classifier_weights, a),
        _votes(inferred[:, a], graph, face, params.symmetric),
    )
    weights = (params.unary_weight, params.prior_weight, params.pairwise_weight)
    rows = {
        name: (weight * float(odds[face, a]), f"weight {weight:g}; {note}")
        for name, weight, odds, note in zip(NAMES, weights, every, notes, strict=True)
    }
    if params.class_prior == "frequency":
        rows["class frequency"] = (
            float(class_odds(labels)[a]),
            "among the annotations; not in Eqn. 11",
        )
    return pd.DataFrame.from_dict(rows, orient="index", columns=["log-odds", "note"])


def ties(graph: NeighbourGraph, *, symmetric: bool) -> Tensor:
    """How much each listed neighbour counts in Eqn. 6, (N, k) like `graph.index`.

    v_ij; in a symmetric field (v_ij + v_ji) / 2, where v_ji is 0 if i is not on the list of j.
    """
    v, index = propagation.affinity(graph, symmetric=symmetric), graph.index
    if not symmetric:
        return v
    back, itself = torch.zeros_like(v), torch.arange(len(index))[:, None]
    for slot in range(index.shape[1]):
        back += torch.where(index[index, slot] == itself, v[index, slot], 0.0)
    return (v + back) / 2


def nearest(close: Tensor, foreign: Tensor, count: int = SHOWN) -> Tensor:
    """Slots (N, count) of the closest neighbours, closest first.

    close (N, k); foreign (N, k) bool: from another source. If none of the closest is foreign and
    another neighbour is, the closest foreign one takes the last place.
    """
    order = close.argsort(dim=1, descending=True, stable=True)
    count = min(count, order.shape[1])
    ranked = foreign.gather(1, order)
    first = ranked.int().argmax(1)  # the closest foreign one, or 0
    late = first >= count
    order[late, count - 1] = order[late, first[late]]
    return order[:, :count]


def choose(
    visible: Tensor, inferred: Tensor, shown: Tensor, source: Tensor, *, seed: int
) -> tuple[int, int] | None:
    """Row and column of the label to show, by the rule above; None where there is none.

    visible, inferred (N, 24); shown (N, K) rows of neighbours; source (N,) codes.
    """
    chance = torch.Generator().manual_seed(seed)
    bridged, labelled = (source[shown] != source[:, None]).any(1), (visible >= 0).any(1)
    columns = vocabulary.columns((*FIRST, *(x for x in vocabulary.ATTRIBUTES if x not in FIRST)))
    stages = ((True, bridged & labelled), (False, bridged), (False, torch.ones_like(bridged)))
    for divided, able in stages:
        for a in columns:
            known, positive = visible[:, a] >= 0, inferred[:, a] == 1
            fits = able & ~known & positive & known[shown].any(1) & ~known[shown].all(1)
            if divided:
                fits &= ~positive[shown].all(1) & positive[shown].any(1)
            rows = fits.nonzero()[:, 0]
            if len(rows):
                return int(rows[torch.randint(len(rows), (1,), generator=chance)]), a
    return None


def witnesses(labels: Tensor, classifier_weights: Tensor, a: int, count: int = 2) -> str:
    """The annotations (24,) of a face that say most about attribute a (Eqn. 2), in words."""
    if not (labels >= 0).any():
        return "no other label is known"
    rho = propagation.cooccurrence(classifier_weights)[a].abs() * (labels >= 0)
    words = [
        f"{vocabulary.title(vocabulary.ATTRIBUTES[other])}: {'yes' if labels[other] else 'no'}"
        for other in rho.argsort(descending=True)[: min(count, int((labels >= 0).sum()))].tolist()
    ]
    more = int((labels >= 0).sum()) - len(words)
    return "; ".join(words) + (f"; {more} more" if more else "")


def _votes(labels: Tensor, graph: NeighbourGraph, face: int, symmetric: bool) -> str:
    """How many neighbours have which label (N,), in words."""
    listed = graph.index[face]
    if symmetric:
        incoming = (graph.index == face).any(1).nonzero()[:, 0]
        listed = torch.cat([listed, incoming]).unique()
    positive = int((labels[listed] == 1).sum())
    return f"of all {len(listed)}, {positive} positive, {len(listed) - positive} negative"


def _title(faces: FaceSet, face: int, a: int) -> str:
    truth = int(heldout.reference(faces)[face, a])
    kind = "label held out" if faces.truth is None else "hidden truth"
    answer = f"{kind}: {ANSWERS[truth]}" if truth in ANSWERS else "truth unknown"
    return f"{vocabulary.title(vocabulary.ATTRIBUTES[a])}: predicted positive; {answer}"


def _none(why: str) -> Neighbourhood:
    return Neighbourhood(why, pd.DataFrame(columns=["face"]), pd.DataFrame())
