"""Finding the daemon, starting it where there is none, stopping it.

The daemon is started detached: GIMP ends its plug-ins by force, and its environment brings its own Python.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

from rigatino_wire import PROTOCOL, __version__
from rigatino_wire.client import Client
from rigatino_wire.endpoint import Connection, read_connection
from rigatino_wire.errors import TEXTS, Failure, ProtocolError, Unreachable
from rigatino_wire.zmtp import PATIENCE, Dealer, open_socket

START_LOG = "start.log"  # what the daemon says before its own log is open, and Python when it breaks
START_WAIT = 60.0  # seconds until a started daemon must answer
STOP_WAIT = 10.0  # seconds until a daemon that was asked to end must be gone; then it is made to
PAUSE = 0.05
TAIL = 1500  # characters of the log that a failure quotes
FOREIGN_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

NOT_THE_DAEMON = ("daemon_absent", "daemon_lost", "daemon_silent", "bad_handshake", "bad_magic", "bad_mac")

Wait = Callable[[], None]

_children: list[subprocess.Popen[bytes]] = []  # kept: the daemon outlives its Popen, which would complain


def ensure_daemon(
    command: Sequence[str], runtime: Path, on_wait: Wait | None = None, wait: float = START_WAIT
) -> Client:
    """A client of this folder's daemon: the one that runs, or one started by `command` and the word `serve`.

    A daemon of another version is stopped and replaced. `on_wait` is called every 50 ms while a daemon starts
    or ends; what it raises ends the wait. Raises Unreachable (command_failed, daemon_start_failed,
    daemon_start_slow, daemon_stop_failed, daemon_silent) and what `read_connection` raises.
    """
    pause = on_wait or _nothing
    client = _live(runtime, pause)
    if client is not None:
        return client
    return _await(_start(command, runtime), runtime, time.monotonic() + wait, wait, pause)


def stop_daemon(runtime: Path, on_wait: Wait | None = None) -> bool:
    """Stops this folder's daemon and waits for its end; whether there was one.

    Raises Unreachable daemon_stop_failed, and what `read_connection` raises.
    """
    connection = read_connection(runtime)
    if connection is None or not _listens(connection):
        return False
    _end(connection, on_wait or _nothing)
    return True


def _nothing() -> None:
    pass


def _live(runtime: Path, pause: Wait) -> Client | None:
    """The daemon of the connection file, if it lives and is of this version; another version is ended."""
    connection = read_connection(runtime)
    if connection is None or not _listens(connection):
        return None
    if (connection.version, connection.protocol) != (__version__, PROTOCOL):
        _end(connection, pause)
        return None
    client = Client(connection)
    return client if _answers(client) else None


def _answers(client: Client) -> bool:
    """Whether it is the file's daemon: a stranger at its address, or one that is just ending, is not."""
    try:
        client.status()
    except (Unreachable, ProtocolError) as error:
        stuck = error.code == "daemon_silent" and _runs(client.connection.pid)
        if stuck or error.code not in NOT_THE_DAEMON:
            raise
        return False
    return True


def _listens(connection: Connection) -> bool:
    """Whether something that speaks ZMTP, be it stuck, is at the address."""
    try:
        Dealer.connect(connection.endpoint).close()
    except Unreachable as error:
        return error.code == "daemon_silent" and _runs(connection.pid)
    except ProtocolError:
        return False
    return True


def _start(command: Sequence[str], runtime: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    environment["RIGATINO_RUNTIME_DIR"] = str(runtime)
    words = [*command, "serve"]
    log = os.open(runtime / START_LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=runtime,
            env=environment,
            **_detached(),
        )
    except OSError as error:
        raise Unreachable("command_failed", command=words[0], why=error.strerror or str(error)) from error
    finally:
        os.close(log)
    _children.append(process)
    return process


def _detached() -> dict[str, Any]:
    if os.name == "nt":
        names = ("DETACHED_PROCESS", "CREATE_NEW_PROCESS_GROUP")
        return {"creationflags": sum(getattr(subprocess, name) for name in names)}
    return {"start_new_session": True}


def _await(
    process: subprocess.Popen[bytes], runtime: Path, deadline: float, wait: float, pause: Wait
) -> Client:
    log = runtime / START_LOG
    while time.monotonic() < deadline:
        ended = process.poll() is not None  # asked first: a daemon found after this look is not missed
        client = _live(runtime, pause)
        if client is not None:
            return client
        if ended and not _lost_the_race(log):
            raise Unreachable("daemon_start_failed", log=str(log), tail=_tail(log))
        pause()
        time.sleep(PAUSE)
    raise Unreachable("daemon_start_slow", log=str(log), seconds=round(wait))


def _lost_the_race(log: Path) -> bool:
    """Whether the daemon ended because another starter's was quicker: that one is waited for."""
    return TEXTS["already_running"].sentence.partition("{")[0] in _tail(log)


def _tail(log: Path) -> str:
    try:
        text = log.read_text("utf-8", "replace").strip()
    except OSError:
        text = ""
    return text[-TAIL:] or "(nothing)"


def _end(connection: Connection, pause: Wait) -> None:
    """Asks a daemon to end, then its process, then makes it."""
    pid = _process(connection)
    try:
        Client(connection).stop()
    except Failure:  # it is stuck, or of another protocol
        _signal(pid, signal.SIGTERM)
    if _gone(connection, pid, pause):
        return
    _signal(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    if not _gone(connection, pid, pause):
        raise Unreachable("daemon_stop_failed", pid=connection.pid)


def _process(connection: Connection) -> int:
    """The daemon's process number as this side sees it, 0 where it sees none.

    Inside Flatpak the numbers differ, the file's would hit a stranger; for a Unix socket, Linux translates.
    """
    try:
        with open_socket(connection.endpoint, time.monotonic() + PATIENCE) as sock:
            if sys.platform != "linux" or sock.family != socket.AF_UNIX:
                return connection.pid
            pid: int = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            return pid
    except Failure:
        return 0


def _gone(connection: Connection, pid: int, pause: Wait) -> bool:
    """Waits for the end of address and process: only then is the daemon's lock free."""
    deadline = time.monotonic() + STOP_WAIT
    while time.monotonic() < deadline:
        if not _runs(pid) and not _listens(connection):
            return True
        pause()
        time.sleep(PAUSE)
    return False


def _signal(pid: int, number: int) -> None:
    if pid > 0:
        with contextlib.suppress(OSError):  # gone meanwhile
            os.kill(pid, number)


def _runs(pid: int) -> bool:
    """Whether a process of ours has this number. On Windows asking would end it: the address decides."""
    for child in _children:
        child.poll()
    if os.name == "nt" or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
