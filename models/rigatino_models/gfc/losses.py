"""GFC's losses (arXiv 1704.05838, section 3.3), with the weights of its code. Pictures are RGB [N,3,H,W] in [0,1].

The curriculum has three stages: reconstruction; with the local discriminator; with the global one and parsing too. The
original adds the global discriminator's gradient outside the hole too, where its input is not the generator's; ours
does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rigatino_models.losses.adversarial import generator_loss as passing


@dataclass(frozen=True)
class Weights:
    """What each term counts. The paper has 0.005 for parsing; its code, taken here, 0.05."""

    local: float = 300.0
    overall: float = 300.0
    parsing: float = 0.05


@dataclass(frozen=True)
class Verdicts:
    """What is said of a batch's answers; None for what a stage of the curriculum does without.

    local, overall: the discriminators' logits [N] on the hole's square and on the composite; parsing: logits
    [N,classes,H,W] on the composite, parts: the classes [N,H,W] that the parsing network finds in the truth.
    """

    local: Tensor | None = None
    overall: Tensor | None = None
    parsing: Tensor | None = None
    parts: Tensor | None = None


def generator_loss(
    raw: Tensor, truth: Tensor, hole: Tensor, verdicts: Verdicts, weights: Weights | None = None
) -> dict[str, Tensor]:
    """All terms for the generator, by name; their sum is what to go down on. hole [N,1,H,W], 1 = filled."""
    weights = weights or Weights()
    terms = {"reconstruction": reconstruction(raw, truth)}
    if verdicts.local is not None:
        terms["local"] = weights.local * passing(verdicts.local)
    if verdicts.overall is not None:
        terms["overall"] = weights.overall * passing(verdicts.overall)
    if verdicts.parsing is not None and verdicts.parts is not None:
        terms["parsing"] = weights.parsing * parsing(verdicts.parsing, verdicts.parts, hole)
    return terms


def reconstruction(raw: Tensor, truth: Tensor) -> Tensor:
    """L1 over the whole picture on the scale [-1,1]: summed over a picture, the mean over pictures."""
    return 2 * (raw - truth).abs().sum() / len(raw)


def parsing(logits: Tensor, parts: Tensor, hole: Tensor) -> Tensor:
    """Softmax cross-entropy inside the hole: summed over a picture, the mean over pictures."""
    return (F.cross_entropy(logits, parts, reduction="none") * hole[:, 0]).sum() / len(logits)


def critic_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Binary cross-entropy of a discriminator, the mean over real and made-up pictures alike."""
    return (F.softplus(-real_logits).sum() + F.softplus(fake_logits).sum()) / (
        len(real_logits) + len(fake_logits)
    )


def square(pictures: Tensor, hole: Tensor, side: int) -> Tensor:
    """What the local discriminator looks at: of each picture the square [N,3,side,side] around its hole's middle.

    It is shifted to lie within the picture. Raises ValueError for a picture without a hole.
    """
    return torch.stack(
        [
            picture[..., top : top + side, left : left + side]
            for picture, mask in zip(pictures, hole, strict=True)
            for top, left in [_corner(mask, side)]
        ]
    )


def _corner(mask: Tensor, side: int) -> tuple[int, int]:
    """Where the square of a mask [1,H,W] begins."""
    places = mask[0].nonzero()
    if not len(places):
        raise ValueError("a picture has no hole")
    middle = (places.amin(0) + places.amax(0) + 1 - side) // 2
    top, left = (
        min(max(int(start), 0), size - side) for start, size in zip(middle, mask.shape[-2:], strict=True)
    )
    return top, left
