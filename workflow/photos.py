"""What trained networks say about a folder of photographs: `python -m workflow.photos [folder]`.

Takes the networks of the best profile whose weights are there, trains nothing, and writes tables
and figures to `outputs/photos/`, which git ignores. `make photos` runs it on `data/photos/`.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from lib import params
from lib.data import photos
from lib.data.scenes import Scene
from lib.experiments import networks, photographs
from lib.figures import scenes as figures
from lib.models import DCN, RelationNet
from lib.workspace import Workspace
from lib.workspace.provenance import ROOT

ORDER = ("paper", "h200", "thorough", "default")  # best first; then the user's own, last smoke
ARTIFACTS = ("04_dcn", "10_relation")  # DCN+AP and the full S-DCN
TARGET = ROOT / "outputs" / "photos"


def trained() -> list[str]:
    """Profiles with trained networks, the best first: weights that come with the project, or those
    of notebooks that have run.

    The environment variable OUTPUTS replaces `outputs`.
    """
    own = sorted(path.stem for path in params.FOLDER.glob("*.yaml"))
    profiles = dict.fromkeys([*ORDER, *(name for name in own if name != "smoke"), "smoke"])
    return [name for name in profiles if name in own and _has_networks(name)]


def _has_networks(profile: str) -> bool:
    root = Workspace(params.load(profile), "photos").root
    return all(
        (root / "artifacts" / f"{name}.safetensors").exists()
        or (root / "weights" / f"{networks.COMMITTED[name]}.safetensors").exists()
        for name in ARTIFACTS
    )


def load(profile: str) -> tuple[DCN, RelationNet]:
    """DCN+AP and the full S-DCN of a profile."""
    work = Workspace(params.load(profile), "photos")
    return networks.load(work, ARTIFACTS[0]), networks.load_siamese(work, ARTIFACTS[1])


def main(folder: Path) -> str:
    """Write everything about a folder's photographs; returns what to tell the user.

    SystemExit in words where there are no photographs, no faces in them or no networks.
    """
    profiles = trained()
    if not profiles:
        sys.exit(
            "no trained networks yet: `make reproduce` trains them (`make reproduce "
            "PROFILE=smoke` in minutes, but what those say means nothing)"
        )
    pictures, skipped = photos.photographs(folder)
    print(photos.report(pictures, skipped))
    if not pictures:
        sys.exit(f"no photograph in {folder}: put some there (JPEG, PNG, HEIC, AVIF, WebP, TIFF)")
    scenes = {name: photos.detect(picture) for name, picture in pictures.items()}
    for name, scene in scenes.items():
        print(f"{name}: {len(scene.boxes)} face{'s' * (len(scene.boxes) != 1)}")
    if not any(len(scene.boxes) for scene in scenes.values()):
        sys.exit("no face found: add a photograph in which people look at the camera")
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    note = write(scenes, profiles[0])
    return f"{note}\n\nwritten to {TARGET}"


def write(scenes: Mapping[str, Scene], profile: str) -> str:
    """Tables and figures into `TARGET`, and the note on what they are not, which is returned."""
    settings, (dcn, model) = params.load(profile), load(profile)
    rendered = "embedded world" in Workspace(settings, "photos").ours("01_relation")
    pairs = photographs.pairs(scenes, settings, rendered=rendered)
    attributes = photographs.attributes(dcn, scenes, settings)
    traits = photographs.traits(model, pairs, settings)
    attributes.to_csv(TARGET / "attributes.csv", index_label="face", float_format="%.4f")
    traits.to_csv(TARGET / "relations.csv", index_label="pair", float_format="%.4f")
    draw(scenes, attributes, traits, photos.couples(scenes, pairs), settings.data.size)
    note = f"Networks of the profile {profile}."
    if profile == "smoke":
        note += "\nThat profile only checks that every step works: what its networks say is noise."
    note = "\n\n".join([note, *([photographs.RENDERED] if rendered else []), photographs.NOT])
    (TARGET / "READ_ME_FIRST.txt").write_text(note + "\n")
    return note


def draw(
    scenes: Mapping[str, Scene],
    attributes: pd.DataFrame,
    traits: pd.DataFrame,
    couples: Mapping[str, Scene],
    size: int,
) -> None:
    """A figure of the attributes for every picture with faces, one of the traits for every pair."""
    first = 0
    for name, scene in scenes.items():
        faces = photos.crops(scene, size)
        if not len(faces):
            continue
        rows = attributes.iloc[first : first + len(faces)]
        first += len(faces)
        figure = figures.attribute_bars(dict(zip(rows.index, faces, strict=True)), rows.to_numpy())
        figure.savefig(TARGET / f"{photos.file_name(name)}_attributes.png", bbox_inches="tight")
    for name, couple in couples.items():
        figure = figures.tendencies({name: couple}, traits.loc[[name]].to_numpy())
        figure.savefig(TARGET / f"{photos.file_name(name)}.png", bbox_inches="tight")


if __name__ == "__main__":
    given = [Path(word) for word in sys.argv[1:] if word]
    print(main(given[0] if given else ROOT / params.load("default").data.root / "photos"))
