"""Steps that are left out because a number in them is not finite, and the end of a run that has come apart."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import torch
from torch import Tensor

log = logging.getLogger(__name__)
MOST = 50  # in a row
FIRST = (
    "The gradients of step %d are not finite numbers: the step is left out, and changes nothing. "
    "After %d such steps in a row the run ends."
)
MORE = "%d steps of %d were left out so far."


class LostSteps:
    """Counts them, and tells of them: of the first at once, of how many they are when it is asked to.

    tells: whether this process does; all count alike.
    """

    def __init__(self, tells: bool) -> None:
        self.tells = tells
        self.total = self.in_a_row = self.told = 0

    @property
    def too_many(self) -> bool:
        """Whether nothing can be hoped for any more."""
        return self.in_a_row >= MOST

    def add(self, step: int) -> None:
        """The step, counted from 1, was left out."""
        self.total += 1
        self.in_a_row += 1
        if self.total == 1 and self.tells:
            log.warning(FIRST, step, MOST)
            self.told = 1

    def over(self) -> None:
        """A step was taken."""
        self.in_a_row = 0

    def tell(self, step: int) -> None:
        """Log how many they are after `step`, if they have become more."""
        if self.total > self.told and self.tells:
            log.warning(MORE, self.total, step)
            self.told = self.total


@torch.no_grad()
def finite(tensors: Iterable[Tensor]) -> bool:
    """Whether their numbers, squared and added up, are finite in each; of whole numbers they are."""
    floating = [tensor for tensor in tensors if tensor.is_floating_point() and tensor.numel()]
    if not floating:
        return True
    lengths = torch._foreach_norm(floating)
    return bool(torch.stack([length.float() for length in lengths]).isfinite().all())
