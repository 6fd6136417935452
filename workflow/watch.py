"""Run a module as its own program, and end it with all it started when its parent ends.

    python -m workflow.watch <module> <arguments>

So no notebook runs on after a run was killed, also where that left no time to clean up.
"""

import contextlib
import os
import runpy
import sys
import threading
import time

import psutil


def end_with_parent(seconds: float = 0.3) -> None:
    """Kill this process and all its children as soon as the one that started it has ended."""
    parent = os.getppid()
    threading.Thread(target=_watch, args=(parent, seconds), daemon=True).start()


def _watch(parent: int, seconds: float) -> None:
    while os.getppid() == parent:
        time.sleep(seconds)
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()
    os._exit(1)


if __name__ == "__main__":
    end_with_parent()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
