"""Ours beside what people use: `python -m bench`, or one of its modules; never part of the tests.

FAISS brings an OpenBLAS of 2021, which takes a processor that it does not know for one of 2007,
and an environment may hold every OpenBLAS to an older kernel. A peer that is held back flatters
us: on Linux all use the widest vectors of the processor.
"""

import os
from pathlib import Path

KERNELS = {"avx512vl": "SkylakeX", "avx2": "Haswell"}  # what a processor can, OpenBLAS's name

about = Path("/proc/cpuinfo")
able = about.read_text().split() if about.exists() else []
for vectors, kernel in KERNELS.items():
    if vectors in able:
        os.environ["OPENBLAS_CORETYPE"] = kernel  # read when numpy, scipy and FAISS are imported
        os.environ.pop("OPENBLAS_L2_SIZE", None)
        break
