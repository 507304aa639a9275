"""The small DEALER against real libzmq, and against peers that die or stall."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from rigatino_wire import zmtp
from rigatino_wire.errors import Unreachable
from rigatino_wire.zmtp import GREETING, READY, Dealer
from wire import peers
from wire.peers import Router, beside, raw_peer, shake_hands

pytestmark = pytest.mark.timeout(90)
MIB = 1 << 20


def received(dealer: Dealer) -> list[bytes]:
    frames = dealer.recv(peers.PATIENCE)
    assert frames is not None, "nothing came"
    return [bytes(frame) for frame in frames]


@contextmanager
def disconnections(server: zmq.Socket[bytes]) -> Iterator[zmq.Socket[bytes]]:
    """The socket on which libzmq tells when it gives a client up."""
    with server.get_monitor_socket(zmq.EVENT_DISCONNECTED) as events:
        yield events
        server.disable_monitor()


# ---- libzmq


@pytest.mark.parametrize(
    "frames",
    [
        [b"one"],
        [b""],
        [b"", b"", b""],
        [bytes(255), bytes(256), bytes(257)],
        [b"a" * 255],
        [b"a" * 256],
        [os.urandom(65_535), os.urandom(65_536)],
        [b"x" * MIB, b"", b"y" * (MIB - 1)],
        [b"small"] * 500,
    ],
    ids=lambda frames: ",".join(str(len(frame)) for frame in frames[:3]),
)
def test_echo(router: Router, bind_to: str, frames: list[bytes]) -> None:
    server, endpoint = router(bind_to)
    with beside(lambda: server.send_multipart(server.recv_multipart())), Dealer.connect(endpoint) as dealer:
        dealer.send(frames)
        assert received(dealer) == frames


def test_48_mb_there_and_back(router: Router, bind_to: str) -> None:
    server, endpoint = router(bind_to, rcvhwm=2, sndhwm=2)
    frames = [os.urandom(MIB) for _ in range(48)]
    with (
        beside(lambda: server.send_multipart(server.recv_multipart(copy=False), copy=False)),
        Dealer.connect(endpoint) as dealer,
    ):
        dealer.send([memoryview(frame) for frame in frames])
        assert received(dealer) == frames


def test_both_write_at_once(router: Router, bind_to: str) -> None:
    """The ROUTER sends 32 MB and does not read before it is done; nor does the client."""
    server, endpoint = router(bind_to, rcvhwm=1, sndhwm=1, sndbuf=8192, rcvbuf=8192)
    up, down = [b"u" * MIB] * 32, [b"d" * MIB] * 32

    def serve() -> None:
        name = server.recv_multipart()[0]
        for _ in range(4):
            server.send_multipart([name, *down])
        assert server.recv_multipart()[1:] == up

    with beside(serve), Dealer.connect(endpoint) as dealer:
        dealer.send([b"hello"])
        dealer.send(up)
        for _ in range(4):
            assert received(dealer) == down


def test_messages_keep_their_order(router: Router, bind_to: str) -> None:
    server, endpoint = router(bind_to)
    with Dealer.connect(endpoint) as dealer:
        for number in range(100):
            dealer.send([b"%d" % number])
        for number in range(100):
            name, text = server.recv_multipart()
            server.send_multipart([name, text, b"yes"])
            assert text == b"%d" % number
        assert [received(dealer)[0] for _ in range(100)] == [b"%d" % number for number in range(100)]


def test_recv_waits_no_longer_than_it_is_told(router: Router, bind_to: str) -> None:
    _server, endpoint = router(bind_to)
    with Dealer.connect(endpoint) as dealer:
        start = time.monotonic()
        assert dealer.recv(0.2) is None
        assert 0.19 < time.monotonic() - start < 5
        assert dealer.recv(0) is None


def test_heartbeats_are_answered_while_waiting(router: Router, bind_to: str) -> None:
    server, endpoint = router(bind_to, heartbeat_ivl=50, heartbeat_timeout=1000)
    with disconnections(server) as events, Dealer.connect(endpoint) as dealer:
        heard = dealer.heard
        for _ in range(30):
            assert dealer.recv(0.1) is None
        assert not events.poll(0), "the ROUTER gave the client up"
        assert dealer.heard == heard, "a heartbeat is not a word"
        dealer.send([b"still here"])
        assert server.recv_multipart()[1] == b"still here"


def test_a_client_that_does_not_wait_is_given_up(router: Router, bind_to: str) -> None:
    """The test above can fail: without answers libzmq hangs up, and the client says so."""
    server, endpoint = router(bind_to, heartbeat_ivl=50, heartbeat_timeout=200)
    with disconnections(server) as events, Dealer.connect(endpoint) as dealer:
        assert events.poll(int(peers.PATIENCE * 1000))
        assert recv_monitor_message(events)["event"] == zmq.EVENT_DISCONNECTED
        with pytest.raises(Unreachable) as caught:
            dealer.recv(peers.PATIENCE)
        assert caught.value.code == "daemon_lost"


def test_heartbeats_during_a_large_message(router: Router, bind_to: str) -> None:
    server, endpoint = router(bind_to, heartbeat_ivl=1, heartbeat_timeout=5000)
    frames = [bytes(MIB)] * 48
    with beside(lambda: server.send_multipart(server.recv_multipart())), Dealer.connect(endpoint) as dealer:
        dealer.send(frames)
        assert received(dealer) == frames


def test_a_ping_with_context_is_echoed(runtime: Path) -> None:
    def script(connection: socket.socket) -> None:
        shake_hands(connection)
        peers.read_exactly(connection, len(GREETING) + 2 + len(READY))
        connection.sendall(b"\x04\x0f\x04PING\x00\x0acontext!")
        assert peers.read_exactly(connection, 15) == b"\x04\x0d\x04PONGcontext!"
        connection.sendall(b"\x00\x03yes")

    with raw_peer(runtime, script) as endpoint, Dealer.connect(endpoint) as dealer:
        assert received(dealer) == [b"yes"]


# ---- peers that go


def test_a_peer_that_closes(router: Router, bind_to: str) -> None:
    server, endpoint = router(bind_to)
    with Dealer.connect(endpoint) as dealer:
        server.close()
        with pytest.raises(Unreachable) as caught:
            dealer.recv(peers.PATIENCE)
        assert caught.value.code == "daemon_lost"
        with pytest.raises(Unreachable):
            dealer.send([b"anyone?"])


def test_what_came_before_the_end_is_still_delivered(runtime: Path) -> None:
    def script(connection: socket.socket) -> None:
        shake_hands(connection)
        connection.sendall(b"\x00\x03one\x00\x03two\x01\x04half")
        connection.shutdown(socket.SHUT_WR)

    with raw_peer(runtime, script) as endpoint, Dealer.connect(endpoint) as dealer:
        assert received(dealer) == [b"one"]
        assert received(dealer) == [b"two"]
        with pytest.raises(Unreachable):
            dealer.recv(peers.PATIENCE)


ROUTER_PROCESS = """
import sys, zmq
server = zmq.Context().socket(zmq.ROUTER)
server.bind(sys.argv[1])
print(server.last_endpoint.rstrip(b"\\0").decode(), flush=True)
while True:
    name, *frames = server.recv_multipart()
    if frames == [b"echo"]:
        server.send_multipart([name, *frames])
    else:
        print("got", flush=True)
