"""Foreign files of weights that are in circulation, by their hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rigatino_models.convert.weights import Weights, digest
from rigatino_models.errors import ModelError
from rigatino_models.lama.spec import title

TORCHSCRIPT = "TorchScript archive"
PLACES = "not stated by their authors; trained on Places2 (non-commercial research)"


@dataclass(frozen=True)
class Known:
    """One file: a short name, a title, the hash that is published with it, and the licence of the weights."""

    name: str
    title: str
    md5: str
    licence: str


KNOWN = (
    Known("big-lama", "Big-LaMa", "e3aa4aaa15225a33ec84f9f4bc47e500", PLACES),
    Known(
        "anime-lama",
        "Big-LaMa for drawings",
        "29f284f36a0a510bcacf39ecf4c4d54f",
        "not stated by their authors",
    ),
)


def recognise(path: Path, weights: Weights) -> Known | None:
    """The known file that this is, told from its hash alone."""
    if weights.origin != TORCHSCRIPT:
        return None
    found = digest(path, "md5")
    return next((known for known in KNOWN if known.md5 == found), None)


def check_claim(path: Path, weights: Weights, name: str) -> None:
    """Raise ModelError weights_hash for a file that is to bear a known one's name, but is another."""
    for known in KNOWN:
        if known.name == name and weights.origin == TORCHSCRIPT and title(weights.config) == "Big-LaMa":
            found = digest(path, "md5")
            if found != known.md5:
                raise ModelError("weights_hash", file=str(path), expected=known.md5, found=found)
