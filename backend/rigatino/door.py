"""The daemon's socket: a ROUTER that knows when a client is gone and never waits for one that is slow.

What a client may send is bounded: bytes of a frame by libzmq, frames of a message here, the rest by
rigatino_wire.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import zmq

from rigatino_wire.errors import ProtocolError
from rigatino_wire.frames import MAX_FRAMES, pack, unpack
from rigatino_wire.messages import MAX_FRAME, Failed, Message

WAITING_IN = 2  # messages of one client that libzmq may hold, of up to 1 GiB each
WAITING_OUT = 8
HEARTBEAT = 10_000  # ms; a client answers only while it waits for a reply
HEARTBEAT_PATIENCE = 45_000  # ms
GOODBYE = 2_000  # ms for the last replies when the daemon ends
REPLIES_KEPT = 32  # for a client that does not read
REPLY_PATIENCE = 60.0  # seconds

DROPPED = ("bad_magic", "bad_mac")  # not from a client of this daemon: no answer

log = logging.getLogger("rigatino.door")


class Arrival(NamedTuple):
    """A message of the client `client` (the connection's name), and its frames as they came."""

    client: bytes
    message: Message
    frames: list[Any]


class _Late(NamedTuple):
    frames: Sequence[Any]
    until: float


class Door:
    """Bound at once; `endpoint` is where."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, key: bytes) -> None:
        self._key = key
        self._late: dict[bytes, deque[_Late]] = {}
        self.socket = context.socket(zmq.ROUTER)
        for option, value in _OPTIONS.items():
            self.socket.setsockopt(option, value)
        self.socket.bind(endpoint)
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def receive(self, now: float) -> Arrival | None:
        """The next message, None where there is none. A bad one is none, but answered or at least logged."""
        parts = self._parts()
        if parts is None:
            return None
        client, frames = parts
        try:
            if len(frames) > MAX_FRAMES:
                raise ProtocolError("bad_frames")
            return Arrival(client, unpack(frames, self._key), frames)
        except ProtocolError as error:
            self._refuse(client, error, now)
            return None

    def send(self, client: bytes, message: Message, now: float) -> bool:
        """Sends a reply; False where the client is gone."""
        return self.send_frames(client, pack(message, self._key), now)

    def send_frames(self, client: bytes, frames: Sequence[Any], now: float) -> bool:
        """Sends a packed reply, kept for a while where the client is slow; False where the client is gone."""
        waiting = self._late.get(client)
        sent = None if waiting else self._try(client, frames)
        if sent is None:
            self._keep(client, _Late(frames, now + REPLY_PATIENCE))
        return sent is not False

    def offer(self, client: bytes, message: Message) -> bool:
        """Sends a reply that may be left out where the client is slow; False where the client is gone."""
        return self.offer_frames(client, pack(message, self._key))

    def offer_frames(self, client: bytes, frames: Sequence[Any]) -> bool:
        """The same for a reply that is packed."""
        return client in self._late or self._try(client, frames) is not False

    def send_late(self, now: float) -> None:
        """Tries again to send what slow clients were not ready for."""
        for client in list(self._late):
            line = self._late[client]
            while line and (now >= line[0].until or self._try(client, line[0].frames) is not None):
                line.popleft()
            if not line:
                del self._late[client]

    @property
    def owes(self) -> bool:
        """Whether replies wait for slow clients."""
        return bool(self._late)

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the socket; replies that are on their way have two seconds."""
        self.socket.close()

    def _parts(self) -> tuple[bytes, list[Any]] | None:
        """One message's sender and frames; of one with too many, no more than show that."""
        try:
            frame = self.socket.recv(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        client = frame.bytes
        frames: list[Any] = []
        while frame.more:
            frame = self.socket.recv(zmq.NOBLOCK, copy=False)
            if len(frames) <= MAX_FRAMES:
                frames.append(frame)
        return client, frames

    def _refuse(self, client: bytes, error: ProtocolError, now: float) -> None:
        log.warning("a message of %s was refused: %s", client.hex(), error)
        if error.code not in DROPPED:
            self.send(client, Failed(id=error.id, failure=error), now)

    def _try(self, client: bytes, frames: Sequence[Any]) -> bool | None:
        """True: sent; False: the client is gone; None: it takes nothing now."""
        try:
            self.socket.send_multipart([client, *frames], zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return False
        return True

    def _keep(self, client: bytes, late: _Late) -> None:
        line = self._late.setdefault(client, deque())
        if len(line) < REPLIES_KEPT:
            line.append(late)
        else:
            log.warning("%s does not read its replies: one is dropped", client.hex())


_OPTIONS: dict[int, int] = {
    zmq.ROUTER_MANDATORY: 1,
    zmq.RCVHWM: WAITING_IN,
    zmq.SNDHWM: WAITING_OUT,
    zmq.MAXMSGSIZE: MAX_FRAME,
    zmq.LINGER: GOODBYE,
    zmq.HEARTBEAT_IVL: HEARTBEAT,
    zmq.HEARTBEAT_TIMEOUT: HEARTBEAT_PATIENCE,
    zmq.HANDSHAKE_IVL: 5_000,
}
