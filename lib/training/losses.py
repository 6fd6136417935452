"""The loss of Eqn. 1 over the labels that exist, and what a predictor without pictures reaches."""

import torch
from torch import Tensor
from torch.nn import functional


def masked_loss(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy of Eqn. 1, averaged over the labels that exist; a scalar in nats per label.

    The gradient of a missing label is exactly zero, whatever its logit is.

    Parameters
    ----------
    logits
        (B, A) float.
    targets
        (B, A) in [0, 1], negative where missing.
    weights
        (B, A), how much each label counts; None: all alike.

    Raises
    ------
    ValueError
        Other shapes; a target above 1 or that is NaN; a weight that is negative or not finite; the
        logit of a label that exists is NaN.
    """
    check_loss(logits, targets, weights)
    total, present = masked_sum(logits, targets, weights)
    return total / present.clamp(min=1e-12)


def check_loss(logits: Tensor, targets: Tensor, weights: Tensor | None) -> None:
    """ValueError for what `masked_loss` does not take."""
    given = {"logits": logits, "targets": targets, "weights": weights}
    for name, value in given.items():
        if value is None:
            continue
        if not isinstance(value, Tensor):
            raise ValueError(f"{name} must be a tensor, found {type(value).__name__}")
        if value.ndim != 2 or value.shape != logits.shape:
            raise ValueError(f"{name} must be (B, A) as logits, found {tuple(value.shape)}")
    if not logits.is_floating_point():
        raise ValueError(f"logits must be floats, found {logits.dtype}")
    if not (targets <= 1).all():
        raise ValueError("a target is above 1 or NaN: it must be in [0, 1], or -1 where missing")
    if weights is not None and not ((weights >= 0) & weights.isfinite()).all():
        raise ValueError("a weight is negative or not finite")
    if logits[targets >= 0].isnan().any():
        raise ValueError("the logit of a label that exists is NaN")


def masked_sum(logits: Tensor, targets: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """The cross-entropy summed over the labels that exist, and the sum of their weights."""
    weight = (targets >= 0).to(logits.dtype)
    if weights is not None:
        weight = weight * weights.to(logits.dtype)
    logits = torch.where(weight > 0, logits, 0)  # 0 x NaN would be NaN, in the gradient too
    truth = targets.to(logits.dtype).clamp(min=0)
    each = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (each * weight).sum(), weight.sum()


def frequency_logits(labels: Tensor) -> Tensor:
    """Logits (1, A) of a predictor that knows label frequencies only.

    labels: (N, A) in {0, 1}, -1 where missing; an attribute without labels gets 0. ValueError for
    other shapes and values.
    """
    labels = torch.as_tensor(labels)
    if labels.ndim != 2:
        raise ValueError(f"labels must be (N, A), found {tuple(labels.shape)}")
    if not ((labels == -1) | (labels == 0) | (labels == 1)).all():
        raise ValueError("a label is none of 0, 1 and -1 (missing)")
    known = (labels >= 0).sum(0).double()
    share = ((labels == 1).sum(0) / known).float().nan_to_num(0.5)
    return share.clamp(1e-4, 1 - 1e-4).logit()[None]
