"""The exemplar engine's file holds its settings alone, and no tensor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from torch import Tensor

from rigatino_models.checkpoint import StateFile
from rigatino_models.checkpoint.trouble import Misfit
from rigatino_models.exemplar.net import Exemplar
from rigatino_models.exemplar.synthesis import Settings


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


def _settings(stated: Mapping[str, Any]) -> Settings:
    """Raises TypeError or ValueError for what is out of bounds."""
    if not isinstance(stated, dict):
        raise TypeError("not a table")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in stated.items()
    }
    settings = Settings(**values)
    limits = {
        "radius": (1, 16),
        "components": (1, 512),
        "coarsest": (16, 512),
        "blur": (0.1, 20),
        "drawn": (0, 1),
        "trust": (0, 1e6),
    }
    for field in fields(settings):
        value = getattr(settings, field.name)
        numbers = value if isinstance(value, tuple) else (value,)
        low, high = limits.get(field.name, (0, 100))
        whole = field.name in ("radius", "components", "coarsest")
        if len(numbers) != (2 if field.name == "guide" else 1):
            raise ValueError(field.name)
        if not all(isinstance(n, int if whole else int | float) and low <= n <= high for n in numbers):
            raise ValueError(field.name)
    return settings
