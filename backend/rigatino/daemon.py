"""The daemon: one process per runtime folder, one thread with a poll loop.

It imports no torch, so that it starts in a moment and stays small.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

import zmq

from rigatino.dispatch import Dispatcher
from rigatino.door import Door
from rigatino.logs import open_log
from rigatino.runtime import sole_daemon, sweep
from rigatino.settings import Settings
from rigatino.supervisor import Event, Worker
from rigatino_wire import PROTOCOL, __version__
from rigatino_wire.endpoint import Connection, choose_endpoint, write_connection

TICK = 100  # ms between two looks at the clock while there is work
REST = 1000  # ms without

log = logging.getLogger("rigatino.daemon")


def serve(settings: Settings, runtime: Path) -> None:
    """Runs the daemon of a runtime folder until a Stop message or a signal ends it.

    Raises Failure already_running, or bad_setting for RIGATINO_TRANSPORT.
    """
    os.umask(0o077)
    with sole_daemon(runtime):
        log_file = open_log(runtime)
        sweep(runtime)
        try:
            Daemon(settings, runtime, log_file).run()
        except Exception:
            log.exception("the daemon broke down")
            raise
        finally:
            sweep(runtime)


class Daemon:
    """One run of the daemon."""

    def __init__(self, settings: Settings, runtime: Path, log_file: Path) -> None:
        self._settings = settings
        self._runtime = runtime
        self._log_file = log_file
        self._key = secrets.token_bytes(32)
        self._stopping = False
        self._next_tick = 0.0
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._alarm, self._bell = socket.socketpair()
        for end in (self._alarm, self._bell):
            end.setblocking(False)

    def run(self) -> None:
        """Opens the door, works until told to stop, and says goodbye."""
        self._heed_signals()
        with zmq.Context() as context, Door(context, choose_endpoint(self._runtime), self._key) as door:
            dispatcher = Dispatcher(door, self._hire, 60 * self._settings.idle_minutes, self._log_file)
            self._announce(door.endpoint)
            dispatcher.start_worker(time.monotonic())
            poller = self._poller(door)
            while not (self._stopping or dispatcher.stopping):
                poller.poll(TICK if dispatcher.busy else REST)
                self._turn(door, dispatcher, time.monotonic())
            log.info("the daemon stops")
            sweep(self._runtime)
            dispatcher.close(time.monotonic())

    def _announce(self, endpoint: str) -> None:
        """From here on clients find the way."""
        write_connection(self._runtime, Connection(endpoint, self._key, os.getpid(), __version__, PROTOCOL))
        log.info("daemon %s (process %d) listens at %s", __version__, os.getpid(), endpoint)
        log.info("settings %s, libzmq %s", self._settings, zmq.zmq_version())

    def _heed_signals(self) -> None:
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: self._stop())

    def _stop(self) -> None:
        self._stopping = True

    def _poller(self, door: Door) -> zmq.Poller:
        poller = zmq.Poller()
        poller.register(door.socket, zmq.POLLIN)
        poller.register(self._alarm, zmq.POLLIN)
        return poller

    def _turn(self, door: Door, dispatcher: Dispatcher, now: float) -> None:
        with contextlib.suppress(BlockingIOError):
            self._alarm.recv(4096)
        for event in self._heard():
            dispatcher.on_event(event, now)
        arrival = door.receive(now)
        if arrival is not None:
            dispatcher.on_message(arrival, now)
        if now >= self._next_tick:
            self._next_tick = now + TICK / 1000
            dispatcher.tick(now)
        dispatcher.advance(now)

    def _hire(self, now: float) -> Worker:
        return Worker(self._key, self._log_file, now, self._hear)

    def _hear(self, event: Event) -> None:
        """Called by the worker's threads."""
        self._events.put(event)
        with contextlib.suppress(OSError):  # full: it rings already; closed: nobody listens any more
            self._bell.send(b"!")

    def _heard(self) -> Iterator[Event]:
        with contextlib.suppress(Empty):
            while True:
                yield self._events.get_nowait()
