"""Faces and pairs of faces as sets, from real datasets, the embedded world or the user's files.

`datasets` is the entry point from parameters to sets; `faces` holds FaceSet, PairSet and the
spatial cues; `heldout` decides which labels training may see; `sources` reads the published
datasets and the user's manifest. Imports `lib.world`, `lib.workspace`, `lib.params`
and `lib.vocabulary`.
"""
