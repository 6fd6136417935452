"""`python -m bench`: every benchmark, one after the other; results in `outputs/bench/`."""

import importlib
from pathlib import Path

for file in sorted(Path(__file__).parent.glob("[!_]*.py")):
    module = importlib.import_module(f"bench.{file.stem}")
    if hasattr(module, "main"):
        print(f"\n{(module.__doc__ or '').splitlines()[0]}\n", flush=True)
        module.main()
