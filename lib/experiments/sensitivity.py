"""What the results depend on beyond the paper: groups of people, the number of labels, wrong
labels, parts of the propagation (notebook 17)."""

import itertools

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor

from lib import vocabulary
from lib.data import heldout
from lib.data.faces import FaceSet
from lib.evaluation.judging import Judge
from lib.experiments import alternation, networks
from lib.models import DCN
from lib.params import Params

BEARD = ("goatee", "no_beard", "sideburns", "five_oclock_shadow", "mustache")


def keep(labels: Tensor, identity: pd.Series, share: float, *, seed: int = 0) -> Tensor:
    """Labels (N, A) of a share of the people, -1 for all others.

    A person keeps all labels or none, by a hash of the name and the seed; a person who keeps them
    at one share keeps them at every larger share.
    """
    names = identity.astype(str)
    drawn = np.array([heldout.hash_uniform(f"{seed}/{name}") < share for name in names])
    return labels.masked_fill(~torch.from_numpy(drawn)[:, None], vocabulary.MISSING)


def flip(labels: Tensor, share: float, *, seed: int = 0) -> Tensor:
    """Labels (N, A) of which a share of the known ones is turned into its opposite."""
    chance = torch.rand(labels.shape, generator=torch.Generator().manual_seed(seed))
    return torch.where((labels >= 0) & (chance < share), 1 - labels, labels)


def shorter(params: Params) -> Params:
    """Parameters with `beyond.rounds` rounds of stage 2."""
    stage2 = params.stage2.model_copy(update={"iterations": params.beyond.rounds})
    return params.model_copy(update={"stage2": stage2})


def train(
    faces: FaceSet, labels: Tensor, chosen: Tensor, params: Params, *, fabric: Fabric | None = None
) -> dict[str, Tensor]:
    """Both stages on fewer labels: `baseline`, `control` and `dcn_ap`, logits (T, A) of the T test
    faces each.

    labels (N, A): what may be seen; chosen (N,) bool: the training faces. Stage 1 sees those that
    carry a label, stage 2 propagates to all of them, `beyond.rounds` times; the control trains on
    without propagation.
    """
    params = shorter(params)
    seen, model = chosen & (labels >= 0).any(1), networks.dcn(params)
    data, title = (faces.images[seen], labels[seen]), f"DCN, {int(seen.sum())} labelled faces"
    networks.fit(model, *data, params.stage1, params, fabric=fabric, description=title)
    logits = {"baseline": networks.logits(model, faces.images[~chosen], params, fabric)}
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    runs = {"dcn_ap": ("propagation", chosen), "control": (alternation.NOTHING, seen)}
    for name, (filling, part) in runs.items():
        model.load_state_dict(weights)
        here = part | ~chosen
        given = (faces.images[here], labels[here], part[here])
        rounds = alternation.alternate(model, *given, params=params, filling=filling, fabric=fabric)
        logits[name] = rounds[-1].logits
    return logits


# Stage 2 with a term left out, or with the network's own decisions: (filling, terms' weights).
ABLATIONS: dict[str, tuple[str, dict[str, float]]] = {
    "without the unary term": ("propagation", {"unary_weight": 0.0}),
    "without the prior": ("propagation", {"prior_weight": 0.0}),
    "without the neighbours": ("propagation", {"pairwise_weight": 0.0}),
    "the network's own labels": ("own output", {}),
}


def ablate(
    weights: dict[str, Tensor],
    faces: FaceSet,
    chosen: Tensor,
    params: Params,
    *,
    fabric: Fabric | None = None,
) -> dict[str, Tensor]:
    """Stage 2 from the same stage-1 weights by each of `ABLATIONS`: logits (T, A) of the T test
    faces each.

    chosen (N,) bool: the training faces, of which the visible labels are seen. `beyond.rounds`
    rounds.
    """
    params, logits = shorter(params), {}
    for name, (filling, terms) in ABLATIONS.items():
        field = params.propagation.model_copy(update=terms)
        changed = params.model_copy(update={"propagation": field})
        rounds = alternation.taught(
            weights, faces, chosen, changed, filling, params.stage2.targets, fabric=fabric
        )
        logits[name] = rounds[-1].logits
    return logits


