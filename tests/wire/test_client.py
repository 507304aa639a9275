"""The client against a daemon that a test plays on libzmq's ROUTER."""

from __future__ import annotations

import dataclasses
import os
import time
from typing import Any

import pytest

from rigatino_wire import PROTOCOL
from rigatino_wire import client as client_module
from rigatino_wire.client import Client, new_id
from rigatino_wire.endpoint import Connection
from rigatino_wire.errors import Cancelled, Failure, ProtocolError, Unreachable
from rigatino_wire.messages import (
    Array,
    Cancel,
    Describe,
    Description,
    Done,
    Failed,
    Fill,
    Filled,
    Message,
    Progress,
    Status,
    StatusReport,
    Stop,
)
from wire.golden import MESSAGES
from wire.peers import Daemon, Router, beside, until

pytestmark = pytest.mark.timeout(60)
GOLDEN = {message.op: message for message in MESSAGES}


@pytest.fixture
def daemon(router: Router, bind_to: str) -> Daemon:
    return Daemon(*router(bind_to))


def request(pixels: int = 4, **fields: Any) -> Fill:
    image, hole = os.urandom(4 * pixels), os.urandom(pixels)
    return Fill(
        id=new_id(),
        image=Array("u8", (1, pixels, 4), image),
        hole=Array("u8", (1, pixels, 1), hole),
        **fields,
    )


def reply(to: Message, op: str) -> Message:
    return dataclasses.replace(GOLDEN[op], id=to.id)  # type: ignore[type-var]


