"""Run the executed smoke copies again with nbval: `python -m workflow.validate`.

As many at a time as there are processors, each after the notebooks that it needs; what they make
goes to the folder OUTPUTS. SystemExit if one differs from its copy or fails.
"""

import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from lib.params import load
from lib.workspace import machine
from lib.workspace.provenance import ROOT
from workflow.pipeline import STEPS, before

PROFILE = "smoke"


def main() -> None:
    """Check every notebook; the first that fails ends the run, after those that go on beside it."""
    params = load(PROFILE)
    order = TopologicalSorter({name: before(name, params) for name in STEPS})
    order.prepare()
    with ThreadPoolExecutor(machine.processors()) as pool:
        running: dict[Future[bool], str] = {}
        while order.is_active():
            running |= {pool.submit(check, name): name for name in order.get_ready()}
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(ended)
                if not ended.result():
                    pool.shutdown(cancel_futures=True)
                    sys.exit(f"{name} does not give what its copy in outputs/{PROFILE} shows")
                order.done(name)


def check(name: str) -> bool:
    """Whether a notebook runs and gives what is compared in its copy; what pytest says is shown."""
    copy = ROOT / "outputs" / PROFILE / f"{name}.ipynb"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval-lax", str(copy)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(f"{name}\n{ended.stdout}", end="", flush=True)
    return ended.returncode == 0


if __name__ == "__main__":
    main()
