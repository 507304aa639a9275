"""The daemon, and the service that may start it."""

from __future__ import annotations

import time

from rigatino import login_service
from rigatino.doctor.point import OK, WARNING, Point
from rigatino.whereabouts import command
from rigatino_wire import PROTOCOL, __version__
from rigatino_wire.client import Client
from rigatino_wire.endpoint import Connection, read_connection, runtime_dir
from rigatino_wire.errors import Failure
from rigatino_wire.launch import ensure_daemon

NAME = "Daemon"
RESTART = "Stop it with “rigatino stop”; the next fill starts the right one."


def daemon(start: bool) -> Point:
    """Whether one runs, and how it is; `start` starts one where none of this version runs."""
    try:
        if start:
            ensure_daemon(command(), runtime_dir()).close()
        connection = read_connection(runtime_dir())
        return _running(connection) if connection else Point(NAME, OK, "none runs; the first fill starts it")
    except Failure as failure:
        return Point.of(NAME, failure)


def _running(connection: Connection) -> Point:
    if (connection.version, connection.protocol) != (__version__, PROTOCOL):
        text = f"Version {connection.version} runs (process {connection.pid}), this is version {__version__}."
        return Point(NAME, WARNING, text, RESTART)
    try:
        with Client(connection) as client:
            report = client.status()
    except Failure as failure:
        if failure.code == "daemon_absent":
            return Point(NAME, OK, "none runs (one was killed); the first fill starts it")
        raise
    minutes = max(0.0, time.time() - report.started) / 60
    text = f"version {report.version}, process {report.pid}, up {minutes:.0f} min, {report.done} fills"
    return Point(NAME, OK, f"{text}, {report.endpoint}")


def service() -> Point:
    """Whether the daemon is started at login, and has to be."""
    state, file = login_service.state(), login_service.file()
    if state == "absent" and login_service.needed():
        text = "GIMP from Flatpak or Snap may not start the daemon, and no service does."
        return Point("Service", WARNING, text, "Run “rigatino service install”.")
    if state == "absent":
        return Point("Service", OK, "none, and none is needed: the plug-in starts the daemon")
    if not login_service.is_ours():
        text = f"{file} starts another installation of Rigatino than this one, or in another folder."
        return Point("Service", WARNING, text, "Run “rigatino service install”.")
    if state not in ("active", "installed"):
        hint = "“journalctl --user -u rigatino” may say why; “rigatino service install” starts it again."
        return Point("Service", WARNING, f"{file} is {state}.", hint)
    return Point("Service", OK, f"{state}: {file}")
