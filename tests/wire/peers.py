"""Whom the small client speaks to: libzmq's ROUTER, and peers of raw bytes that behave badly."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import zmq

from rigatino_wire import PROTOCOL, __version__
from rigatino_wire.endpoint import Connection
from rigatino_wire.frames import pack, unpack
from rigatino_wire.messages import Done, Message
from wire.golden import KEY

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06ROUTER"
PATIENCE = 20.0  # seconds that a test waits for what must happen


class Router(Protocol):
    """What the fixture `router` gives: the function that makes one."""

    def __call__(self, bind_to: str, **options: int) -> tuple[zmq.Socket[bytes], str]: ...


def bound_router(context: zmq.Context[Any], bind_to: str, **options: int) -> zmq.Socket[bytes]:
    """A ROUTER that never waits for ever; options by their names in libzmq."""
    sock: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
    sock.linger = 0
    sock.rcvtimeo = sock.sndtimeo = int(PATIENCE * 1000)
    sock.router_mandatory = 1
    for name, value in options.items():
        sock.setsockopt(getattr(zmq, name.upper()), value)
    sock.bind(bind_to)
    return sock


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Runs `work` in a thread and passes on what it raises."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # told to the test below
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the peer did not end"
    if raised:
        raise raised[0]


@contextmanager
def raw_peer(folder: Path, script: Callable[[socket.socket], None]) -> Iterator[str]:
    """A Unix socket that takes one connection, runs the script over it, and closes when the test is done."""
    path = str(folder / "raw.sock")
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(PATIENCE)

        def work() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                try:
                    script(connection)
                    done.wait(PATIENCE)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client has refused to hear more

        with beside(work):
            try:
                yield f"ipc://{path}"
            finally:
                done.set()


def shake_hands(connection: socket.socket) -> None:
    """A ROUTER's side of the handshake."""
    connection.sendall(GREETING + READY)


def read_exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        assert more, "the client has gone"
        data += more
    return data


def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


class Daemon:
    """The daemon's side of the wire, played by a test on a ROUTER of libzmq."""

    def __init__(self, sock: zmq.Socket[bytes], endpoint: str, key: bytes = KEY) -> None:
        self.sock = sock
        self.key = key
        self.connection = Connection(endpoint, KEY, 4711, __version__, PROTOCOL)
        self.name = b""

    def take(self) -> Message:
        """The next request; answers go to its sender."""
        self.name, *frames = self.sock.recv_multipart()
        return unpack(frames, self.key)

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.sock.send_multipart([self.name, *pack(message, self.key)])

    def client_is_gone(self, saying: Message | None = None) -> bool:
        """Whether what it says, here and now, finds no one."""
        try:
            self.say(saying or Done(id="nobody"))
        except zmq.ZMQError as error:
            return error.errno == zmq.EHOSTUNREACH
        return False