def other_trunk(
    name: str, faces: FaceSet, labels: Tensor, params: Params, *, fabric: Fabric | None = None
) -> DCN:
    """A DCN with another trunk, trained on faces and their labels (N, A) by stage 1's recipe."""
    torch.manual_seed(params.seed)
    model = DCN(features=params.model.features, trunk=name)
    networks.fit(
        model, faces.images, labels, params.stage1, params, fabric=fabric, description=name
    )
    return model


def people(table: pd.DataFrame, labels: Tensor) -> dict[str, dict[str, np.ndarray]]:
    """Masks over faces by sex, age and, where it is known, skin tone: {"sex": {"women": (N,)}}.

    The embedded world knows them as latents (age in years, melanin from 0 to 1); of real faces sex
    and youth are known where they are labelled, skin tone nowhere.
    """
    if "melanin" not in table:
        sex, young = (labels[:, vocabulary.column(name)].numpy() for name in ("gender", "young"))
        return {
            "sex": {"women": sex == 0, "men": sex == 1},
            "age": {"young": young == 1, "not young": young == 0},
        }
    age, tone = table["age"].to_numpy(), table["melanin"].to_numpy()
    return {
        "sex": {"women": (table["male"] == 0).to_numpy(), "men": (table["male"] == 1).to_numpy()},
        "age": {"under 30": age < 30, "30 to 55": (age >= 30) & (age < 55), "over 55": age >= 55},
        "skin tone": {
            "light": tone < 1 / 3,
            "medium": (tone >= 1 / 3) & (tone < 2 / 3),
            "dark": tone >= 2 / 3,
        },
    }


def by_people(
    faces: FaceSet,
    scores: dict[str, Tensor],
    groups: dict[str, dict[str, np.ndarray]],
    frequency: np.ndarray,
    params: Params,
) -> pd.DataFrame:
    """Balanced accuracy (percent) with its interval, one row per question, group and method.

    Averaged over the attributes that occur with both values in every group of a question, so that
    the groups of one question are comparable; sex leaves out itself and the beards. NaN where no
    attribute does.
    """
    rows = []
    for question, masks in groups.items():
        judges = {
            name: Judge.of(faces.select(mask), frequency, params) for name, mask in masks.items()
        }
        shared = [name for name in vocabulary.ATTRIBUTES if _everywhere(name, judges)]
        if question == "sex":
            shared = [name for name in shared if name not in ("gender", *BEARD)]
        for name, judge in judges.items():
            for method, score in scores.items():
                part = score[torch.tensor(masks[name])]
                found = judge.number(part, attributes=shared) if shared else {}
                row = {"question": question, "group": name, "method": method}
                counts = {"faces": int(masks[name].sum()), "attributes": len(shared)}
                rows.append(row | found | counts)
    columns = ["question", "group", "method", "value", "low", "high", "faces", "attributes"]
    return pd.DataFrame(rows, columns=columns).set_index(columns[:3])


def unequal(table: pd.DataFrame, method: str) -> list[str]:
    """Groups of one question whose intervals do not overlap, e.g. `"men above women"`.

    table: as `by_people` gives it.
    """
    found = []
    for _, part in table.xs(method, level="method").groupby("question", sort=False):
        ends = part.droplevel("question")[["low", "high"]].astype(float)
        found += [
            f"{better} above {worse}"
            for better, worse in itertools.permutations(ends.index, 2)
            if ends.loc[better, "low"] > ends.loc[worse, "high"]
        ]
    return found


def _everywhere(attribute: str, judges: dict[str, Judge], least: int = 5) -> bool:
    """Whether an attribute has at least five faces with and without it in every group."""
    column = vocabulary.column(attribute)
    values = [judge.truth[:, column] for judge in judges.values()]
    return all(min((v == 1).sum(), (v == 0).sum()) >= least for v in values)
