"""Where plug-in and daemon meet: the runtime folder, the address in it, and the connection file.

The folder belongs to one user (0700) and so does the file (0600): who can read the key may use the daemon.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from stat import S_ISDIR
from typing import Any

from rigatino_wire.errors import Failure

CONNECTION_FILE = "connection.json"
SOCKET = "daemon.sock"
LONGEST_SOCKET_PATH = (
    103 if sys.platform == "darwin" else 107
)  # bytes; the kernel's sun_path, less its final zero
LARGEST_FILE = 1 << 16
KEY_SIZE = 32


@dataclass(frozen=True)
class Connection:
    """How to reach a daemon: address, key of 32 bytes, process, and what it speaks."""

    endpoint: str
    key: bytes
    pid: int
    version: str
    protocol: int

    def __repr__(self) -> str:  # the key stays out of logs
        return f"Connection({self.endpoint!r}, pid={self.pid}, {self.version!r}, protocol={self.protocol})"


def runtime_dir() -> Path:
    """The user's runtime folder, made if absent: RIGATINO_RUNTIME_DIR, else a fixed place in the home folder.

    Raises Failure runtime_unusable, runtime_foreign or runtime_open. XDG variables are not asked: they
    differ between a desktop, ssh and Flatpak, and all must find the same daemon.
    """
    folder = runtime_path()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise Failure("runtime_unusable", folder=str(folder), why=_why(error)) from error
    if not stat.S_ISDIR(found.st_mode):
        raise Failure("runtime_unusable", folder=str(folder), why="it is not a folder")
    if _foreign(found):
        raise Failure("runtime_foreign", folder=str(folder))
    if _open(found):
        raise Failure("runtime_open", folder=str(folder))
    return folder


def runtime_path() -> Path:
    """Where the runtime folder is, neither made nor checked. Raises Failure runtime_unusable for a lost home."""
    setting = os.environ.get("RIGATINO_RUNTIME_DIR")
    return Path(setting).absolute() if setting else usual_runtime_path()


def usual_runtime_path() -> Path:
    """The place that is taken where nothing names another."""
    try:
        home = Path.home()
    except RuntimeError as error:
        raise Failure("runtime_unusable", folder="~", why="there is no home folder") from error
    return home.joinpath(
        *(("AppData", "Local") if os.name == "nt" else (".local", "state")), "rigatino", "run"
    )


def choose_endpoint(runtime: Path) -> str:
    """The address that a daemon of this folder binds: a socket in it, else a free port of loopback.

    RIGATINO_TRANSPORT=tcp asks for the port; any other value but `ipc` raises Failure bad_setting.
    """
    transport = os.environ.get("RIGATINO_TRANSPORT") or "ipc"
    if transport not in ("ipc", "tcp"):
        raise Failure("bad_setting", name="RIGATINO_TRANSPORT", value=transport, expected="ipc or tcp")
    path = str(runtime.absolute() / SOCKET)
    if transport == "tcp" or not hasattr(socket, "AF_UNIX") or not _fits(path):
        return "tcp://127.0.0.1:0"
    return f"ipc://{path}"


def write_connection(runtime: Path, connection: Connection) -> Path:
    """Writes the connection file, mode 0600: whole, or not at all. Raises Failure runtime_unusable."""
    target = runtime / CONNECTION_FILE
    text = json.dumps({**asdict(connection), "key": connection.key.hex()}, indent=1)
    try:
        write_own(target, text.encode("ascii"))
    except OSError as error:
        raise Failure("runtime_unusable", folder=str(runtime), why=_why(error)) from error
    return target


def read_connection(runtime: Path) -> Connection | None:
    """What the connection file says, or None where there is none.

    Raises Failure connection_foreign for a file that another user owns or can read, else connection_corrupt.
    """
    path = runtime / CONNECTION_FILE
    try:
        return _parsed(read_own(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise Failure("connection_corrupt", file=str(path), why=_why(error)) from error


def write_own(target: Path, data: bytes) -> None:
    """Writes a file that is the user's alone (0600): whole, or not at all. Raises OSError.

    It is written aside (mkstemp: 0600) and renamed, so a reader sees the old file or the new one.
    """
    handle, aside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(target)
    except BaseException:
        Path(aside).unlink()
        raise


def read_own(path: Path) -> bytes:
    """The bytes of such a file. Raises Failure connection_foreign, OSError, or ValueError for no plain, small file."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if _foreign(found) or _open(found):
            raise Failure("connection_foreign", file=str(path))
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_FILE:
            raise ValueError("it is not a file that Rigatino wrote")
        return file.read(LARGEST_FILE)


def _foreign(found: os.stat_result) -> bool:
    return os.name != "nt" and found.st_uid != os.getuid()


def _open(found: os.stat_result) -> bool:
    """Whether others may write here, or read the key where it is a file."""
    others = 0o022 if S_ISDIR(found.st_mode) else 0o077
    return os.name != "nt" and bool(found.st_mode & others)


def _fits(path: str) -> bool:
    try:
        return len(path.encode()) <= LONGEST_SOCKET_PATH
    except UnicodeEncodeError:  # a folder name that is no text cannot be an address
        return False


def _parsed(data: bytes) -> Connection:
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    return Connection(
        endpoint=_item(value, "endpoint", str),
        key=_key(_item(value, "key", str)),
        pid=_item(value, "pid", int),
        version=_item(value, "version", str),
        protocol=_item(value, "protocol", int),
    )


def _item(value: dict[str, Any], name: str, kind: type) -> Any:
    item = value.get(name)
    if type(item) is not kind or item in (0, ""):
        raise ValueError(f"its {name} is missing or wrong")
    return item


def _key(text: str) -> bytes:
    if len(text) != 2 * KEY_SIZE:
        raise ValueError("its key has another length")
    return bytes.fromhex(text)


def _why(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it is no JSON" if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)) else str(error)
