"""The networks that can be chosen: bundled ones, and those whose weights were imported. No torch at import.

An imported network is a pair in DATA_DIR/weights: NAME.safetensors in our own layout, and NAME.json, its
record: what the file is, where it came from, and the hash that it must have whenever it is loaded.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigatino import atomic
from rigatino.failures import translated
from rigatino.settings import Settings
from rigatino_models import registry
from rigatino_models.errors import ModelError
from rigatino_models.spec import NetworkSpec
from rigatino_wire.errors import Failure
from rigatino_wire.messages import MAX_CLASSES, MAX_HEADER, NetworkInfo
from rigatino_wire.region import ContextRule

if TYPE_CHECKING:
    from rigatino_models.convert import Weights
    from rigatino_models.convert.known import Known

log = logging.getLogger(__name__)

RECORD_VERSION = 1
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
LONGEST_CLASS = 100  # characters of a class's name
LONGEST_LICENCE = 100  # characters that clients are told
UNSTATED = "not stated; ask their authors"
# What reading a record that is not as we wrote it can raise.
DAMAGE = (
    OSError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, ModelError, Failure, RecursionError,
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A network that can be chosen: its spec, its file of weights and the hash that the file must have.

    `source` says where imported weights came from: file, sha256 of it, kind of file, date.
    """

    spec: NetworkSpec
    path: Path
    sha256: str
    bundled: bool = False
    source: dict[str, str] = field(default_factory=dict)


def default_network() -> str:
    """The name of the network that fills where none is named."""
    return registry.DEFAULT


def network_infos(data_dir: Path | None = None, task: str = "fill") -> list[NetworkInfo]:
    """What clients are told of each network for a task, the default one first."""
    return [_info(entry.spec) for entry in known(data_dir) if task in entry.spec.tasks]


def for_task(name: str, task: str, data_dir: Path | None = None) -> Entry:
    """The network of that name, or the first one with "", that can do the task. Raises Failure no_network,
    unknown_network."""
    fitting = [entry for entry in known(data_dir) if task in entry.spec.tasks]
    if not fitting:
        raise Failure("no_network")
    for entry in fitting:
        if name in ("", entry.spec.name):
            return entry
    names = ", ".join(entry.spec.name for entry in fitting)
    raise Failure("unknown_network", name=name, known=names)


def by_chance(name: str, data_dir: Path | None = None) -> bool:
    """Whether the network of that name is known here, and has many answers."""
    return any(entry.spec.stochastic for entry in known(data_dir) if entry.spec.name == name)


def class_names(name: str, data_dir: Path | None = None) -> list[str]:
    """The names of the classes that a network paints, as far as a message holds them, the longest ones cut short.

    Raises Failure no_network, unknown_network.
    """
    names = for_task(name, "paint", data_dir).spec.classes[:MAX_CLASSES]
    longest = LONGEST_CLASS
    while len(json.dumps(names)) > MAX_HEADER * 3 // 4:
        longest //= 2
        names = tuple(name[:longest] for name in names)
    return [name[:longest] for name in names]


def known(data_dir: Path | None = None) -> list[Entry]:
    """All networks, the default one first. A damaged record is passed over with a warning in the log."""
    found = [
        Entry(network.spec, network.path, network.sha256, bundled=True) for network in registry.bundled()
    ]
    for record in sorted(_folder(data_dir).glob("*.json")):
        try:
            found.append(_entry(record))
        except Failure as failure:
            log.warning("%s", failure)
    return found


def locate(name: str, data_dir: Path | None = None) -> Entry:
    """The network of that name; "" is the default one. Raises Failure unknown_network, weights_damaged."""
    wanted = name or default_network()
    record = _folder(data_dir) / f"{wanted}.json"
    for network in registry.bundled():
        if network.spec.name == wanted:
            return Entry(network.spec, network.path, network.sha256, bundled=True)
    if NAME.fullmatch(wanted) and record.is_file():
        return _entry(record)
    names = ", ".join(entry.spec.name for entry in known(data_dir))
    raise Failure("unknown_network", name=wanted, known=names)


def import_file(
    path: Path,
    name: str = "",
    data_dir: Path | None = None,
    licence: str = "",
    source: Mapping[str, str] | None = None,
) -> Entry:
    """Convert weights of any supported format once, and record them under a name ("" = one from the file's).

    licence: of weights that do not state it themselves; it goes into the file too. source: what else is known of where
    they came from.
    Raises Failure weights_name, weights_name_taken, file_unwritable, and what reading weights can raise.
    """
    from rigatino_models import convert  # torch is heavy
    from rigatino_models.checkpoint.trouble import shown
    from rigatino_models.convert.known import check_claim, recognise

    with translated():
        weights = convert.read(path)
        _check_whole(path, weights)
        recognised = recognise(path, weights)
        name = name or (recognised.name if recognised else _suggested(path))
        check_claim(path, weights, name)
        check_name(name, data_dir)
        record = atomic.folder(_folder(data_dir)) / f"{name}.json"
        target = record.with_name(f"{name}.safetensors")
        terms = _licence(weights, recognised, licence)
        stated = {} if terms == UNSTATED else {"licence": terms}
        convert.save(replace(weights, metadata=weights.metadata | stated), target)
        facts = {
            "version": RECORD_VERSION,
            "system": weights.system,
            "config": weights.config,
            "title": recognised.title if recognised else "",
            "licence": shown(terms)[:LONGEST_LICENCE],
            "sha256": convert.digest(target),
            "source": _source(path, weights.origin, convert.digest(path)) | dict(source or {}),
        }
    _write(record, json.dumps(facts, indent=2) + "\n")
    return _entry(record)


