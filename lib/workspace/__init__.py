"""Where the outputs of a profile are stored, and how they are written: whole files, provenance.

    outputs/<profile>/            executed notebooks
        tables/ figures/          in git: what a reader looks at
        metrics/<notebook>.csv    in git: the notebook's part of the long results table
        metrics/<notebook>.json   in git: its provenance, facts that are not numbers, checksums of
                                  the networks it saved
        artifacts/                not in git: faces, weights, features, predictions
        seed<k>/                  the same from another seed; in git: metrics/
        overrides/<which>/        not in git: the same from a run with overrides

Artifacts begin with the number of the notebook that writes them (`02_dcn`), so that a missing file
names the notebook that makes it. Each has its checksum and what it is made from beside it
(`files`), and both are checked when it is read. Tables and figures are named as in the paper.

`notebook` has the workspace, `outputs` says which files a run may read, `provenance` what a number
was made from; `files` writes files whole or not at all, `machine` counts threads and processors.
Imports `lib.params`.
"""

from lib.workspace.files import atomically, write_json
from lib.workspace.notebook import RESULTS, Workspace, open_notebook, read_results
from lib.workspace.outputs import NeedsData
from lib.workspace.provenance import ROOT

__all__ = [
    "RESULTS",
    "ROOT",
    "NeedsData",
    "Workspace",
    "atomically",
    "open_notebook",
    "read_results",
    "write_json",
]
