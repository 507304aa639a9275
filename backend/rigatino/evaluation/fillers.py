"""What is compared: networks behind the service, OpenCV's two diffusions, PatchMatch."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigatino import retouch, weights
from rigatino.extras import needed
from rigatino.pictures import Picture
from rigatino.service import Service
from rigatino_wire.errors import Failure

log = logging.getLogger(__name__)
Pixels = NDArray[np.uint8]
PATCH_SIZE = 5  # the radius of PatchMatch's patches
DIFFUSION_RADIUS = 5
ENDINGS = {":plain": False, ":detail": True}


class Filler:
    """A way to fill a hole; `facts` say what ran: weights' hash, precision, device, or a library's version.

    facts["notes"]: what the user should know of some of its fills -> of how many; where memory is short, for one.
    """

    def __init__(self, name: str, fill: Callable[[Pixels, Pixels], Pixels], **facts: Any) -> None:
        self.name, self.fill, self.facts = name, fill, facts

    def note(self, text: str) -> None:
        """Count a remark on a fill; the log has the first of its kind."""
        notes = self.facts.setdefault("notes", {})
        if text not in notes:
            log.warning("%s: %s", self.name, text)
        notes[text] = notes.get(text, 0) + 1


def make(name: str, service: Callable[[], Service], seed: int, detail: bool) -> Filler:
    """The filler of that name: telea, ns, patchmatch, photo (the original itself), or a network's ("" = the bundled).

    Its fill(picture [H,W,3] uint8, hole [H,W] uint8) gives the picture filled. A network's name may end in ":plain" or
    ":detail", which has it run without or with the exemplar pass whatever `detail` says. Raises Failure
    unknown_network, package_missing.
    """
    name = name or weights.default_network()
    if name in CLASSIC:
        return CLASSIC[name](seed)
    for ending, wanted in ENDINGS.items():
        if name.endswith(ending):
            return _network(name, name.removesuffix(ending), service, seed, wanted)
    return _network(name, name, service, seed, detail)


def _network(shown: str, name: str, service: Callable[[], Service], seed: int, detail: bool) -> Filler:
    """A network behind the service, asked as the command line asks, but for the seam: grow and feather are 0."""
    infos = {info.name: info for info in weights.network_infos()}
    if name not in infos:
        raise Failure("unknown_network", name=name, known=", ".join((*infos, *CLASSIC)))
    options = retouch.Options(name, grow=0, feather=0.0, seed=seed, detail=detail)

    def fill(picture: Pixels, hole: Pixels) -> Pixels:
        opaque = np.full((*hole.shape, 1), 255, np.uint8)
        whole = Picture(np.concatenate((picture, opaque), -1), "RGB", {})
        request = retouch.request(whole, hole * np.uint8(255), options, infos[name].rule)
        filled = service().fill(request, lambda stage, fraction: None)
        for fact in ("network", "weights", "precision", "device"):
            filler.facts[fact] = getattr(filled, fact)
        for note in filled.notes:
            filler.note(note)
        laid = retouch.lay(whole, filled).rgba[..., :3]
        return np.where(hole[..., None] > 0, laid, picture)

    filler = Filler(shown, fill, detail=detail)
    return filler


def _diffusion(name: str, seed: int) -> Filler:
    with needed("eval"):
        import cv2
    method = {"telea": cv2.INPAINT_TELEA, "ns": cv2.INPAINT_NS}[name]

    def fill(picture: Pixels, hole: Pixels) -> Pixels:
        return np.asarray(cv2.inpaint(picture, hole, DIFFUSION_RADIUS, method), np.uint8)

    return Filler(name, fill, opencv=cv2.__version__, radius=DIFFUSION_RADIUS)


def _patchmatch(seed: int) -> Filler:
    with needed("eval"):
        import patchmatch
    if not patchmatch.patchmatch_available:  # its log says why
        raise Failure("package_missing", package="pypatchmatch with its native library", extra="eval")
    patchmatch.set_random_seed(seed)

    def fill(picture: Pixels, hole: Pixels) -> Pixels:
        return np.asarray(patchmatch.inpaint(picture, hole, patch_size=PATCH_SIZE), np.uint8)

    return Filler("patchmatch", fill, pypatchmatch=version("pypatchmatch"), patch_size=PATCH_SIZE)


def _photo(seed: int) -> Filler:
    return Filler("photo", lambda picture, hole: picture)


CLASSIC: dict[str, Callable[[int], Filler]] = {
    "telea": partial(_diffusion, "telea"),
    "ns": partial(_diffusion, "ns"),
    "patchmatch": _patchmatch,
    "photo": _photo,
}
