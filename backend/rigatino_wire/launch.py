"""Finding the daemon, starting it where there is none, stopping it.

The daemon is started detached: GIMP ends its plug-ins by force, and its environment brings its own Python.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Callable, NamedTuple

from rigatino_wire import PROTOCOL, __version__
from rigatino_wire.client import Client
from rigatino_wire.endpoint import Connection, read_connection
from rigatino_wire.errors import TEXTS, Failure, ProtocolError, Unreachable
from rigatino_wire.program import from_outside, sandbox, starting
from rigatino_wire.zmtp import PATIENCE, Dealer, open_socket

START_LOG = "start.log"  # what the daemon says before its own log is open, and Python when it breaks
START_WAIT = 60.0  # seconds until a started daemon must answer
STOP_WAIT = 10.0  # seconds until a daemon that was asked to end must be gone; then it is made to
PROBE = 2.0  # seconds for a daemon's greeting; one that is slower is asked again, with patience
PAUSE = 0.05
AGAIN = 1.0  # seconds until the start is tried again while another daemon holds the folder
LATE = 3.0  # seconds for a daemon that was started in vain to see it
LARGEST_LOG = 1 << 20
TAIL = 1500  # characters of the log that a failure quotes
FOREIGN_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

NO_MODULE = "No module named"  # Python's words for an interpreter that has no Rigatino (any more)
# What another command may mend; in a sandbox the system's own words do not tell a lost program from a forbidden one.
NOT_THIS_WAY = {False: ("command_failed",), True: ("command_failed", "daemon_start_failed")}
NOT_THE_DAEMON = ("daemon_absent", "daemon_lost", "daemon_silent", "bad_handshake", "bad_magic", "bad_mac")

Wait = Callable[[], None]

_children: list[subprocess.Popen[bytes]] = []  # kept: the daemon outlives its Popen, which would complain


def ensure_daemon(
    command: Sequence[str],
    runtime: Path,
    on_wait: Wait | None = None,
    wait: float = START_WAIT,
    others: Sequence[Sequence[str]] = (),
) -> Client:
    """A client of this folder's daemon: the one that runs, or one started by `command` and the word `serve`.

    Where the program that `command` names is gone, `others` are tried in turn. A daemon of another version is
    stopped and replaced. `on_wait` is called every 50 ms while a daemon starts or ends; what it raises ends the
    wait. Raises Unreachable (command_failed, daemon_start_failed, daemon_start_slow, daemon_stop_failed,
    daemon_silent, daemon_outside, plug_in_older, program_older) and what `read_connection` raises.
    """
    pause = on_wait or _nothing
    found = read_connection(runtime)
    if found is not None and _listens(found):
        if not _of_this_version(found):
            if sandbox() and _mismatch(found) == "plug_in_older":
                _demand_this_version(found)  # to end it would be in vain: none of this version can be started
            _end(found, pause)
        elif _answers(found):
            return Client(found)
    failures: list[Unreachable] = []
    for words in (command, *others):
        try:
            return _started_client(words, runtime, found, wait, pause)
        except Unreachable as failure:
            if failure.code not in NOT_THIS_WAY[bool(sandbox())]:
                raise
            failures.append(failure)
    raise from_outside(runtime) if sandbox() else failures[0]


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


def _of_this_version(connection: Connection) -> bool:
    return (connection.version, connection.protocol) == (__version__, PROTOCOL)


def _answers(connection: Connection) -> bool:
    """Whether it is the file's daemon: a stranger at its address, or one that is just ending, is not."""
    try:
        Client(connection).status()
    except (Unreachable, ProtocolError) as error:
        stuck = error.code == "daemon_silent" and _runs(connection.pid)
        if stuck or error.code not in NOT_THE_DAEMON:
            raise
        return False
    return True


def _listens(connection: Connection) -> bool:
    """Whether something that speaks ZMTP, be it stuck, is at the address."""
    try:
        Dealer.connect(connection.endpoint, PROBE).close()
    except Unreachable as error:
        return error.code == "daemon_silent" and _runs(connection.pid)
    except ProtocolError:
        return False
    return True


class _Started(NamedTuple):
    """A daemon that was started, and where in the log its words begin: other starters write there too."""

    process: subprocess.Popen[bytes]
    log: Path
    offset: int
    again: bool = False

    def said(self) -> str:
        """The end of what it said."""
        try:
            text = self.log.read_bytes()[self.offset :].decode("utf-8", "replace").strip()
        except OSError:
            text = ""
        return text[-TAIL:] or "(nothing)"

    def lost_the_race(self) -> bool:
        """Whether it has ended because another daemon holds the folder."""
        return TEXTS["already_running"].sentence.partition("{")[0] in self.said()

    def may_be(self, found: Connection) -> bool:
        """Whether `found` is what was started: a helper of the sandbox, or Windows' rigatino.exe, has it as a child."""
        return found.pid == self.process.pid or bool(sandbox()) or os.name == "nt"

    def yield_to(self, found: Connection) -> None:
        """Lets one that comes late find the folder taken; it would take it were `found` stopped first."""
        if self.again and self.process.pid != found.pid:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(LATE)


