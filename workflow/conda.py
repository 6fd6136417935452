"""environment.yml from the lock: `uv export ... | python -m workflow.conda > environment.yml`.

Conda brings Python and pip; every package comes from the package index at the locked version.
"""

import subprocess
import sys
from pathlib import Path

EXPORT = "export --frozen --no-hashes --no-annotate --no-header --no-emit-project"
HEADER = """\
# For conda users: the packages of uv.lock. Written by `make environment.yml`.
name: interpersonal-relation
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def environment(uv: str) -> str:
    """The text of environment.yml; `uv` is the command that reads the lock."""
    root = Path(__file__).resolve().parent.parent
    command = [uv, *EXPORT.split()]
    exported = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    pins = [*exported.stdout.split("\n"), "-e ."]
    return HEADER + "".join(f'      - "{pin}"\n' for pin in pins if pin.strip())


if __name__ == "__main__":
    print(environment(sys.argv[1]), end="")
