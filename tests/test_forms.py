"""Quadratic forms: the same for all points, for some of them, and with what forms share at hand."""

import pytest
import torch

from lib.propagation.engine.forms import Form, OneForm, beginnings


@pytest.fixture
def measured():
    """A form of 20 dimensions, 60 points, and its values in float64."""
    generator = torch.Generator().manual_seed(0)
    quadratic = torch.randn(20, 20, generator=generator, dtype=torch.float64)
    quadratic = quadratic + quadratic.T
    linear, constant = torch.randn(20, generator=generator).double(), torch.tensor(0.5).double()
    points = torch.randn(60, 20, generator=generator)
    x = points.double()
    values = ((x @ quadratic) * x).sum(1) + x @ linear + constant
    return OneForm(Form(quadratic.clone(), linear, constant)), points, values.float()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95, 1.0])
def test_a_form_is_evaluated_where_it_is_asked_for(measured, share):
    form, points, values = measured
    asked = torch.arange(60) < 60 * share
    expected = values.where(asked, 0)
    for left in (None, beginnings(points)):
        torch.testing.assert_close(form.where(asked, points, left), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(form(points), values, rtol=1e-4, atol=1e-4)
