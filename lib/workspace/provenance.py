"""What a number was made from: code, parameters, data, packages, device, time."""

import contextlib
import functools
import hashlib
import importlib.metadata
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor

from lib.params import Params

ROOT = Path(__file__).resolve().parents[2]
BLOCK = 1 << 26  # bytes that are hashed at a time, so that memory-mapped tensors stay on disk
PACKAGES = ("torch", "torchvision", "lightning-fabric", "numpy", "scikit-learn", "pandas")


def provenance(params: Params, *, notebook: str, data: str) -> dict[str, Any]:
    """The record that goes with every table, figure and number.

    data: fingerprint of the faces and pairs, from notebook 01; empty before it has run.
    """
    return {
        "notebook": notebook,
        "commit": commit(),
        "profile": params.profile,
        "seed": params.seed,
        "parameters": digest(params.model_dump_json()),
        "sections": {
            name: digest(value.model_dump_json())[:8]
            for name, value in params
            if isinstance(value, BaseModel)
        },
        "data": data,
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "device": device_name(params),
        "processor": processor(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def digest(text: str | bytes) -> str:
    """Short SHA-256 of a text, for fingerprints."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:16]


def content_hash(*tensors: Tensor) -> str:
    """Hash of the whole content of tensors: type, shape and every value, 16 hexadecimal digits.

    Memory-mapped tensors are read a block at a time.
    """
    found = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        found.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        rows = tensor.detach() if tensor.ndim else tensor.detach()[None]
        row_bytes = rows.nbytes // max(1, len(rows))
        for block in rows.split(max(1, BLOCK // max(1, row_bytes))):
            found.update(block.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return found.hexdigest()


def device(params: Params) -> str:
    """`cuda` where there is a GPU and the profile allows it, else `cpu`."""
    return "cuda" if params.device != "cpu" and torch.cuda.is_available() else "cpu"


def device_name(params: Params) -> str:
    """The name of the GPU that a profile computes on, or `cpu`."""
    return torch.cuda.get_device_name() if device(params) == "cuda" else "cpu"


@functools.cache
def processor() -> str:
    """The kind of processor: machine, maker, family, model, vector instructions."""
    kind = [platform.machine()]
    with contextlib.suppress(OSError):  # only Linux has this file
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
        pairs = (line.split(":", 1) for line in lines if ":" in line)
        fields = {name.strip(): value.strip() for name, value in pairs}
        kind += [fields[name] for name in ("vendor_id", "cpu family", "model") if name in fields]
    return " ".join([*kind, torch.backends.cpu.get_cpu_capability()])


@functools.cache
def commit() -> str:
    """The commit of the working tree, with `-dirty` where code or params differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--exclude=*"]
    changes = ["git", "-C", str(ROOT), "status", "--porcelain", "lib", "params", "notebooks"]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        dirty = subprocess.run(changes, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("-dirty" if dirty else "")
