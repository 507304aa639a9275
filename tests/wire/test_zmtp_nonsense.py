"""The small DEALER against peers that talk nonsense, by accident or on purpose."""

from __future__ import annotations

import socket
import time
import tracemalloc
from pathlib import Path

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rigatino_wire import zmtp
from rigatino_wire.errors import Failure, ProtocolError, Unreachable
from rigatino_wire.frames import MAX_FRAMES
from rigatino_wire.messages import MAX_FRAME
from rigatino_wire.zmtp import GREETING, Dealer
from wire import peers
from wire.peers import raw_peer, shake_hands

pytestmark = pytest.mark.timeout(90)
MIB = 1 << 20


def refusal(endpoint: str) -> ProtocolError:
    """What the client says to a peer's nonsense, in the handshake or after it; it believes no more then."""
    try:
        dealer = Dealer.connect(endpoint, peers.PATIENCE)
    except ProtocolError as error:
        return error
    with dealer:
        with pytest.raises(ProtocolError) as caught:
            dealer.recv(peers.PATIENCE)
        with pytest.raises(Unreachable):
            dealer.recv(0.1)
    return caught.value


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes(64),
        b"\xff" * 64,
        b"\x01\x00" * 40,
        GREETING[:10] + b"\x01" + GREETING[11:],
        GREETING[:12] + b"CURVE".ljust(20, b"\0") + bytes(32),
        GREETING + b"\x00\x05READY",
        GREETING + b"\x04\x05\x04NEWS",
        GREETING + b"\x04\x00",
        GREETING + b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PULL",
        GREETING + b"\x04\x10\x05ERROR\x09no access",
    ],
    ids=["http", "zeros", "ones", "noise", "zmtp1", "curve", "message", "news", "empty", "pull", "error"],
)
def test_what_is_no_router_is_refused(runtime: Path, said: bytes) -> None:
    with raw_peer(runtime, lambda connection: connection.sendall(said)) as endpoint:
        with pytest.raises(ProtocolError) as caught:
            Dealer.connect(endpoint, peers.PATIENCE)
        assert caught.value.code == "bad_handshake"
        assert caught.value.params["endpoint"] == endpoint


@pytest.mark.parametrize("kind", [zmq.PUB, zmq.PULL, zmq.REP, zmq.DEALER])
def test_other_sockets_of_libzmq_are_refused(runtime: Path, kind: int) -> None:
    with zmq.Context() as context, context.socket(kind) as server:
        server.bind(f"ipc://{runtime}/other.sock")
        with pytest.raises((ProtocolError, Unreachable)) as caught:
            Dealer.connect(f"ipc://{runtime}/other.sock")
        assert caught.value.code in ("bad_handshake", "daemon_lost")


@pytest.mark.parametrize(
    "said",
    [
        b"\x02" + (MAX_FRAME + 1).to_bytes(8, "big"),
        b"\x02" + ((1 << 63) - 1).to_bytes(8, "big"),
        b"\x02" + b"\xff" * 8,
        b"\x06" + (5000).to_bytes(8, "big"),
        b"\x08\x01x",
        b"\xff" + bytes(8),
        b"\x05\x01x",
    ],
    ids=["1 MiB + 1", "2^63", "2^64", "large command", "flag 8", "flags", "command with more"],
)
def test_frames_that_break_the_rules(runtime: Path, said: bytes) -> None:
    def script(connection: socket.socket) -> None:
        shake_hands(connection)
        connection.sendall(said)

    tracemalloc.start()
    with raw_peer(runtime, script) as endpoint:
        assert refusal(endpoint).code == "bad_transport"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MIB


def test_too_many_frames(runtime: Path) -> None:
    def script(connection: socket.socket) -> None:
        shake_hands(connection)
        connection.sendall(b"\x01\x00" * (MAX_FRAMES + 1))

    with raw_peer(runtime, script) as endpoint:
        assert refusal(endpoint).code == "bad_transport"


def test_too_many_bytes(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zmtp, "MAX_BYTES", 1000)

    def script(connection: socket.socket) -> None:
        shake_hands(connection)
        connection.sendall((b"\x01\xfa" + bytes(250)) * 5)

    with raw_peer(runtime, script) as endpoint:
        assert refusal(endpoint).code == "bad_transport"


@pytest.mark.parametrize("said", [b"\x00\x01x", b"\x04\x07\x04PING\x00\x0a"], ids=["messages", "heartbeats"])
def test_a_flood_while_sending(runtime: Path, said: bytes) -> None:
    """A peer that takes nothing and sends without end is refused before memory runs out."""

    def script(connection: socket.socket) -> None:
        shake_hands(connection)
        while True:
            connection.sendall(said * 1000)

    with raw_peer(runtime, script) as endpoint, Dealer.connect(endpoint, peers.PATIENCE) as dealer:
        with pytest.raises(ProtocolError) as caught:
            dealer.send([bytes(MIB)] * 8)
        assert caught.value.code == "bad_transport"


def test_a_flood_of_commands_does_not_outlast_the_deadline(runtime: Path) -> None:
    def script(connection: socket.socket) -> None:
        shake_hands(connection)
        while True:
            connection.sendall(b"\x04\x05\x04NEWS" * 1000)

    with raw_peer(runtime, script) as endpoint, Dealer.connect(endpoint, peers.PATIENCE) as dealer:
        start = time.monotonic()
        assert dealer.recv(0.3) is None
        assert time.monotonic() - start < 5


def hear_out(dealer: Dealer) -> None:
    dealer._handshake(time.monotonic() + peers.PATIENCE)
    while True:
        dealer.recv(peers.PATIENCE)


EXPECTED = ("bad_handshake", "bad_transport", "daemon_lost")


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.binary(max_size=200), greeted=st.booleans())
def test_fuzz_what_a_peer_says(said: bytes, greeted: bool) -> None:
    ours, theirs = socket.socketpair()
    with theirs, Dealer(ours, "ipc://fuzz") as dealer:
        theirs.sendall((GREETING + peers.READY if greeted else b"") + said)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(Failure, check=lambda error: error.code in EXPECTED):
            hear_out(dealer)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "ipc://",
        "ipc:///a\0b",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:-1",
        "tcp://192.168.0.1:80",
        "tcp://example.org:80",
        "tcp://0.0.0.0:80",
        "inproc://x",
        "/tmp/socket",
    ],
)
def test_only_addresses_of_this_computer(endpoint: str) -> None:
    with pytest.raises(Failure) as caught:
        Dealer.connect(endpoint)
    assert caught.value.code == "bad_endpoint"
