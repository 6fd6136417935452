"""Trained networks that come with the repository: `models.load("dcn_ap")`.

They are files in `outputs/<profile>/weights/`, in half precision, and say in their header how to
build the network; the model card beside them says what they learnt from and what they can do.
"""

import json
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file, save_file

from lib.models.dcn import DCN, make_trunk
from lib.models.siamese import RelationNet

OUTPUTS = Path(__file__).resolve().parents[2] / "outputs"
PROFILES = ("paper", "h200", "thorough", "default")  # the best first


def load(name: str | Path) -> DCN | RelationNet:
    """A trained network in evaluation mode.

    Parameters
    ----------
    name
        `"dcn"` (the Baseline DCN), `"dcn_ap"` (after attribute propagation) or `"s_dcn"` (the full
        S-DCN), of the best profile that has it; or the path of a file of weights.

    Raises
    ------
    ValueError
        Where there is no such file, with those that there are.
    """
    path = find(name) if isinstance(name, str) else name
    sizes = built(path)
    trunk = make_trunk(sizes["trunk"], sizes["width"], sizes["features"])
    network = (
        RelationNet(trunk, features=sizes["features"], shared=sizes["shared"])
        if "shared" in sizes
        else DCN(sizes["width"], sizes["features"], sizes["attributes"], trunk)
    )
    network.load_state_dict(load_file(path))
    return network.eval()


def find(name: str) -> Path:
    """The file of a trained network, of the best profile that has it; errors as those of `load`."""
    for profile in PROFILES:
        path = OUTPUTS / profile / "weights" / f"{name}.safetensors"
        if path.exists():
            return path
    known = sorted({path.stem for path in OUTPUTS.glob("*/weights/*.safetensors")})
    raise ValueError(f"no trained network {name!r} in {OUTPUTS}/*/weights: there are {known}")


def built(path: Path) -> dict:
    """How a file's network is built: size (px of its input), width, features, trunk, and shared
    (S-DCN) or attributes (DCN). ValueError where the file does not say so.
    """
    if not path.exists():
        raise ValueError(f"no file of weights {path}")
    with safetensors.safe_open(path, "pt") as file:
        header = file.metadata() or {}
    if "built" not in header:
        raise ValueError(f"{path} does not say how its network is built: save it by `models.save`")
    return json.loads(header["built"])


def save(network: DCN | RelationNet, path: Path, sizes: dict) -> None:
    """Write a network's weights in half precision. sizes: as `built` gives them."""
    half = {
        key: value.detach().cpu().to(torch.float16 if value.is_floating_point() else value.dtype)
        for key, value in network.state_dict().items()
    }
    save_file(
        {key: value.contiguous() for key, value in half.items()}, path, {"built": json.dumps(sizes)}
    )