def _check_whole(path: Path, weights: Weights) -> None:
    """Raise Failure weights_unreadable for a part of a network, which by itself can be asked for nothing."""
    spec = registry.describe(weights.system, "part", weights.config, UNSTATED, weights.origin)
    if not spec.tasks:
        why = f"it is a part of a network ({spec.title}); give the folder that holds all parts"
        raise Failure("weights_unreadable", file=str(path), why=why)


def check_name(name: str, data_dir: Path | None = None) -> None:
    """Raise Failure weights_name, weights_name_taken for what new weights cannot be named."""
    if not NAME.fullmatch(name):
        raise Failure("weights_name", name=name)
    record = _folder(data_dir) / f"{name}.json"
    if record.exists() or any(name == spec.name for spec in registry.specs()):
        raise Failure("weights_name_taken", name=name)


def names(data_dir: Path | None = None) -> list[str]:
    """The names of all networks, also of those whose record is damaged."""
    records = sorted(_folder(data_dir).glob("*.json"))
    return [spec.name for spec in registry.specs()] + [record.stem for record in records]


def verify(name: str, data_dir: Path | None = None) -> str:
    """What is wrong with a network's record or file of weights; "" where the file is as recorded.

    Raises Failure unknown_network.
    """
    from rigatino_models.convert import weights

    try:
        entry = locate(name, data_dir)
        with translated():
            weights.check_hash(entry.path, entry.sha256)
    except Failure as failure:
        if failure.code == "unknown_network":
            raise
        return failure.sentence
    return ""


def remove(name: str, data_dir: Path | None = None) -> None:
    """Take imported weights away. Raises Failure weights_not_imported."""
    record = _folder(data_dir) / f"{name}.json"
    if not NAME.fullmatch(name) or not record.is_file():
        raise Failure("weights_not_imported", name=name)
    record.unlink()
    record.with_name(f"{name}.safetensors").unlink(missing_ok=True)


def inspect(path: Path) -> dict[str, Any]:
    """What a file of weights is, as JSON has it; nothing is imported. Raises Failure."""
    from rigatino_models import convert
    from rigatino_models.checkpoint.trouble import shown
    from rigatino_models.convert.known import recognise

    with translated():
        weights = convert.read(path)
        recognised = recognise(path, weights)
        licence = _licence(weights, recognised)
        spec = registry.describe(weights.system, "inspected", weights.config, licence, weights.origin)
        return {
            "file": str(path),
            "kind": weights.origin,
            "sha256": convert.digest(path),
            "known_as": recognised.name if recognised else None,
            "system": weights.system,
            "title": recognised.title if recognised else spec.title,
            "config": weights.config,
            "native_size": spec.native,
            "licence": shown(licence),
            "missing": list(spec.missing),
            "parameters": sum(value.numel() for value in weights.network().parameters()),
            "values": sum(tensor.numel() for tensor in weights.tensors.values()),
            "precisions": sorted({str(tensor.dtype) for tensor in weights.tensors.values()}),
            "metadata": weights.metadata,
        }


def _folder(data_dir: Path | None) -> Path:
    return (data_dir or Settings.from_environment().data_dir) / "weights"


def _info(spec: NetworkSpec) -> NetworkInfo:
    return NetworkInfo(
        name=spec.name,
        title=spec.title,
        good_for=spec.good_for,
        licence=spec.code_licence,
        weights_licence=spec.weights_licence,
        multiple=spec.multiple,
        minimum=spec.minimum,
        comfortable=spec.comfortable,
        rule=ContextRule(spec.context_factor, spec.context_margin, spec.context_minimum),
        stochastic=spec.stochastic,
        paper=spec.paper,
    )


def _entry(record: Path) -> Entry:
    """The network of a record. Raises Failure weights_damaged."""
    try:
        facts = json.loads(record.read_text("utf-8"))
        spec = registry.describe(
            facts["system"], record.stem, facts["config"], facts["licence"], facts["source"]["kind"]
        )
        spec = replace(spec, title=facts["title"] or spec.title)
        _info(spec)  # what clients cannot be told is damaged
        path = record.with_name(f"{record.stem}.safetensors")
        return Entry(spec, path, str(facts["sha256"]), source=dict(facts["source"]))
    except DAMAGE as error:
        raise Failure("weights_damaged", names=record.stem) from error


def _licence(weights: Weights, recognised: Known | None, otherwise: str = "") -> str:
    """The licence of weights: of a file that is known, else as they state it, else as others do."""
    if recognised:
        return recognised.licence
    return weights.metadata.get("licence") or otherwise or UNSTATED


def _suggested(path: Path) -> str:
    """A name from the file's; an original's best.ckpt is called after the folder that it lies in."""
    parts = [path.stem if path.is_file() else path.name, path.absolute().parent.name]
    parts += [parent.name for parent in path.absolute().parents]
    stems = (part for part in parts if part not in ("best", "models", ""))
    return re.sub(r"[^a-z0-9._-]+", "-", next(stems, "weights").lower()).strip("-._")[:64] or "weights"


def _source(path: Path, kind: str, sha256: str) -> dict[str, str]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"file": path.name, "sha256": sha256, "kind": kind, "imported": now}


def _write(path: Path, text: str) -> None:
    """Write a file atomically. Raises Failure file_unwritable."""
    with atomic.replacing(path) as part:
        part.write_text(text, "utf-8")
