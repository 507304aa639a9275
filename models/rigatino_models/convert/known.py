"""Foreign files of weights that are in circulation, by their hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rigatino_models.convert.weights import Weights, digest
from rigatino_models.errors import ModelError
from rigatino_models.lama.spec import title

TORCHSCRIPT = "TorchScript archive"
PLACES = "not stated by their authors; trained on Places2 (non-commercial research)"
UNSTATED = "not stated by their authors"


@dataclass(frozen=True)
class Known:
    """One TorchScript file: our name for it, title, architecture, published hash, the weights' licence."""

    name: str
    title: str
    architecture: str
    md5: str
    licence: str


KNOWN = (
    Known("big-lama", "Big-LaMa", "Big-LaMa", "e3aa4aaa15225a33ec84f9f4bc47e500", PLACES),
    Known("anime-lama", "Big-LaMa for drawings", "Big-LaMa", "29f284f36a0a510bcacf39ecf4c4d54f", UNSTATED),
)


def recognise(path: Path, weights: Weights) -> Known | None:
    """The known file that this is, told from its hash alone."""
    if weights.origin != TORCHSCRIPT:
        return None
    found = digest(path, "md5")
    return next((known for known in KNOWN if known.md5 == found), None)


def check_claim(path: Path, weights: Weights, name: str) -> None:
    """Raise ModelError weights_hash for a file that would bear a known one's name, looks like it, but is not."""
    for known in KNOWN:
        same_kind = weights.origin == TORCHSCRIPT and title(weights.config) == known.architecture
        if known.name == name and same_kind:
            found = digest(path, "md5")
            if found != known.md5:
                raise ModelError("weights_hash", file=str(path), expected=known.md5, found=found)
