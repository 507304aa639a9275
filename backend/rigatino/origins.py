"""Where weights come from: the shipped table and the user's own, and the way from an address to an imported network.

The user's table is origins.toml in the data folder; what it names goes before what ships. Its form stands in the
shipped one.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from rigatino import atomic, weights
from rigatino.download import Patience, Progress, discard, download
from rigatino.failures import translated
from rigatino.settings import Settings
from rigatino_wire.errors import Failure

TABLE = "origins.toml"
NO_WEIGHTS = {"unknown_format", "weights_unreadable", "weights_key", "weights_unsafe"}
ELSEWHERE = {"download_failed", "weights_hash", *NO_WEIGHTS}  # what another address may do better


@dataclass(frozen=True)
class Origin:
    """One file of weights: title and licence, addresses of the file, or the page where people find it.

    sha256, bytes: what the file must be; "" and 0 are not known.
    """

    name: str
    title: str
    licence: str
    urls: tuple[str, ...] = ()
    sha256: str = ""
    bytes: int = 0
    by_hand: str = ""


def known(data_dir: Path | None = None) -> dict[str, Origin]:
    """All origins by name. Raises Failure file_unreadable for a table of the user's that is none."""
    shipped = resources.files("rigatino").joinpath(TABLE)
    found = _table(TABLE, shipped.read_text("utf-8"))
    own = _data(data_dir) / TABLE
    if own.is_file():
        try:
            found |= _table(str(own), own.read_text("utf-8"))
        except (OSError, UnicodeError) as error:
            raise Failure("file_unreadable", file=str(own), why=atomic.why(error)) from error
    return found


def find(name: str, data_dir: Path | None = None) -> Origin:
    """The origin of that name. Raises Failure origin_unknown, file_unreadable."""
    origins = known(data_dir)
    if name not in origins:
        raise Failure("origin_unknown", name=name, known=", ".join(origins))
    return origins[name]


def fetch(
    origin: Origin,
    progress: Progress,
    name: str = "",
    data_dir: Path | None = None,
    patience: Patience | None = None,
) -> weights.Entry:
    """Download the origin's file and import it under `name` ("" = the origin's).

    What an earlier try left is gone on with. Raises Failure origin_by_hand, download_failed, weights_hash, and what
    importing can raise.
    """
    name = name or origin.name
    if not origin.urls:
        raise Failure("origin_by_hand", title=origin.title, page=origin.by_hand, name=name)
    weights.check_name(name, data_dir)
    folder = atomic.folder(_data(data_dir) / "downloads")
    taken = Failure("download_failed", url=origin.urls[0], why="another process is fetching it")
    with atomic.alone(folder / f"{origin.name}.lock", taken):
        for url in origin.urls[:-1]:
            try:
                return _fetched(origin, url, folder, progress, name, data_dir, patience)
            except Failure as failure:
                if failure.code not in ELSEWHERE:
                    raise
        return _fetched(origin, origin.urls[-1], folder, progress, name, data_dir, patience)


def _fetched(
    origin: Origin,
    url: str,
    folder: Path,
    progress: Progress,
    name: str,
    data_dir: Path | None,
    patience: Patience | None,
) -> weights.Entry:
    """The network that one address has."""
    file = folder / f"{origin.name}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
    download(url, file, progress, origin.bytes, bool(origin.sha256), patience)
    _check(file, origin.sha256)
    entry = _imported(origin, url, file, name, data_dir)
    discard(file)
    return entry


def _check(file: Path, sha256: str) -> None:
    """Raise Failure weights_hash, and keep nothing, unless the file has this hash ("" = any)."""
    from rigatino_models.convert.weights import check_hash

    try:
        with translated():
            if sha256:
                check_hash(file, sha256)
    except Failure:
        discard(file)
        raise


def _imported(origin: Origin, url: str, file: Path, name: str, data_dir: Path | None) -> weights.Entry:
    """Import; a file that is none of weights is not kept, for the next try would only find it again."""
    source = {"file": PurePosixPath(urlsplit(url).path).name or origin.name, "address": url}
    try:
        return weights.import_file(file, name, data_dir, origin.licence, source)
    except Failure as failure:
        if failure.code in NO_WEIGHTS:
            discard(file)
        raise


def _data(data_dir: Path | None) -> Path:
    return data_dir or Settings.from_environment().data_dir


def _table(file: str, text: str) -> dict[str, Origin]:
    """The origins of a table. Raises Failure file_unreadable."""
    try:
        return {name: _origin(name, facts) for name, facts in tomllib.loads(text).items()}
    except (ValueError, RecursionError) as error:
        raise Failure("file_unreadable", file=file, why=str(error)) from error


def _origin(name: str, facts: Any) -> Origin:
    """One row. Raises ValueError for what it does not take."""
    kinds: Mapping[str, type] = {
        "title": str,
        "licence": str,
        "urls": list,
        "sha256": str,
        "bytes": int,
        "by_hand": str,
    }
    if not isinstance(facts, dict) or not weights.NAME.fullmatch(name):
        raise ValueError(f"{name} is not the name of weights with what is known of them")
    for key, value in facts.items():
        if type(value) is not kinds.get(key):
            raise ValueError(f"{name}.{key} is not known, or not of its kind")
    urls = facts.get("urls", [])
    if not all(isinstance(url, str) for url in urls) or not (urls or facts.get("by_hand")):
        raise ValueError(f"{name} has neither urls nor by_hand")
    if not re.fullmatch("([0-9a-f]{64})?", facts.get("sha256", "")) or facts.get("bytes", 0) < 0:
        raise ValueError(f"{name} has a sha256 or bytes that no file has")
    if not facts.get("title") or not facts.get("licence"):
        raise ValueError(f"{name} lacks its title or licence")
    return Origin(name, **{**facts, "urls": tuple(urls)})
