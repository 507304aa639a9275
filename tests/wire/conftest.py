"""Sockets and folders that leave nothing behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from wire import peers


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A runtime folder whose path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="rw-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def router() -> Iterator[peers.Router]:
    """Makes a bound ROUTER of libzmq, and gives the address to connect to along with it."""
    context = zmq.Context()
    made: list[zmq.Socket[bytes]] = []

    def make(bind_to: str, **options: int) -> tuple[zmq.Socket[bytes], str]:
        made.append(peers.bound_router(context, bind_to, **options))
        endpoint = made[-1].getsockopt(zmq.LAST_ENDPOINT)
        assert isinstance(endpoint, bytes)
        return made[-1], endpoint.rstrip(b"\0").decode()

    yield make
    for sock in made:
        sock.close(linger=0)
    context.destroy(linger=0)


@pytest.fixture(params=["ipc", "tcp"])
def bind_to(request: pytest.FixtureRequest, runtime: Path) -> str:
    """Where a ROUTER of libzmq binds, once for each transport."""
    return f"ipc://{runtime}/daemon.sock" if request.param == "ipc" else "tcp://127.0.0.1:*"
