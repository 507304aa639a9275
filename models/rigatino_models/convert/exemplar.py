"""The exemplar engine's file holds its settings alone, and no tensor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from rigatino_models.checkpoint import StateFile
from rigatino_models.checkpoint.trouble import Misfit
from rigatino_models.exemplar.net import Exemplar
from rigatino_models.exemplar.synthesis import Settings

# Of each setting: whole numbers or any, the least, the largest.
LIMITS: dict[str, tuple[type, float, float]] = {
    "radius": (int, 1, 16),
    "components": (int, 1, 512),
    "coarsest": (int, 16, 512),
    "guide": (float, 0, 100),
    "blur": (float, 0.1, 20),
    "texture": (float, 0, 100),
    "shares": (float, 0, 1),
    "rim": (bool, 0, 1),
    "stride": (int, 0, 64),
}
SEVERAL = {"guide": 2, "shares": 3}


def adapted(file: StateFile) -> StateFile:
    """Nothing differs from our layout."""
    return file


def prefix(keys: Mapping[str, Any]) -> str | None:
    """Nothing stands before no key; a file with keys is another's."""
    return None if keys else ""


def ignored(key: str) -> bool:
    """No key is."""
    return False


def config(file: StateFile, names: Mapping[str, str]) -> dict[str, Any]:
    """The fields of Settings, from the metadata. Raises Misfit."""
    try:
        stated = json.loads(file.metadata.get("config", "{}"))
        _settings(stated)
    except (ValueError, TypeError) as error:
        raise Misfit("config", f"it holds no settings of the exemplar engine ({error})") from None
    return dict(stated)


def expected(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Nothing."""
    return {}


def build(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Exemplar:
    """The engine with these settings."""
    return Exemplar(_settings(config))


def _settings(stated: object) -> Settings:
    """Raises TypeError or ValueError for what is out of bounds."""
    if not isinstance(stated, Mapping):
        raise TypeError("not a table")
    values: dict[str, Any] = {}
    for name, value in stated.items():
        if name not in LIMITS:
            raise ValueError(name)
        kind, low, high = LIMITS[name]
        numbers = value if name in SEVERAL and isinstance(value, list | tuple) else [value]
        right = all(type(n) in (int, kind) and low <= n <= high for n in numbers)
        if not right or len(numbers) != SEVERAL.get(name, 1):
            raise ValueError(name)
        values[name] = tuple(numbers) if name in SEVERAL else kind(value)
    return Settings(**values)
