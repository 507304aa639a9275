"""What is done to an answer that was given at a smaller size, or is too smooth: a second look, copied texture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from rigatino.answers import Finish
from rigatino.planning import LOOK_AGAIN, REFINE, Part
from rigatino.pool import Loaded
from rigatino_models.exemplar.synthesis import copy_texture
from rigatino_models.lama.refine import refining
from rigatino_models.second_look import look_again, only_detail
from rigatino_models.spec import Step
from rigatino_models.tiles import Look

Share = Callable[[float], None]
# Of the progress of a fill, for each pixel that is worked on: a refinement is many looks.
WEIGHTS = {"network": 0.4, LOOK_AGAIN: 0.4, REFINE: 12.0, "texture": 0.6}


def weights(parts: Sequence[Part]) -> dict[str, float]:
    """How much of a fill's work each of its steps is, 1 in all; a step's name ends in its part's number."""
    found = {}
    for number, part in enumerate(parts):
        pixels = part.box.width * part.box.height
        found[f"network {number}"] = WEIGHTS["network"] * pixels * part.scale**2
        found[f"again {number}"] = WEIGHTS[part.again] * pixels if part.again else 0.0
        found[f"texture {number}"] = WEIGHTS["texture"] * pixels if part.texture else 0.0
    whole = sum(found.values())
    return {name: share / whole for name, share in found.items()}


def second_looks(parts: Sequence[Part], loaded: Loaded, other: Look, steps: Sequence[Step]) -> list[Finish]:
    """A second look at the parts that need one: by their own network, or by `other` where that one looks only once."""
    return [_again(*each, loaded, other) for each in zip(parts, steps, strict=True)]


def textures(parts: Sequence[Part], shares: Sequence[Share]) -> list[Finish]:
    """Texture copied along the answers of the parts that need it."""
    return [_texture(*each) for each in zip(parts, shares, strict=True)]


def _again(part: Part, step: Step, loaded: Loaded, other: Look) -> Finish:
    own = part.again == REFINE or loaded.spec.coarsest > 0

    def finish(image: Tensor, unknown: Tensor, answer: Tensor) -> Tensor:
        if not part.again:
            return answer
        look = refining(loaded.inpainter) if part.again == REFINE else loaded.inpainter.look if own else other
        detailed = look_again(look, image, unknown, answer, part.scale, step)
        return detailed if own else only_detail(detailed, answer, part.scale)

    return finish


def _texture(part: Part, share: Share) -> Finish:
    def finish(image: Tensor, unknown: Tensor, answer: Tensor) -> Tensor:
        return copy_texture(image, unknown, answer, on_progress=share) if part.texture else answer

    return finish
