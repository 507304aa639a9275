"""Weights, and the folders that Rigatino keeps things in."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rigatino import weights
from rigatino.atomic import why
from rigatino.doctor.point import OK, WARNING, WRONG, Point
from rigatino.settings import Settings
from rigatino_models import registry
from rigatino_wire.endpoint import choose_endpoint, runtime_dir
from rigatino_wire.errors import Failure

PROBE = "probe.sock"


def weights_of(settings: Settings) -> Iterator[Point]:
    """Each network's weights against the hash on record, the bundled ones first."""
    for network in registry.bundled():
        yield _hashed(f"Weights {network.spec.name}", network, "Install Rigatino again.")
    for record in sorted((settings.data_dir / "weights").glob("*.json")):
        name = f"Weights {record.stem}"
        hint = f"Run “rigatino weights remove {record.stem}”, then import them again."
        try:
            yield _hashed(name, weights.locate(record.stem, settings.data_dir), hint)
        except Failure as failure:
            yield Point(name, WRONG, failure.sentence, hint)


def data_folder(settings: Settings) -> Point:
    """Whether weights can be imported."""
    folder = settings.data_dir
    there = next((place for place in (folder, *folder.parents) if os.access(place, os.F_OK)), folder)
    if not there.is_dir() or not os.access(there, os.W_OK):
        hint = "See to it that it is yours, or set RIGATINO_DATA_DIR to a folder that is."
        return Point("Data folder", WRONG, f"{there} cannot be written to.", hint)
    return Point(
        "Data folder", OK, str(folder) if folder.is_dir() else f"{folder} (made by the first import)"
    )


def runtime_folder() -> Point:
    """The folder of socket and log: whether it is the user's alone, and a file can be written there."""
    try:
        folder = runtime_dir()
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
    except Failure as failure:
        return Point.of("Runtime folder", failure)
    except OSError as error:
        return Point.of("Runtime folder", Failure("runtime_unusable", folder=str(folder), why=why(error)))
    return Point("Runtime folder", OK, str(folder))


def socket_of() -> Point:
    """Whether a socket can be bound where the daemon would bind its own."""
    try:
        endpoint = choose_endpoint(runtime_dir())
    except Failure as failure:
        return Point.of("Socket", failure)
    transport = endpoint.partition(":")[0]
    try:
        _bind(transport, runtime_dir() / PROBE)
    except OSError as error:
        hint = (
            "Set RIGATINO_TRANSPORT=tcp." if transport == "ipc" else "Allow programs to listen on 127.0.0.1."
        )
        return Point("Socket", WRONG, f"No socket can be bound at {endpoint}: {why(error)}.", hint)
    if transport == "tcp" and hasattr(socket, "AF_UNIX") and not os.environ.get("RIGATINO_TRANSPORT"):
        hint = "It works so too; a shorter RIGATINO_RUNTIME_DIR allows a Unix socket."
        return Point(
            "Socket", WARNING, "A port of this computer, for the runtime folder's path is too long", hint
        )
    return Point("Socket", OK, "a Unix socket" if transport == "ipc" else "a port of 127.0.0.1")


def _bind(transport: str, path: Path) -> None:
    if transport == "tcp":
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
        return
    path.unlink(missing_ok=True)
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(path))
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def _hashed(name: str, entry: weights.Entry | registry.Bundled, hint: str) -> Point:
    try:
        with entry.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return Point(name, WRONG, f"The weights {entry.path} cannot be read: {why(error)}.", hint)
    if found != entry.sha256:
        return Point(name, WRONG, f"The weights {entry.path} are not the ones on record.", hint)
    return Point(name, OK, f"{entry.path}, {entry.path.stat().st_size / 1e6:.1f} MB, as on record")
