"""What a run may use of the machine: the number of threads of each notebook, the processors."""

import multiprocessing
import os
import threading
from multiprocessing.connection import wait

import joblib
import threadpoolctl
import torch

# Threads that a notebook computes with, by its number; one for all others. A narrow network trains
# no faster on two threads than on one, so two notebooks that train run side by side.
THREADS = {"01": 2, "16": 2}


def threads(notebook: str) -> int:
    """Threads that a notebook computes with, also on machines with more processors."""
    return THREADS.get(notebook.partition("_")[0], 1)


def compute_with(notebook: str) -> None:
    """Set the threads of this process to a notebook's number.

    With another number sums are rounded differently and training gives another network; so a
    notebook run in JupyterLab has the numbers of one run by `make`.
    """
    number = threads(notebook)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(number)  # for libraries that are not loaded yet
    threadpoolctl.threadpool_limits(number)
    torch.set_num_threads(number)


def processors() -> int:
    """Processors that this process may use: by its affinity, and by the quota of a container."""
    return int(joblib.cpu_count())


def end_with_parent() -> None:
    """Let a process of a pool end when the one that started it does, also where that is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_await_end, args=(parent.sentinel,), daemon=True).start()


def _await_end(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