def _start(command: Sequence[str], runtime: Path) -> _Started:
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    environment["RIGATINO_RUNTIME_DIR"] = str(runtime)
    words = starting(command, environment)
    with _opened_log(runtime / START_LOG) as log:
        offset = log.tell()
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        try:
            process = subprocess.Popen(words, cwd=runtime, env=environment, **streams, **_detached())
        except OSError as error:
            raise Unreachable(
                "command_failed", command=command[0], why=error.strerror or str(error)
            ) from error
    _children.append(process)
    return _Started(process, runtime / START_LOG, offset)


def _opened_log(path: Path) -> BinaryIO:
    """The log to append to, emptied where it has grown large."""
    log = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0)
    if os.fstat(log.fileno()).st_size > LARGEST_LOG:
        log.truncate(0)
    log.seek(0, os.SEEK_END)
    return log


def _detached() -> dict[str, Any]:
    if os.name == "nt":
        names = ("DETACHED_PROCESS", "CREATE_NEW_PROCESS_GROUP")
        return {"creationflags": sum(getattr(subprocess, name) for name in names)}
    return {"start_new_session": True}


def _started_client(
    command: Sequence[str], runtime: Path, before: Connection | None, wait: float, pause: Wait
) -> Client:
    """A client of the daemon that is started here, or by someone quicker; `before` names neither."""
    deadline = time.monotonic() + wait
    started = _start(command, runtime)
    while time.monotonic() < deadline:
        ended = started.process.poll() is not None  # asked before looking, so that no daemon is missed
        lost = ended and started.lost_the_race()
        found = read_connection(runtime)
        if found is not None and (lost or found != before) and _is_ready(found):
            started.yield_to(found)
            return Client(found)
        if found is not None and found != before and started.may_be(found):
            _demand_this_version(found)
        if ended and not lost:
            raise _broken(command, started)
        _rest(AGAIN if lost else PAUSE, pause)
        if lost:  # to one that is not ready yet, or to one that is just ending
            started = _start(command, runtime)._replace(again=True)
    raise Unreachable("daemon_start_slow", log=str(started.log), seconds=round(wait))


def _broken(command: Sequence[str], started: _Started) -> Unreachable:
    """Why the daemon ended at once: the program is gone, or what it said itself."""
    said = started.said()
    if NO_MODULE in said:
        return Unreachable("command_failed", command=command[0], why=said.splitlines()[-1])
    tail = said.rstrip(".")  # the sentence has its own
    return Unreachable("daemon_start_failed", log=str(started.log), tail=tail)


def _demand_this_version(found: Connection) -> None:
    """The daemon just started must be of this version: another start would bring the same one again."""
    if not _of_this_version(found):
        raise Unreachable(_mismatch(found), found=found.version, expected=__version__)


def _mismatch(found: Connection) -> str:
    """The code that says which side is older."""
    theirs, ours = (_numbers(found.version), found.protocol), (_numbers(__version__), PROTOCOL)
    return "version_differs" if theirs == ours else "plug_in_older" if theirs > ours else "program_older"


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _rest(seconds: float, pause: Wait) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pause()
        time.sleep(PAUSE)


def _is_ready(found: Connection) -> bool:
    return _of_this_version(found) and _listens(found) and _answers(found)


def _end(connection: Connection, pause: Wait) -> None:
    """Asks a daemon to end, then its process, then makes it."""
    pid = _process(connection)
    if pid not in (0, connection.pid):
        return  # the file is from before, its address has passed on to a daemon that is just starting
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
    """Waits for the end of the process, which lets go of the folder; of an unseen one, of its address."""
    deadline = time.monotonic() + STOP_WAIT
    while time.monotonic() < deadline:
        there = _runs(pid) if _is_visible(pid) else _listens(connection)
        if not there:
            return True
        _rest(PAUSE, pause)
    return not _listens(connection)  # a process that nobody buries is gone all the same


def _is_visible(pid: int) -> bool:
    """Whether the process can be asked for; on Windows asking would end it."""
    return pid > 0 and os.name != "nt"


def _signal(pid: int, number: int) -> None:
    if pid > 0:
        with contextlib.suppress(OSError):  # gone meanwhile
            os.kill(pid, number)


def _runs(pid: int) -> bool:
    """Whether a process of ours has this number."""
    for child in _children:
        child.poll()
    if not _is_visible(pid):
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether the process has ended and nobody has asked how: in many containers nobody ever does."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[:1] == ["Z"]
