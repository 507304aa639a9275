"""A ZMTP 3.0 DEALER (NULL mechanism) over a plain socket: all that it takes to speak to the daemon's ROUTER.

Single-threaded. Every wait ends: `connect` and `send` with Unreachable, `recv` with None. While it sends it
reads, so that two sides that write at once do not stop each other. Sizes are checked before memory is taken.
Specification: https://rfc.zeromq.org/spec/23/, heartbeats https://rfc.zeromq.org/spec/37/.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import deque
from collections.abc import Generator, Sequence
from types import TracebackType
from typing import Union

from rigatino_wire.errors import Failure, ProtocolError, Unreachable
from rigatino_wire.frames import MAX_FRAMES
from rigatino_wire.messages import MAX_FRAME, MAX_HEADER, MAX_MESSAGE

MORE, LONG, COMMAND = 1, 2, 4
SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
GREETING = SIGNATURE + bytes([3, 0]) + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x00"
MAX_COMMAND = 4096  # bytes; READY and PING take less than a hundred
MAX_BYTES = (
    MAX_MESSAGE + MAX_HEADER + 4096
)  # of one message, envelope and all, and of all that wait to be taken
MAX_WAITING = 1000  # messages not yet taken, and answers to PING not yet sent
READS = 256  # pieces taken in before deadlines are looked at again
PATIENCE = 5.0  # seconds without a byte taken, then the peer counts as stalled

Piece = Union[bytes, bytearray, memoryview]


class Dealer:
    """One connection. Made by `Dealer.connect`; a context manager that closes."""

    def __init__(self, sock: socket.socket, endpoint: str) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._endpoint = endpoint
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ)
        self._outbox: deque[memoryview] = deque()
        self._inbox: deque[list[bytearray]] = deque()
        self._inbox_bytes = 0
        self._message: list[bytearray] = []
        self._message_bytes = 0
        self._pongs = 0
        self._ready = False
        self._lost = False
        self._reading = self._read()
        self._wanted = next(self._reading)
        self.heard = time.monotonic()  # when the last frame of a message came; heartbeats do not count

    @classmethod
    def connect(cls, endpoint: str, timeout: float = PATIENCE) -> Dealer:
        """A connection whose handshake is done.

        Raises Unreachable daemon_absent (nothing listens), daemon_silent or daemon_lost; ProtocolError
        bad_handshake where something else answers; Failure bad_endpoint.
        """
        deadline = time.monotonic() + timeout
        dealer = cls(open_socket(endpoint, deadline), endpoint)
        try:
            dealer._handshake(deadline)
        except BaseException:
            dealer.close()
            raise
        return dealer

    def send(self, frames: Sequence[Piece], timeout: float = 60.0) -> None:
        """Hands a message to the operating system, whole. What arrives meanwhile is kept for `recv`.

        Raises Unreachable daemon_silent when the peer takes nothing for 5 s, or not all within `timeout`
        seconds; daemon_lost when it is gone. The connection is of no use after either.
        """
        views = [memoryview(frame).cast("B") for frame in frames]
        for place, view in enumerate(views):
            self._queue(MORE if place + 1 < len(views) else 0, view)
        self._flush(time.monotonic() + timeout)

    def recv(self, timeout: float) -> list[bytearray] | None:
        """The next message's frames, or None when there is none within `timeout` seconds.

        Raises Unreachable daemon_lost when the peer is gone, ProtocolError bad_transport for broken rules.
        """
        deadline = time.monotonic() + timeout
        while not self._inbox:
            self._pump(deadline)
            if not self._inbox and time.monotonic() >= deadline:
                return None
        message = self._inbox.popleft()
        self._inbox_bytes -= sum(map(len, message))
        return message

    def close(self) -> None:
        """Ends the connection; may be called again."""
        self._selector.close()
        self._socket.close()

    def __enter__(self) -> Dealer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _handshake(self, deadline: float) -> None:
        self._outbox.append(memoryview(GREETING))
        self._queue(COMMAND, memoryview(READY))
        while not self._ready:
            self._pump(deadline)
            if not self._ready and time.monotonic() >= deadline:
                raise Unreachable("daemon_silent")

    def _queue(self, flags: int, body: memoryview) -> None:
        size = len(body)
        head = bytes([flags, size]) if size < 256 else bytes([flags | LONG]) + size.to_bytes(8, "big")
        self._outbox.append(memoryview(head))
        if size:
            self._outbox.append(body)

    def _flush(self, deadline: float) -> None:
        limit = time.monotonic() + PATIENCE
        while self._outbox:
            if self._pump(min(deadline, limit)):
                limit = time.monotonic() + PATIENCE
            if self._outbox and time.monotonic() >= min(deadline, limit):
                raise Unreachable("daemon_silent")

    def _pump(self, deadline: float) -> bool:
        """Waits until bytes can move, moves some, both ways; whether any went out.

        Raises Unreachable daemon_lost where the peer is gone.
        """
        if self._lost:
            raise Unreachable("daemon_lost")
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outbox else 0)
        self._selector.modify(self._socket, wanted)
        possible = sum(events for _, events in self._selector.select(max(0.0, deadline - time.monotonic())))
        try:
            if possible & selectors.EVENT_READ:
                self._take_in()
            return bool(possible & selectors.EVENT_WRITE) and self._give_out()
        except OSError:
            self._lost = True
            return False
        except ProtocolError:  # nothing that follows can be understood
            self._lost = True
            raise

    def _give_out(self) -> bool:
        went = False
        with contextlib.suppress(BlockingIOError):
            while self._outbox:
                sent = self._socket.send(self._outbox[0])
                went = went or sent > 0
                self._outbox[0] = self._outbox[0][sent:]
                if not self._outbox[0]:
                    self._outbox.popleft()
            self._pongs = 0
        return went

    def _take_in(self) -> None:
        """Reads what has arrived, a message or some frames at most, so that no flood outlasts a deadline."""
        before = len(self._inbox)
        with contextlib.suppress(BlockingIOError):
            for _ in range(READS):
                count = self._socket.recv_into(self._wanted)
                if not count:
                    self._lost = True
                    return
                self._wanted = self._wanted[count:] or next(self._reading)
                if len(self._inbox) > before:
                    return

    def _read(self) -> Generator[memoryview, None, None]:
        """What arrives, in order: yields the memory to fill next, goes on when it is full."""
        yield from self._read_greeting()
        while True:
            head = bytearray(2)
            yield memoryview(head)
            flags, size = head
            if flags & LONG:
                rest = bytearray(7)
                yield memoryview(rest)
                size = int.from_bytes(head[1:] + rest, "big")
            self._check(flags, size)
            body = bytearray(size)
            if size:
                yield memoryview(body)
            if flags & COMMAND:
                self._obey(body)
            else:
                self._collect(flags, body)

    def _read_greeting(self) -> Generator[memoryview, None, None]:
        """Signature and version come first, on their own: an old or foreign peer sends no more than that."""
        start = bytearray(11)
        yield memoryview(start)
        if start[0] != 0xFF or start[9] != 0x7F or start[10] < 3:
            raise self._refusal("its greeting is not ZMTP 3")
        rest = bytearray(len(GREETING) - len(start))
        yield memoryview(rest)
        if rest[1:21] != GREETING[12:32]:
            raise self._refusal("it asks for another security mechanism")

    def _check(self, flags: int, size: int) -> None:
        if flags & ~(MORE | LONG | COMMAND) or (flags & COMMAND and flags & MORE):
            raise ProtocolError("bad_transport", why="a frame has unknown flags")
        if size > (MAX_COMMAND if flags & COMMAND else MAX_FRAME):
            raise ProtocolError("bad_transport", why=f"a frame of {size} bytes was announced")
        if flags & COMMAND:
            return
        if not self._ready:
            raise self._refusal("it sends messages before it is ready")
        if len(self._message) >= MAX_FRAMES or self._message_bytes + self._inbox_bytes + size > MAX_BYTES:
            raise ProtocolError("bad_transport", why="a message is too long")

    def _collect(self, flags: int, body: bytearray) -> None:
        self.heard = time.monotonic()
        self._message.append(body)
        self._message_bytes += len(body)
        if flags & MORE:
            return
        if len(self._inbox) >= MAX_WAITING:
            raise ProtocolError("bad_transport", why="too many messages came at once")
        self._inbox.append(self._message)
        self._inbox_bytes += self._message_bytes
        self._message, self._message_bytes = [], 0

    def _obey(self, body: bytearray) -> None:
        size = body[0] if body else 0
        name, data = bytes(body[1 : size + 1]), bytes(body[size + 1 :])
        if name == b"READY" and not self._ready:
            self._greet(data)
        elif name == b"ERROR":
            raise self._refusal("it says " + data[1:].decode("ascii", "replace")[:200])
        elif name == b"PING" and self._ready:
            self._pong(data[2:])  # after the time to live (2 bytes), the context that the answer repeats
        elif not self._ready:
            raise self._refusal("its handshake is not ZMTP's")

    def _greet(self, properties: bytes) -> None:
        if b"Socket-Type\x00\x00\x00\x06ROUTER" not in properties:
            raise self._refusal("it is no ROUTER")
        self._ready = True

    def _pong(self, context: bytes) -> None:
        self._pongs += 1
        if self._pongs > MAX_WAITING:
            raise ProtocolError("bad_transport", why="it sends heartbeats without end")
        self._queue(COMMAND, memoryview(b"\x04PONG" + context))

    def _refusal(self, why: str) -> ProtocolError:
        return ProtocolError("bad_handshake", endpoint=self._endpoint, why=why)


def open_socket(endpoint: str, deadline: float) -> socket.socket:
    """A socket connected to `ipc://PATH` or `tcp://127.0.0.1:PORT` before the deadline (monotonic)."""
    family, address = _address(endpoint)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        _connect(sock, address, deadline)
    except BaseException:
        sock.close()
        raise
    if family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _address(endpoint: str) -> tuple[int, str | tuple[str, int]]:
    """Only this computer is ever spoken to."""
    kind, _, place = endpoint.partition("://")
    host, _, port = place.rpartition(":")
    if kind == "ipc" and place and "\0" not in place and hasattr(socket, "AF_UNIX"):
        return socket.AF_UNIX, place
    if kind == "tcp" and host == "127.0.0.1" and port.isdecimal() and 0 < int(port) < 65536:
        return socket.AF_INET, (host, int(port))
    raise Failure("bad_endpoint", endpoint=endpoint)


def _connect(sock: socket.socket, address: str | tuple[str, int], deadline: float) -> None:
    while True:
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            return sock.connect(address)
        except BlockingIOError:  # a Unix socket whose peer has stopped accepting
            if time.monotonic() > deadline:
                raise Unreachable("daemon_silent") from None
            time.sleep(0.02)
        except socket.timeout:
            raise Unreachable("daemon_silent") from None
        except OSError as error:
            raise Unreachable("daemon_absent") from error
