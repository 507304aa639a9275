"""A real daemon that can do nothing but tell its status: what `launch` starts, finds and stops in tests.

Its first argument is a list of traits, joined by commas, that make it misbehave.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import zmq

from rigatino_wire import PROTOCOL, __version__
from rigatino_wire.endpoint import (
    CONNECTION_FILE,
    Connection,
    choose_endpoint,
    runtime_dir,
    write_connection,
)
from rigatino_wire.errors import Failure
from rigatino_wire.frames import pack, unpack
from rigatino_wire.messages import Done, Status, Stop
from wire.golden import MESSAGES

REPORT = next(message for message in MESSAGES if message.op == "status_report")


def lock(runtime: Path) -> Any:
    file = (runtime / "daemon.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(str(Failure("already_running", pid=1)))
    return file


def serve(runtime: Path, traits: set[str]) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as sock:
        sock.linger = 500
        sock.bind(choose_endpoint(runtime))
        version = "0.0.1" if "old" in traits else "99.0" if "new" in traits else __version__
        protocol = 99 if "foreign" in traits else PROTOCOL
        endpoint = sock.getsockopt(zmq.LAST_ENDPOINT)
        assert isinstance(endpoint, bytes)
        connection = Connection(
            endpoint.rstrip(b"\0").decode(), os.urandom(32), os.getpid(), version, protocol
        )
        if "late" in traits:
            time.sleep(1.5)
        write_connection(runtime, connection)
        answer(sock, connection.key, traits)
    (runtime / CONNECTION_FILE).unlink()
    if "lingers" in traits:
        time.sleep(3)


def answer(sock: zmq.Socket[bytes], key: bytes, traits: set[str]) -> None:
    while True:
        name, *frames = sock.recv_multipart()
        message = unpack(frames, key)
        if isinstance(message, Status):
            sock.send_multipart([name, *pack(replace(REPORT, id=message.id, pid=os.getpid()), key)])  # type: ignore[type-var]
        if isinstance(message, Stop) and "stubborn" not in traits:
            sock.send_multipart([name, *pack(Done(id=message.id), key)])
            return


def main() -> None:
    traits = set(sys.argv[1].split(","))
    if "crash" in traits:
        sys.exit("Something is amiss.\nThe reason stands in the last line: no disk.")
    runtime = runtime_dir()
    if "tells" in traits:
        (runtime / "environment").write_text(
            repr((dict(os.environ), os.getsid(0), os.getpid(), str(Path.cwd())))
        )
    with lock(runtime):
        if "slow" in traits:
            time.sleep(1.5)
        if "mute" in traits:
            time.sleep(60)
        serve(runtime, traits)
