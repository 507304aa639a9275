"""One GIMP start per version runs all cases of inside/cases.py; the tests judge what it left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import small_networks
from PIL import Image

from gimp.accidents import Accidents
from gimp.real import VERSIONS, RealGimp, commands
from rigatino import weights
from rigatino_wire.launch import stop_daemon

PHOTOS = Path(__file__).parents[1] / "photos"


@pytest.fixture(scope="session", params=VERSIONS)
def gimp_command(request: pytest.FixtureRequest) -> Path:
    """The command of one GIMP version; where it is missing, CI fails and anybody else's tests are skipped."""
    version: str = request.param
    found = commands().get(version)
    if found is not None:
        return found
    words = f"No GIMP {version} was found: run .ci/gimp-chroots (as root), or set RIGATINO_GIMP."
    if os.environ.get("CI") == "true":
        pytest.fail(words)
    pytest.skip(words)


@pytest.fixture(scope="session")
def real_gimp(gimp_command: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGimp]:
    """A GIMP with the plug-in, a photo and small networks; the daemon that the plug-in starts is stopped in the end."""
    gimp = RealGimp(gimp_command, tmp_path_factory.mktemp("gimp"))
    picture().save(gimp.share / "photo.png")
    Image.open(PHOTOS / "astronaut.jpg").save(gimp.share / "face.png")
    import_small_networks(gimp.share / "data")
    yield gimp
    stop_daemon(gimp.runtime)


@pytest.fixture(scope="session")
def cases(real_gimp: RealGimp) -> RealGimp:
    """The GIMP after it has run all cases, while `Accidents` did to the daemon what they asked for."""
    with Accidents(real_gimp):
        said = real_gimp.batch("cases.py")
    (real_gimp.share / "out" / "gimp.log").write_text(said)
    return real_gimp


def import_small_networks(data: Path) -> None:
    """Gives a daemon small random networks of several systems, by the systems' names; "pic" has a critic."""
    for make in (small_networks.pic, small_networks.comodgan, small_networks.dfnet, small_networks.collage):
        weights.import_file(make(data / f"{make.__name__}.safetensors"), make.__name__, data)
    weights.import_file(small_networks.gfc(data / "gfc.safetensors"), "faces", data)


def picture() -> Image.Image:
    """A photo-like picture of 400 x 300: smooth light, an edge, and grain."""
    y, x = np.mgrid[0:300, 0:400]
    light = np.stack([110 + x / 4, 90 + y / 3, 160 - x / 5], axis=-1)
    light[y > 180 + 20 * np.sin(x / 40)] *= 0.6
    grain = np.random.default_rng(1).normal(0, 5, light.shape)
    return Image.fromarray(np.clip(light + grain, 0, 255).astype(np.uint8))