def filled(to: Message, data: bytes = bytes(4)) -> Filled:
    answer = reply(to, "filled")
    assert isinstance(answer, Filled)
    return dataclasses.replace(answer, fill=Array("u8", (1, 1, len(data) // 4, 4), data))


def test_describe(daemon: Daemon) -> None:
    def play() -> None:
        asked = daemon.take()
        assert isinstance(asked, Describe)
        daemon.say(reply(asked, "description"))

    with beside(play), Client(daemon.connection) as client:
        answer = client.describe()
    assert isinstance(answer, Description)
    assert dataclasses.replace(answer, id="a1") == GOLDEN["description"]


def test_status_and_stop(daemon: Daemon) -> None:
    def play() -> None:
        asked = daemon.take()
        assert isinstance(asked, Status)
        daemon.say(reply(asked, "status_report"))
        asked = daemon.take()
        assert isinstance(asked, Stop)
        daemon.say(Done(id=asked.id))

    with beside(play), Client(daemon.connection) as client:
        assert isinstance(client.status(), StatusReport)
        client.stop()


@pytest.mark.parametrize("pixels", [1, 4, 3_000_000])
def test_a_fill(daemon: Daemon, pixels: int) -> None:
    asked = request(pixels)
    steps = [
        Progress(id=asked.id, stage="queued", position=2),
        Progress(id=asked.id, stage="loading"),
        Progress(id=asked.id, stage="filling", fraction=0.5),
    ]
    seen: list[Progress] = []

    def play() -> None:
        arrived = daemon.take()
        assert arrived == asked
        assert isinstance(arrived, Fill)
        daemon.say(*steps, filled(arrived, bytes(arrived.image.data)))

    with beside(play), Client(daemon.connection) as client:
        answer = client.fill(asked, on_progress=seen.append)
    assert seen == steps
    assert answer.fill.data == asked.image.data
    assert answer.offset == (-3, 40)


def test_one_client_fills_again_and_again(daemon: Daemon) -> None:
    def play() -> None:
        for _ in range(3):
            daemon.say(filled(daemon.take()))

    with beside(play), Client(daemon.connection) as client:
        for _ in range(3):
            client.fill(request())


@pytest.mark.parametrize(
    "failure",
    [
        Failure("hole_empty"),
        Failure("unknown_network", name="big", known="small"),
        ProtocolError("unknown_op", op="fill"),
        Cancelled(),
    ],
    ids=lambda failure: failure.code,
)
@pytest.mark.parametrize("named", [True, False])
def test_the_daemons_failure_is_raised(daemon: Daemon, failure: Failure, named: bool) -> None:
    asked = request()

    def play() -> None:
        daemon.take()
        daemon.say(Failed(id=asked.id if named else "", failure=failure))

    with beside(play), Client(daemon.connection) as client, pytest.raises(type(failure)) as caught:
        client.fill(asked)
    assert (caught.value.code, str(caught.value)) == (failure.code, str(failure))


def test_replies_to_others_are_passed_over(daemon: Daemon) -> None:
    def play() -> None:
        asked = daemon.take()
        other = Describe(id="other")
        daemon.say(
            filled(other), Failed(id="other", failure=Failure("deadline")), Done(id="x"), filled(asked)
        )

    with beside(play), Client(daemon.connection) as client:
        client.fill(request())


def test_a_reply_of_another_kind(daemon: Daemon) -> None:
    def play() -> None:
        daemon.say(Done(id=daemon.take().id))

    with beside(play), Client(daemon.connection) as client, pytest.raises(ProtocolError) as caught:
        client.fill(request())
    assert caught.value.params == {"op": "fill", "reply": "done"}


def test_a_silent_daemon(daemon: Daemon) -> None:
    with Client(daemon.connection, silence=0.3) as client:
        for ask in (client.describe, client.status, client.stop, lambda: client.fill(request())):
            with pytest.raises(Unreachable) as caught:
                ask()
            assert caught.value.code == "daemon_silent"


def test_heartbeats_are_no_words(router: Router, bind_to: str) -> None:
    """libzmq's threads answer for a daemon that is stuck."""
    daemon = Daemon(*router(bind_to, heartbeat_ivl=20))
    with Client(daemon.connection, silence=0.3) as client, pytest.raises(Unreachable) as caught:
        client.fill(request())
    assert caught.value.code == "daemon_silent"


def test_a_daemon_that_works_longer_than_the_silence(daemon: Daemon) -> None:
    def play() -> None:
        asked = daemon.take()
        for step in range(20):
            daemon.say(Progress(id=asked.id, stage="filling", fraction=step / 20))
            time.sleep(0.1)
        daemon.say(filled(asked))

    with beside(play), Client(daemon.connection, silence=1.0) as client:
        client.fill(request())


def test_the_deadline_holds_even_where_the_daemon_forgets_it(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "GRACE", 0.2)

    def play() -> None:
        still = Progress(id=daemon.take().id, stage="filling")
        until(lambda: daemon.client_is_gone(saying=still))

    with beside(play), Client(daemon.connection) as client, pytest.raises(Failure) as caught:
        client.fill(request(deadline_ms=100))
    assert caught.value.code == "deadline"


def test_cancelling(daemon: Daemon) -> None:
    asked = request()
    told: list[Message] = []

    def play() -> None:
        daemon.take()
        daemon.say(Progress(id=asked.id, stage="filling"))
        told.append(daemon.take())
        daemon.say(Done(id=told[0].id), Failed(id=asked.id, failure=Cancelled()))

    started: list[Progress] = []
    with beside(play), Client(daemon.connection) as client, pytest.raises(Cancelled):
        client.fill(asked, on_progress=started.append, cancelled=lambda: bool(started))
    assert isinstance(told[0], Cancel)
    assert told[0].job == asked.id


@pytest.mark.parametrize("answer", ["nothing", "filled", "gone"])
def test_cancelling_whatever_the_daemon_does(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(client_module, "GOODBYE", 0.3)
    looks = iter([False, False, True])

    def play() -> None:
        asked = daemon.take()
        if answer == "gone":
            daemon.sock.close()
        elif answer == "filled":
            assert isinstance(daemon.take(), Cancel)
            daemon.say(filled(asked))

    with beside(play), Client(daemon.connection) as client:
        expected = (Cancelled, Unreachable) if answer == "gone" else Cancelled  # it may be seen to go first
        with pytest.raises(expected):
            client.fill(request(), cancelled=lambda: next(looks))


def test_cancelled_before_it_began(daemon: Daemon) -> None:
    with Client(daemon.connection) as client, pytest.raises(Cancelled):
        client.fill(request(), cancelled=lambda: True)
    assert not daemon.sock.poll(100)


def test_cancelled_is_asked_often(daemon: Daemon) -> None:
    looks: list[float] = []

    def cancelled() -> bool:
        looks.append(time.monotonic())
        return len(looks) > 5

    with Client(daemon.connection) as client, pytest.raises(Cancelled):
        client.fill(request(), cancelled=cancelled)
    assert looks[5] - looks[1] < 3


def test_a_daemon_that_dies_at_work(daemon: Daemon) -> None:
    def play() -> None:
        daemon.say(Progress(id=daemon.take().id, stage="filling"))
        daemon.sock.close(linger=500)

    with beside(play), Client(daemon.connection) as client, pytest.raises(Unreachable) as caught:
        client.fill(request())
    assert caught.value.code == "daemon_lost"


def test_an_exception_of_the_caller_ends_the_connection(daemon: Daemon) -> None:
    class HostGone(Exception):
        pass

    def break_off(_: Progress) -> None:
        raise HostGone

    def play() -> None:
        daemon.say(Progress(id=daemon.take().id, stage="filling"))
        until(daemon.client_is_gone)

    with beside(play), Client(daemon.connection) as client, pytest.raises(HostGone):
        client.fill(request(), on_progress=break_off)


def test_between_requests_nothing_is_open(router: Router, bind_to: str) -> None:
    """However long a dialog stays open: no connection is there for the daemon to give up."""
    daemon = Daemon(*router(bind_to))

    def play() -> None:
        daemon.say(reply(daemon.take(), "description"))
        until(daemon.client_is_gone)
        daemon.say(filled(daemon.take()))

    with beside(play), Client(daemon.connection) as client:
        client.describe()
        time.sleep(0.2)
        client.fill(request())


@pytest.mark.parametrize("found", [PROTOCOL - 1, PROTOCOL + 1, 70])
def test_a_daemon_of_another_protocol_is_not_spoken_to(daemon: Daemon, found: int) -> None:
    other = dataclasses.replace(daemon.connection, protocol=found)
    with Client(other) as client, pytest.raises(ProtocolError) as caught:
        client.describe()
    assert (caught.value.code, caught.value.params) == (
        "wrong_version",
        {"found": found, "expected": PROTOCOL},
    )
    assert not daemon.sock.poll(100)


def test_an_answer_of_another_version_says_so(daemon: Daemon) -> None:
    def play() -> None:
        daemon.take()
        daemon.sock.send_multipart([daemon.name, b"rigati\xff\xff", b"of another making"])

    with beside(play), Client(daemon.connection) as client, pytest.raises(ProtocolError) as caught:
        client.describe()
    assert caught.value.code == "wrong_version"


def test_an_answer_that_is_not_signed_with_the_key(router: Router, bind_to: str) -> None:
    daemon = Daemon(*router(bind_to))

    def play() -> None:
        asked = daemon.take()
        daemon.key = bytes(32)
        daemon.say(filled(asked))

    with beside(play), Client(daemon.connection) as client, pytest.raises(ProtocolError) as caught:
        client.fill(request())
    assert caught.value.code == "bad_mac"


def test_no_daemon() -> None:
    nobody = Connection("ipc:///nonexistent/daemon.sock", bytes(32), 1, "0", PROTOCOL)
    with Client(nobody) as client, pytest.raises(Unreachable) as caught:
        client.status()
    assert caught.value.code == "daemon_absent"
    client.close()


def test_ids_differ() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000
