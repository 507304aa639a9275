"""What the rest of the program must know of a network before it loads one. No torch here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

TASKS = ("fill", "face", "paint", "transplant")
Step = Callable[[int, int], None]  # (layers done, layers in all); what it raises ends the work


@dataclass(frozen=True)
class NetworkSpec:
    """One network that can be chosen by name. Sizes are in pixels of a side; pictures are RGB float in [0,1].

    multiple, minimum: what the sides must be multiples of, and at least.
    native: side of the pictures it was trained on; comfortable: longest side that it fills well unscaled.
    coarsest: longer side at which it takes its first look, to go on from its own answer at twice the size, and so on up
    to the size asked for; 0 for one look.
    square: whether it takes squares only.
    dtypes: precisions that it may run in, safest first.
    hole_polarity_inside: what the network itself calls a hole, 1 or 0 (its public face takes 1 = fill).
    soft: whether its answers are smoother than photographs, so that texture copied into them is a gain (exemplar/).
    margin: pixels that it is shown around a picture whose hole comes near the edge, or more (surroundings).
    context_*: the rule of how much to send (rigatino_wire.region.ContextRule): factor, margin, minimum.
    tasks: what it can be asked for: any of TASKS, or none where it is but a part of a network.
    classes: names of the classes that it knows, by their numbers.
    missing: what others of its kind have and these weights lack, each with what that means.
    alpha: whether it says by itself how its answer passes into the picture (Inpainter.fused).
    pixel_bytes: about what a look takes in float32 for each pixel, beside the weights.
    """

    name: str
    title: str
    system: str
    good_for: str
    multiple: int
    minimum: int
    native: int
    comfortable: int
    square: bool
    dtypes: tuple[str, ...]
    stochastic: bool
    hole_polarity_inside: int
    weights_licence: str
    paper: str
    format_origin: str
    context_factor: float
    context_margin: int
    context_minimum: int
    coarsest: int = 0
    code_licence: str = "Apache-2.0"
    soft: bool = False
    margin: int = 0
    tasks: tuple[str, ...] = ("fill",)
    classes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    alpha: bool = False
    pixel_bytes: int = 1500
