"""Asking the daemon: one connection per request, made when the request is ready to go.

GIMP's plug-in is single-threaded and answers heartbeats only while it waits here: an idle connection would be
dropped.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Callable, TypeVar

from rigatino_wire import PROTOCOL
from rigatino_wire.endpoint import Connection
from rigatino_wire.errors import Cancelled, Failure, ProtocolError, Unreachable
from rigatino_wire.frames import pack, unpack
from rigatino_wire.messages import (
    Cancel,
    Classes,
    ClassNames,
    Describe,
    Description,
    Done,
    Failed,
    Filled,
    Message,
    Preview,
    Progress,
    Status,
    StatusReport,
    Stop,
    Work,
)
from rigatino_wire.zmtp import Dealer

POLL = 0.05  # seconds between two looks at `cancelled`
SILENCE = 5.0  # seconds without a word, then the daemon counts as stuck: it speaks every half second
GRACE = 5.0  # seconds beyond a fill's own deadline: the daemon, which counts from its arrival, says it first
GOODBYE = 1.0  # seconds to wait for the daemon's word that it has stopped a cancelled fill

M = TypeVar("M", bound=Message)
Report = Callable[[Progress], None]
Show = Callable[[Preview], None]


def new_id() -> str:
    """A name for a request that no other has."""
    return uuid.uuid4().hex


def _never() -> bool:
    return False


class Client:
    """A daemon to ask, found by its connection file. `silence` is in seconds.

    Every method raises Unreachable (daemon_absent, daemon_lost, daemon_silent), ProtocolError, or the Failure
    that the daemon answers with.
    """

    def __init__(self, connection: Connection, silence: float = SILENCE) -> None:
        self.connection = connection
        self._silence = silence
        self._exchange: Dealer | None = None

    def describe(self, task: str = "fill") -> Description:
        """What the daemon has for a task, and takes."""
        return self._ask(Describe(id=new_id(), task=task), Description)

    def classes(self, network: str = "") -> Sequence[str]:
        """The names of the classes that a network paints, by their numbers."""
        return self._ask(Classes(id=new_id(), network=network), ClassNames).names

    def status(self) -> StatusReport:
        """How the daemon is."""
        return self._ask(Status(id=new_id()), StatusReport)

    def stop(self) -> None:
        """Asks the daemon to end; it does so after its answer."""
        self._ask(Stop(id=new_id()), Done)

    def fill(
        self,
        request: Work,
        on_progress: Report | None = None,
        cancelled: Callable[[], bool] = _never,
        on_preview: Show | None = None,
    ) -> Filled:
        """What a request for work comes to. `on_progress` gets every Progress, `on_preview` every candidate once it is
        done; `cancelled` is asked every 50 ms.

        Raises Cancelled where it says true, Failure deadline after the request's time limit, and what the
        class says. An exception from these functions ends the connection, and with it the daemon's work.
        """
        deadline = time.monotonic() + request.deadline_ms / 1000 + GRACE
        if cancelled():
            raise Cancelled
        with self._connected() as dealer:
            self._send(dealer, request)
            while True:
                if cancelled():
                    self._cancel(dealer, request)
                if time.monotonic() > deadline:
                    raise Failure("deadline")
                reply = self._reply(dealer, request)
                if isinstance(reply, Progress):
                    if on_progress is not None:
                        on_progress(reply)
                elif isinstance(reply, Preview):
                    if on_preview is not None:
                        on_preview(reply)
                elif reply is not None:
                    return _expected(reply, Filled, request)

    def close(self) -> None:
        """Ends a request that is under way; may be called again."""
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _connected(self) -> Iterator[Dealer]:
        found = self.connection.protocol
        if found != PROTOCOL:
            raise ProtocolError("wrong_version", found=found, expected=PROTOCOL)
        self._exchange = Dealer.connect(self.connection.endpoint, self._silence)
        try:
            yield self._exchange
        finally:
            self.close()

    def _ask(self, request: Message, kind: type[M]) -> M:
        with self._connected() as dealer:
            self._send(dealer, request)
            while True:
                reply = self._reply(dealer, request)
                if reply is not None:
                    return _expected(reply, kind, request)

    def _send(self, dealer: Dealer, message: Message) -> None:
        dealer.send(pack(message, self.connection.key))
        dealer.heard = time.monotonic()  # silence counts from here

    def _reply(self, dealer: Dealer, request: Message) -> Message | None:
        """The next reply to this request, or None when there is none for now."""
        frames = dealer.recv(POLL)
        if frames is None:
            if time.monotonic() - dealer.heard > self._silence:
                raise Unreachable("daemon_silent")
            return None
        reply = unpack(frames, self.connection.key)
        if isinstance(reply, Failed) and reply.id in (request.id, ""):
            raise reply.failure
        return reply if reply.id == request.id else None

    def _cancel(self, dealer: Dealer, request: Work) -> None:
        """Tells the daemon and raises Cancelled; waits a moment for its word, so that the message arrives."""
        try:
            self._send(dealer, Cancel(id=new_id(), job=request.id))
            end = time.monotonic() + GOODBYE
            while time.monotonic() < end:
                if isinstance(self._reply(dealer, request), Filled):
                    break
        except Failure:  # the fill's own Failed, or a daemon that is gone: stopped either way
            pass
        raise Cancelled


def _expected(reply: Message, kind: type[M], request: Message) -> M:
    if not isinstance(reply, kind):
        raise ProtocolError("unexpected_reply", op=request.op, reply=reply.op)
    return reply
