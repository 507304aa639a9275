"""Which systems there are, and which networks ship with the project. No torch here.

A bundled network is a pair in weights/: NAME.safetensors and NAME.json, its record: the hash that the file
must have, its configuration and licence. The record is the only place where that hash stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from rigatino_models import collage, comodgan, dfnet, exemplar, gfc, lama, pic
from rigatino_models.collage import spec as collage_spec
from rigatino_models.comodgan import spec as comodgan_spec
from rigatino_models.dfnet import spec as dfnet_spec
from rigatino_models.errors import ModelError
from rigatino_models.exemplar import spec as exemplar_spec
from rigatino_models.gfc import spec as gfc_spec
from rigatino_models.lama import spec as lama_spec
from rigatino_models.pic import spec as pic_spec
from rigatino_models.spec import NetworkSpec

Describe = Callable[[str, Mapping[str, Any], str, str], NetworkSpec]

DEFAULT = "lama-small"
WEIGHTS = Path(__file__).with_name("weights")


@dataclass(frozen=True)
class System:
    """A kind of network: what it is, how its specs are made, and the modules that read its weights and run it.

    describe(name, config, weights_licence, format_origin) tells the spec from a configuration as JSON has it.
    converter: a module as rigatino_models.convert.weights.Converter wants it. runner: a module whose `fast(net, dtype)`
    gives a network's form for inference.
    """

    name: str
    about: str
    describe: Describe
    converter: str
    runner: str


@dataclass(frozen=True)
class Bundled:
    """A network that ships with the project; `sha256` is the hash that its file must have."""

    spec: NetworkSpec
    path: Path
    sha256: str


SYSTEMS = {
    "lama": System(
        "lama",
        lama.__doc__ or "",
        lama_spec.describe,
        "rigatino_models.convert.lama",
        "rigatino_models.lama.fast",
    ),
    "exemplar": System(
        "exemplar",
        exemplar.__doc__ or "",
        exemplar_spec.describe,
        "rigatino_models.convert.exemplar",
        "rigatino_models.exemplar.net",
    ),
    "comodgan": System(
        "comodgan",
        comodgan.__doc__ or "",
        comodgan_spec.describe,
        "rigatino_models.convert.comodgan",
        "rigatino_models.comodgan.net",
    ),
    "pic": System(
        "pic",
        pic.__doc__ or "",
        pic_spec.describe,
        "rigatino_models.convert.pic",
        "rigatino_models.pic.fast",
    ),
    "dfnet": System(
        "dfnet",
        dfnet.__doc__ or "",
        dfnet_spec.describe,
        "rigatino_models.convert.dfnet",
        "rigatino_models.dfnet.fast",
    ),
    "gfc": System(
        "gfc",
        gfc.__doc__ or "",
        gfc_spec.describe,
        "rigatino_models.convert.gfc",
        "rigatino_models.gfc.net",
    ),
    "collage": System(
        "collage",
        collage.__doc__ or "",
        collage_spec.describe,
        "rigatino_models.convert.collage",
        "rigatino_models.collage.fast",
    ),
}


def specs() -> list[NetworkSpec]:
    """The bundled networks, the default one first."""
    return [network.spec for network in bundled()]


def find(name: str) -> Bundled:
    """The bundled network of that name; "" is the default one. Raises ModelError unknown_network."""
    for network in bundled():
        if network.spec.name == (name or DEFAULT):
            return network
    raise ModelError("unknown_network", name=name, known=", ".join(spec.name for spec in specs()))


@cache
def bundled() -> tuple[Bundled, ...]:
    """All bundled networks, the default one first."""
    found = [_bundled(record) for record in sorted(WEIGHTS.glob("*.json"))]
    return tuple(sorted(found, key=lambda network: network.spec.name != DEFAULT))


def describe(system: str, name: str, config: Mapping[str, Any], licence: str, origin: str) -> NetworkSpec:
    """The spec of a network of a known system. Raises ModelError unknown_system."""
    if system not in SYSTEMS:
        raise ModelError("unknown_system", system=system)
    return SYSTEMS[system].describe(name, config, licence, origin)


def _bundled(record: Path) -> Bundled:
    facts = json.loads(record.read_text("utf-8"))
    spec = describe(
        facts["system"], record.stem, facts["config"], facts["weights_licence"], facts["format_origin"]
    )
    return Bundled(
        replace(spec, **facts["spec"]), record.with_name(f"{record.stem}.safetensors"), facts["sha256"]
    )
