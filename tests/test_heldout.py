"""Labels held out: by person and attribute group, or an attribute of a whole source."""

import pandas as pd
import torch

from lib import vocabulary
from lib.data import heldout


def test_labels_are_held_out_by_person_and_group():
    labels = torch.randint(-1, 2, (3000, 24), generator=torch.Generator().manual_seed(0))
    labels = labels.to(torch.int8)
    identity = pd.Series([f"person-{i // 3}" for i in range(3000)])
    visible, held = heldout.hide(labels, identity, share=0.2)
    assert torch.equal(torch.maximum(visible, held), labels)
    assert (torch.minimum(visible, held) == -1).all()
    full, _ = heldout.hide(torch.ones_like(labels), identity, share=0.2)
    gone = full.view(1000, 3, 24) < 0
    assert (gone == gone[:, :1]).all()  # all faces of a person, or none
    for attributes in vocabulary.GROUPS.values():
        columns = gone[..., vocabulary.columns(attributes)]
        assert (columns == columns[..., :1]).all()
        assert 0.15 < columns.float().mean() < 0.25  # 4 standard errors of 1000 draws at 0.2
    subset, _ = heldout.hide(labels[30:60], identity[30:60], share=0.2)
    assert torch.equal(subset, visible[30:60])


def test_attribute_is_hidden_in_a_whole_source():
    visible = torch.tensor([[1], [1], [-1], [-1]], dtype=torch.int8).repeat(1, 24)
    held = torch.tensor([[-1], [-1], [0], [-1]], dtype=torch.int8).repeat(1, 24)
    source = pd.Series(["aflw", "celeba", "aflw", "expw"])
    seen, sought = heldout.hide_source(visible, held, source, "aflw", "gender")
    assert seen[:, 0].tolist() == [-1, 1, -1, -1]
    assert torch.equal(seen[:, 1:], visible[:, 1:])
    assert sought[:, 0].tolist() == [-1, -1, 0, -1]
    assert (sought[:, 1:] == -1).all()