"""


@pytest.fixture
def router_process(bind_to: str) -> Any:
    command = [sys.executable, "-c", ROUTER_PROCESS, bind_to]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_peer_that_is_killed(router_process: subprocess.Popen[str]) -> None:
    assert router_process.stdout is not None
    with Dealer.connect(router_process.stdout.readline().strip(), timeout=peers.PATIENCE) as dealer:
        dealer.send([b"echo"])
        assert received(dealer) == [b"echo"]
        router_process.kill()
        router_process.wait(peers.PATIENCE)
        with pytest.raises(Unreachable) as caught:
            dealer.recv(peers.PATIENCE)
        assert caught.value.code == "daemon_lost"


def test_a_peer_that_is_frozen(
    router_process: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert router_process.stdout is not None
    endpoint = router_process.stdout.readline().strip()
    monkeypatch.setattr(zmtp, "PATIENCE", 0.3)
    with Dealer.connect(endpoint, timeout=peers.PATIENCE) as dealer:
        router_process.send_signal(signal.SIGSTOP)
        assert dealer.recv(0.2) is None
        with pytest.raises(Unreachable) as caught:
            dealer.send([bytes(MIB)] * 64)
        assert caught.value.code == "daemon_silent"
        with pytest.raises(Unreachable) as caught:
            Dealer.connect(endpoint, timeout=0.3)
        assert caught.value.code == "daemon_silent"


# ---- peers that stall


def test_nobody_there(runtime: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:  # a node that is left behind
        bound.bind(str(runtime / "left.sock"))
    with socket.socket(socket.AF_INET) as free:
        free.bind(("127.0.0.1", 0))
        addresses = [f"ipc://{runtime}/none.sock", f"ipc://{runtime}/left.sock", "ipc:///" + "x" * 200]
        for endpoint in [*addresses, f"tcp://127.0.0.1:{free.getsockname()[1]}"]:
            with pytest.raises(Unreachable) as caught:
                Dealer.connect(endpoint)
            assert caught.value.code == "daemon_absent"


@pytest.mark.parametrize("said", [b"", GREETING[:5], GREETING, GREETING + peers.READY[:9]])
def test_a_peer_that_accepts_and_stalls(runtime: Path, said: bytes) -> None:
    with raw_peer(runtime, lambda connection: connection.sendall(said)) as endpoint:
        start = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            Dealer.connect(endpoint, timeout=0.3)
        assert caught.value.code == "daemon_silent"
        assert time.monotonic() - start < 5


def test_a_peer_that_does_not_accept(runtime: Path) -> None:
    path = str(runtime / "full.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        with pytest.raises(Unreachable) as caught:
            Dealer.connect(f"ipc://{path}", timeout=0.3)
        assert caught.value.code == "daemon_silent"


def test_a_peer_that_reads_nothing(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zmtp, "PATIENCE", 0.3)
    with raw_peer(runtime, shake_hands) as endpoint, Dealer.connect(endpoint, peers.PATIENCE) as dealer:
        with pytest.raises(Unreachable) as caught:
            dealer.send([bytes(MIB)] * 8)
        assert caught.value.code == "daemon_silent"


def test_a_peer_that_reads_too_slowly(runtime: Path) -> None:
    def script(connection: socket.socket) -> None:
        shake_hands(connection)
        while connection.recv(1000):
            time.sleep(0.01)

    with raw_peer(runtime, script) as endpoint, Dealer.connect(endpoint, peers.PATIENCE) as dealer:
        with pytest.raises(Unreachable) as caught:
            dealer.send([bytes(MIB)] * 8, timeout=0.5)
        assert caught.value.code == "daemon_silent"


def test_a_peer_that_chatters_but_takes_nothing(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zmtp, "PATIENCE", 0.3)

    def script(connection: socket.socket) -> None:
        shake_hands(connection)
        while True:
            connection.sendall(b"\x04\x05\x04NEWS")
            time.sleep(0.01)

    with raw_peer(runtime, script) as endpoint, Dealer.connect(endpoint, peers.PATIENCE) as dealer:
        with pytest.raises(Unreachable) as caught:
            dealer.send([bytes(MIB)] * 8)
        assert caught.value.code == "daemon_silent"
        assert dealer.recv(0.1) is None


def test_closing_twice(router: Router, bind_to: str) -> None:
    _server, endpoint = router(bind_to)
    dealer = Dealer.connect(endpoint)
    dealer.close()
    dealer.close()
