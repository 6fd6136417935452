"""Run what is left of a profile: `python -m workflow.reproduce <profile> <cores> [options ...]`.

Further options go to Snakemake. After a kill or a loss of power it goes on where it stopped: the
lock ends with its process, notebooks that did not end run again from their checkpoints, and so do
those of which an artifact is missing or damaged. "Up to date" is said only where it is true.
"""

import subprocess
import sys
import time
from collections.abc import Sequence

import filelock

from lib.params import load
from lib.workspace import files, machine
from workflow import progress
from workflow.execute import damaged
from workflow.pipeline import done, folder_of, runs, split

# What lines of Snakemake begin with that nobody needs. Where its solver fails, it has another.
NOISE = ("Select", "Execute", "Failed to solve scheduling")
# What starts before the rest: all else waits for the faces, and the longest chain ends with 11.
FIRST = ("01_datasets", "11_relation_accuracy")


def main(profile: str, cores: str, *options: str) -> None:
    """Run the notebooks of a profile that are not up to date; SystemExit in words if it fails."""
    try:
        load(profile)
        with files.locked(folder_of(profile) / ".lock", timeout=0):
            _run(profile, cores, options)
    except filelock.Timeout:
        sys.exit(f"`make reproduce PROFILE={profile}` runs already: wait for it, or end it first")
    except ValueError as mistake:
        sys.exit(str(mistake))


def _run(profile: str, cores: str, options: Sequence[str]) -> None:
    for folder in folder_of(profile).rglob("*"):
        if folder.is_dir():
            files.sweep(folder)
    cores = str(machine.processors()) if cores == "all" else cores
    begun, from_nothing = time.monotonic(), not (folder_of(profile) / "artifacts").exists()
    if again := _forget_damaged(profile):
        # alone: where they make the same files again, those that need them stay as they are
        _snakemake(profile, cores, *again, *options)
    first = [run for run in runs(load(profile)) if split(run)[1] in FIRST]
    targets = [str(folder_of(profile) / done(run)) for run in first]
    _snakemake(profile, cores, *options, *(["--prioritize", *targets] if targets else []))
    if options and not _up_to_date(profile):
        print(
            f"\nProfile {profile!r} is not up to date: `make reproduce PROFILE={profile}` goes on."
        )
    else:
        if from_nothing:
            progress.keep_minutes(profile, time.monotonic() - begun)
        progress.summary(profile)


def _forget_damaged(profile: str) -> list[str]:
    """Let notebooks run again of which a file is missing or damaged; what Snakemake is to make."""
    again = []
    for run in runs(load(profile)):
        path = folder_of(profile) / done(run)
        if path.exists() and (problem := damaged(profile, run)):
            print(f"{problem}: {run} runs again", flush=True)
            path.unlink()
            again.append(str(path))
    return again


def _command(profile: str, cores: str, *options: str) -> list[str]:
    config = ["--config", f"params=params/{profile}.yaml", "--cores", cores]
    own = ["--nolock", "--rerun-incomplete", *options]
    return [sys.executable, "-m", "workflow.watch", "snakemake", *config, *own]


def _snakemake(profile: str, cores: str, *options: str) -> None:
    """Run Snakemake and show what it says; SystemExit with its code if it fails."""
    command = _command(profile, cores, *options, "--quiet", "progress", "rules", "host", "reason")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as job:
        try:
            for line in job.stdout or ():
                if not line.startswith(NOISE):
                    print(line, end="", flush=True)
        except KeyboardInterrupt:
            job.wait()
        except BrokenPipeError:  # nobody reads: Snakemake would wait for ever at its next message
            job.kill()
    if job.returncode:
        sys.exit(job.returncode)


def _up_to_date(profile: str) -> bool:
    """Whether Snakemake finds nothing to do."""
    ended = subprocess.run(_command(profile, "1", "--dry-run"), capture_output=True, text=True)
    return ended.returncode == 0 and "Nothing to be done" in ended.stdout + ended.stderr


if __name__ == "__main__":
    main(*sys.argv[1:])
