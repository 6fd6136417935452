"""Run one notebook of the pipeline: `python -m workflow.execute <profile> <run>`.

The last thing it writes is `<run>.done`, with the checksums of what the notebook made.
"""

import os
import re
import subprocess
import sys

import nbformat
from nbformat import NotebookNode

from lib.params import load
from lib.workspace import files
from workflow import captions, progress
from workflow.pipeline import done, folder_of, seed_of, split


def main(profile: str, run: str) -> None:
    """Run a notebook and record what it made; SystemExit where it fails."""
    _, notebook = split(run)
    root, params = folder_of(profile), load(profile)
    log = progress.log_of(profile, run)
    log.parent.mkdir(parents=True, exist_ok=True)
    progress.begin(profile, run)
    running = log.with_suffix(".ipynb")
    options = ["--cwd", "notebooks", "-k", "python3", "--log-output", "--no-progress-bar"]
    values = ["-r", "profile", profile, "-p", "seed", str(seed_of(run, params))]
    source = f"notebooks/{notebook}.ipynb"
    command = [sys.executable, "-m", "workflow.watch", "papermill", source, str(running)]
    with log.open("w") as out:
        ended = subprocess.run([*command, *values, *options], stdout=out, stderr=out)
    if ended.returncode:
        progress.failed(profile, run)
    page = nbformat.read(running, as_version=4)
    captions.describe(page.cells)
    remove_bars(page.cells)
    nbformat.write(page, running)
    os.replace(running, root / f"{run}.ipynb")
    files.write_json(root / done(run), made(profile, run))
    progress.end(profile, run)


def remove_bars(cells: list[NotebookNode]) -> None:
    """Leave of what cells printed what a screen would show: no progress bars that are over, nor
    other text that a carriage return has overwritten, nor outputs that are empty then.
    """
    for cell in cells:
        joined: list[NotebookNode] = []
        for output in cell.get("outputs", []):
            if joined and output.get("name", "") == joined[-1].get("name"):
                joined[-1].text += output.text  # papermill keeps every piece of a stream
            else:
                joined.append(output)
        for output in joined:
            if output.output_type == "stream":
                output.text = re.sub(r"[^\n]*\r(?!\n)", "", output.text)
        if joined:
            cell.outputs = [each for each in joined if each.get("text", "text").strip()]


def made(profile: str, run: str) -> dict[str, str]:
    """The artifacts and numbers of a run, by their path in its folder, and the checksum of each.

    The states of networks in training, in folders of their own, are left out.
    """
    folder, notebook = split(run)
    root = folder_of(profile) / folder
    artifacts, number = root / "artifacts", notebook.partition("_")[0]
    found = {}
    for note in sorted([*artifacts.glob(f"{number}_*.sum"), *artifacts.glob(f"{number}_*/*.sum")]):
        path = note.with_suffix("")
        if (path.parent == artifacts or path.suffix != ".safetensors") and (
            known := files.versions(path)
        ):
            found[str(path.relative_to(root))] = known[0]["sha256"]
    for path in sorted((root / "metrics").glob(f"{notebook}.*")):
        found[str(path.relative_to(root))] = files.checksum(path)
    return found


def damaged(profile: str, run: str) -> str:
    """What is wrong with the files of a run that is over; empty if nothing is."""
    folder, notebook = split(run)
    root = folder_of(profile) / folder
    try:
        known = files.read_json(folder_of(profile) / done(run)) or {}
        for name, checksum in known.items():
            path = root / name
            if not path.exists():
                return f"{path} is missing"
            if files.checksum(path) != checksum:
                return f"{path} is damaged or was replaced"
        files.read_json(root / f"{notebook}.ipynb")
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main(*sys.argv[1:])
