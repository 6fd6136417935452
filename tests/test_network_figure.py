"""Fig. 5: the diagram shows the sizes, the boxes and the faces it is given, and is legible."""

from itertools import combinations

import numpy as np
import pytest
import torch
from matplotlib import patches
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lib.data.faces import spatial_cues
from lib.figures import network
from lib.vocabulary import TRAITS

BOXES = torch.tensor([[[32.0, 36, 64, 36], [128, 18, 64, 72]]])  # px, of 256 x 144


def diagram(features: int = 1024) -> Figure:
    red, green = torch.zeros(2, 3, 12, 12, dtype=torch.uint8)
    red[0], green[1] = 255, 255
    cues = spatial_cues(BOXES, torch.tensor([[256.0, 144]]))[0]
    return network.siamese(red, green, cues, size=64, features=features, shared=32)


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("features", [64, 1024])
def test_the_sizes_are_those_given_and_fit_together(features):
    shown = "\n".join(words(diagram(features)))
    assert shown.count("64 × 64 px") == 2
    assert shown.count(f"$\n{features:,}") == 2  # x_l and x_r
    assert f"{2 * features:,} → 32" in shown
    assert "8 × 43 weights" in shown  # 32 of the faces and 11 cues
    assert "11 spatial cues" in shown


def test_the_boxes_are_where_they_are_in_the_picture():
    axes = diagram().axes[0]
    rectangles = [patch for patch in axes.patches if isinstance(patch, patches.Rectangle)]
    shapes = [patch.get_width() / patch.get_height() for patch in rectangles]
    picture = rectangles[int(np.argmin(np.abs(np.array(shapes) - 16 / 9)))]
    inside = rectangles[rectangles.index(picture) + 1 :][:2]
    top = picture.get_y() + picture.get_height()
    scale = np.array([picture.get_width() / 256, picture.get_height() / 144])
    for box, (x, y, w, h) in zip(inside, BOXES[0].numpy(), strict=True):
        assert [box.get_width(), box.get_height()] == pytest.approx([w, h] * scale)
        assert box.get_x() - picture.get_x() == pytest.approx(x * scale[0])
        assert top - (box.get_y() + box.get_height()) == pytest.approx(y * scale[1])


def test_the_left_face_is_above_the_right_one():
    red, green = diagram().axes[0].images
    assert red.get_array()[0, 0].tolist() == [255, 0, 0]
    assert green.get_array()[0, 0].tolist() == [0, 255, 0]
    assert red.get_extent()[2] > green.get_extent()[3]


def test_every_trait_has_a_unit_and_no_text_overlaps_another():
    figure = diagram()
    axes = figure.axes[0]
    units = {p.center[1] for p in axes.patches if isinstance(p, patches.Circle)}
    assert len(units) == len(TRAITS)
    assert {t.get_position()[1] for t in axes.texts if t.get_text() in TRAITS} == units
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    extents = {text.get_text(): text.get_window_extent(renderer) for text in axes.texts}
    for (one, box), (other, second) in combinations(extents.items(), 2):
        assert not box.overlaps(second), (one, other)
