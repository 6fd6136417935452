"""`python -m bench`: every benchmark, one after the other; results under `outputs/bench/`."""

import importlib
from pathlib import Path

for file in sorted(Path(__file__).parent.glob("*.py")):
    module = importlib.import_module(f"bench.{file.stem}") if file.stem[0] != "_" else None
    if hasattr(module, "main"):
        print(f"\n{module.__doc__.splitlines()[0]}\n", flush=True)
        module.main()
