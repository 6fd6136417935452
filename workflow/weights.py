"""Publish the trained networks of a profile: `python -m workflow.weights <profile> [<seed>]`.

Writes `outputs/<profile>/weights/`: the Baseline DCN, DCN+AP and the full S-DCN in half precision,
loadable by `models.load("dcn_ap")`, and their model card. Any seed's may be taken, since all are
trained alike, each on people of its own.
"""

import functools
import sys

from lib import models
from lib.evaluation import claims
from lib.evaluation.judging import AUC, PAPER
from lib.experiments import networks
from lib.params import Params, load
from lib.workspace import Workspace
from lib.workspace.files import atomically, checksum
from workflow.readme import estimate, markdown

SOURCES = ("aflw", "celeba", "expw", "relation")
CARD = """\
# Model card: networks of the profile `{profile}`

`dcn`, `dcn_ap` and `s_dcn` are the Baseline DCN, the DCN after attribute propagation and the full
S-DCN of "From Facial Expression Recognition to Interpersonal Relation Prediction", in half
precision:

```python
from lib import models
network = models.load("dcn_ap")  # faces (B, 3, {size}, {size}) -> features, 24 logits
```

`make photos` applies them to photographs. Seed {seed}, commit {commit}.

## What they learnt from

{data}

Trunk `{trunk}` of `lib.models`, {width:g} of the published width, {size} px. Stage 1: {epochs}
epochs at a rate of {rate:g}; stage 2: {rounds} rounds of Algorithm 1.

## What they can do

On test people of the same kind, with 95 % intervals; notebooks 05 and 11 have all numbers.

{results}

## Limits

- Where they learnt from rendered faces, how often they are right on photographs is not known.
- Attributes are what annotators wrote; relation traits are impressions of a picture. They are no
  facts about anybody: do not use them to judge, rank, hire or watch people.
- A probability is that of the training sources, where some attributes are rare.

## Licence

Weights: CC BY 4.0. Code: MIT.
"""


def main(profile: str, seed: str = "") -> None:
    """Write the weights and the model card of a profile whose notebooks have run.

    seed: whose networks are taken; without, the profile's own.
    """
    root = Workspace(load(profile), "weights")
    work = Workspace(load(profile, seed=int(seed)), "weights") if seed else root
    for artifact, name in networks.COMMITTED.items():
        siamese = name == "s_dcn"
        network = (networks.load_siamese if siamese else networks.load)(work, artifact)
        sizes = networks.sizes(work.params, siamese=siamese)
        path = root.path("weights", f"{name}.safetensors")
        sizes["seed"] = work.params.seed
        sizes["source"] = checksum(work.load(f"{artifact}.safetensors"))  # in full precision
        atomically(path, functools.partial(models.save, network, sizes=sizes))
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    text = card(work)
    atomically(root.path("weights", "README.md"), lambda part: part.write_text(text, "utf-8"))


def card(work: Workspace) -> str:
    """The model card, from the profile and the results of the seed."""
    params, evidence = work.params, claims.recorded(work)
    rows = [
        (title, what, estimate(evidence, notebook, metric, method, "average"))
        for title, notebook, method in (
            ("`dcn`", "05_attribute_accuracy", "Baseline DCN"),
            ("`dcn_ap`", "05_attribute_accuracy", "DCN+AP"),
            ("`s_dcn`", "11_relation_accuracy", "Full S-DCN"),
        )
        for what, metric in (("balanced accuracy at 0.5", PAPER), ("ROC AUC", AUC))
    ]
    return CARD.format(
        profile=params.profile,
        size=params.model.size,
        trunk=params.model.trunk,
        width=params.model.width,
        seed=params.seed,
        commit=work.provenance()["commit"],
        data=data(params),
        epochs=params.stage1.epochs,
        rate=params.stage1.rate,
        rounds=params.stage2.iterations,
        results=markdown(("network", "measure", "mean of its attributes or traits"), rows),
    )


def data(params: Params) -> str:
    """A line for each source of training data."""
    parts = {name: getattr(params.data, name) for name in SOURCES}
    kinds = {"relation": "pairs of faces"}
    return "\n".join(
        f"- {name}: {part.train:,} {kinds.get(name, 'faces')}, "
        + ("rendered" if part.origin == "world" else f"origin `{part.origin}`")
        for name, part in parts.items()
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
