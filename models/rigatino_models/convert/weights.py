"""Weights in this project's own layout: read from any format, written as safetensors."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from rigatino_models import registry
from rigatino_models.checkpoint import StateFile, open_state
from rigatino_models.checkpoint.state import files
from rigatino_models.checkpoint.trouble import Misfit, UnknownFormat, Unreadable, named, shown
from rigatino_models.convert.common import COUNTER
from rigatino_models.errors import ModelError

FORMAT = "rigatino-1"


@dataclass(frozen=True)
class Weights:
    """A network's tensors by our names, as they were stored, and all that is known of them.

    config: the system's hyper-parameters as JSON has them; origin: the kind of file they came from; metadata:
    what a file of ours says besides (licence, training, ...).
    """

    system: str
    config: dict[str, Any]
    tensors: dict[str, Tensor]
    origin: str
    metadata: dict[str, str] = field(default_factory=dict)

    def network(self) -> nn.Module:
        """The network in evaluation mode, float32."""
        return converter(self.system).build(self.config, self.tensors).eval()

    def fast(self, dtype: torch.dtype) -> nn.Module:
        """The network's form for inference, computing in this precision where it has a choice."""
        runner = importlib.import_module(registry.SYSTEMS[self.system].runner)
        net: nn.Module = runner.fast(self.network(), dtype)
        return net


class Converter(Protocol):
    """What a system's module in this package offers."""

    def adapted(self, file: StateFile) -> StateFile:
        """The file as this system's own layout has it: an original's tensors renamed, or made of several, once they are
        asked for. Raises Misfit."""

    def prefix(self, keys: Mapping[str, Any]) -> str | None:
        """What stands before the generator's keys; None where they are not this system's."""

    def config(self, file: StateFile, names: Mapping[str, str]) -> dict[str, Any]:
        """The hyper-parameters, from metadata or shapes; `names`: our keys -> the file's. Raises Misfit."""

    def expected(self, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """Key -> shape of a network of these hyper-parameters. Raises Misfit."""

    def ignored(self, key: str) -> bool:
        """Whether a key of the file belongs to what an original saves besides the generator."""

    def build(self, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> nn.Module:
        """The network with these tensors, float32."""


def converter(system: str) -> Converter:
    """The module of a system."""
    module: Converter = importlib.import_module(registry.SYSTEMS[system].converter)
    return module


def load(path: Path, sha256: str = "") -> nn.Module:
    """The network in a file, in evaluation mode, float32. Raises ModelError as `read` does."""
    return read(path, sha256).network()


def read(path: Path, sha256: str = "") -> Weights:
    """Read, check and convert; with `sha256`, only a file of that hash.

    Raises ModelError weights_hash, weights_unreadable, weights_unsafe, weights_key, unknown_format and
    file_missing.
    """
    if sha256:
        check_hash(path, sha256)
    with open_state(path) as opened:
        with named(path):
            system = _system(opened)
            module = converter(system)
            file = module.adapted(opened)
            names = _names(file, module)
            config = module.config(file, names)
            _check(file, names, module.expected(config))
        kept = {ours: theirs for ours, theirs in names.items() if not ours.endswith(COUNTER)}
        tensors = file.read(kept.values())
        return Weights(
            system,
            config,
            {ours: _single(path, _called(file, theirs), tensors[theirs]) for ours, theirs in kept.items()},
            file.origin,
            {key: text for key, text in file.metadata.items() if key not in ("system", "config", "format")},
        )


def save(weights: Weights, path: Path) -> None:
    """Write safetensors with the configuration as metadata, atomically. Raises ModelError file_unwritable."""
    own = {"format": FORMAT, "system": weights.system, "config": json.dumps(weights.config)}
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file(weights.tensors, part, weights.metadata | own)
        part.replace(path)
    except (OSError, SafetensorError) as error:  # a full disk is the latter
        why = getattr(error, "strerror", None) or str(error) or "output error"
        raise ModelError("file_unwritable", file=str(path), why=why) from error
    finally:
        part.unlink(missing_ok=True)


def check_hash(path: Path, sha256: str) -> None:
    """Raise ModelError weights_hash unless the file has this hash."""
    found = digest(path)
    if found != sha256:
        raise ModelError("weights_hash", file=shown(str(path)), expected=sha256, found=found)


def digest(path: Path, algorithm: str = "sha256") -> str:
    """The hash of a file, or of an original's folder: of its checkpoints one after another. Raises ModelError."""
    found = hashlib.new(algorithm)
    with named(path):
        for file in files(path):
            with file.open("rb") as content:
                while chunk := content.read(2**20):
                    found.update(chunk)
    return found.hexdigest()


def _system(file: StateFile) -> str:
    """The system that the metadata name, or the one whose keys these are."""
    stated = file.metadata.get("system")
    if stated is not None and stated not in registry.SYSTEMS:
        raise Misfit("system", f"“{shown(stated)}” is a kind of network that this version does not know")
    if stated is None and not file.entries:
        raise UnknownFormat
    for name in [stated] if stated else registry.SYSTEMS:
        if converter(name).prefix(file.entries) is not None:
            return name
    raise Unreadable("its keys are of no network that is known")


def _names(file: StateFile, module: Converter) -> dict[str, str]:
    """Our key -> the file's key, for all that belongs to the generator. Raises Misfit for a stray key."""
    prefix = module.prefix(file.entries) or ""
    names: dict[str, str] = {}
    for key in file.entries:
        if key.startswith(prefix) and not module.ignored(key):
            names[key.removeprefix(prefix)] = key
        elif not module.ignored(key):
            raise Misfit(key, "this key is not known")
    return names


def _check(file: StateFile, names: Mapping[str, str], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise Misfit for the first key that is missing, unknown, or has another shape or type than expected."""
    for key in expected:
        if key not in names and not key.endswith(COUNTER):
            raise Misfit(key, "this key is missing")
    for key, theirs in names.items():
        entry, called = file.entries[theirs], _called(file, theirs)
        if key not in expected:
            raise Misfit(called, "this key is not known")
        if entry.dtype is None or not (entry.dtype.is_floating_point or key.endswith(COUNTER)):
            raise Misfit(called, "its value is not a tensor of floating-point numbers")
        if entry.shape != expected[key]:
            raise Misfit(called, f"its shape is {list(entry.shape)}, not {list(expected[key])}")


def _called(file: StateFile, key: str) -> str:
    """What the file that people have calls the tensor."""
    return file.entries[key].source or key


def _single(path: Path, key: str, tensor: Tensor) -> Tensor:
    """In single precision at most; what is stored in half keeps half. Raises ModelError for what is not finite."""
    single = tensor.float() if tensor.dtype == torch.float64 else tensor
    if not torch.isfinite(single).all():
        why = "it holds values that are not finite"
        raise ModelError("weights_key", file=shown(str(path)), key=shown(key), why=why)
    return single
