"""What a daemon answers, while it works and while it rests; clients that cancel, vanish, or want too much."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise

import pytest

from daemon.house import House, caller, request, slow_request
from rigatino_wire import __version__
from rigatino_wire.client import new_id
from rigatino_wire.errors import Cancelled
from rigatino_wire.messages import (
    Cancel,
    Describe,
    Description,
    Done,
    Failed,
    Filled,
    Progress,
    Status,
    StatusReport,
)

PROMPT = 3.0  # seconds in which what never waits must come, on a busy machine; slow fills take longer


def test_a_fill_comes_back_with_what_ran(open_house: House) -> None:
    stages: list[str] = []
    wanted = request(96, 80, offset=(1000, -5))
    filled = open_house.client().fill(wanted, on_progress=lambda progress: stages.append(progress.stage))
    assert filled.id == wanted.id
    count, height, width, channels = filled.fill.shape
    assert (count, channels) == (1, 4)
    x, y = filled.offset
    assert 1000 <= x <= x + width <= 1096
    assert -5 <= y <= y + height <= 75
    assert filled.network == open_house.client().describe().default_network
    assert set(stages) <= {"starting", "loading", "filling", "queued"}


def test_describe_and_status_do_not_wait_for_work(open_house: House) -> None:
    with caller(open_house) as busy, caller(open_house) as asking:
        job = slow_request()
        busy.begin(job)
        started = time.monotonic()
        asking.say(Describe("d"))
        description = asking.hear()
        asking.say(Status("s"))
        report = asking.hear()
        assert time.monotonic() - started < PROMPT
        assert isinstance(description, Description)
        assert (description.version, description.device) == (__version__, "cpu")
        assert "slow" in [network.name for network in description.networks]
        assert isinstance(report, StatusReport)
        assert (report.running, report.queued) == (1, 0)
        busy.say(Cancel("c", job.id))
        busy.hear_of("c", Done)


def test_status_is_told_to_people(open_house: House) -> None:
    report, said = open_house.status(), open_house.run("status")
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(report.started))
    assert said.stdout.startswith(f"Rigatino {__version__} has run as process {report.pid} since {began}.\n")


def test_progress_comes_at_least_twice_a_second_and_is_real(open_house: House) -> None:
    with caller(open_house) as first, caller(open_house) as second:
        running, waiting = slow_request(), slow_request()
        first.begin(running)
        second.say(waiting)
        heard: list[tuple[float, Progress]] = []
        while not heard or heard[-1][0] - heard[0][0] < 2.0:
            message = second.hear()
            assert isinstance(message, Progress)
            heard.append((time.monotonic(), message))
        assert all((told.stage, told.position) == ("queued", 1) for _, told in heard)
        gaps = [later - earlier for (earlier, _), (later, _) in pairwise(heard)]
        assert sorted(gaps)[len(gaps) // 2] <= 0.5
        fractions = [
            told.fraction
            for _ in range(4)
            if isinstance(told := first.hear_of(running.id, Progress), Progress) and told.stage == "filling"
        ]
        assert fractions == sorted(fractions)
        for one, job in ((second, waiting), (first, running)):
            one.say(Cancel(new_id(), job.id))
            assert one.refused(job.id) == "cancelled"


def test_clients_take_turns(open_house: House) -> None:
    with caller(open_house) as greedy, caller(open_house) as modest:
        slow = slow_request()
        greedy.begin(slow)
        many = [request() for _ in range(4)]
        for job in many:
            greedy.say(job)
        open_house.await_status(lambda report: report.queued == 4)
        one = request()
        modest.say(one)
        open_house.await_status(lambda report: report.queued == 5)
        told = modest.hear_of(one.id, Progress)
        assert isinstance(told, Progress)
        assert told.position == 1, "before all but the running one of the greedy client's"
        greedy.say(Cancel("c", slow.id))
        modest.hear_of(one.id, Filled)
        for job in many:
            greedy.hear_of(job.id, Filled)


def test_cancel_stops_a_long_fill_soon_and_the_next_one_runs(open_house: House) -> None:
    until = time.monotonic() + 1.5
    with pytest.raises(Cancelled):
        open_house.client().fill(slow_request(), cancelled=lambda: time.monotonic() > until)
    started = time.monotonic()
    open_house.await_status(lambda report: report.running == 0)
    assert time.monotonic() - started < PROMPT, "the network stops at its next step"
    open_house.client().fill(request())


def test_a_waiting_fill_is_cancelled_at_once(open_house: House) -> None:
    with caller(open_house) as first:
        running, waiting = slow_request(), request()
        first.say(running)
        first.say(waiting)
        first.hear_of(running.id, Progress)
        first.say(Cancel("c1", waiting.id))
        assert first.refused(waiting.id) == "cancelled"
        assert open_house.status().running == 1
        first.say(Cancel("c2", running.id))
        first.hear_of(running.id, Failed)


@pytest.mark.parametrize("position", ["running", "queued"])
def test_a_fill_ends_at_its_deadline(open_house: House, position: str) -> None:
    with caller(open_house) as first, caller(open_house) as second:
        long = slow_request()
        if position == "queued":
            first.begin(long)
        late = slow_request(deadline_ms=1000)
        started = time.monotonic()
        second.say(late)
        assert second.refused(late.id) == "deadline"
        assert time.monotonic() - started < 1.0 + PROMPT
        if position == "queued":
            first.say(Cancel("c", long.id))
            first.hear_of(long.id, Failed)
    open_house.await_status(lambda report: report.running == 0)


def test_a_client_that_is_killed_takes_its_fills_along(open_house: House) -> None:
    program = (
        "from daemon.house import *; from rigatino_wire.endpoint import runtime_dir\n"
        "client = Client(read_connection(runtime_dir()))\n"
        "client.fill(slow_request(), on_progress=lambda progress: print(progress.stage, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], env=open_house.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while "filling" not in process.stdout.readline():
            assert process.poll() is None
        process.kill()
    started = time.monotonic()
    open_house.await_status(lambda report: report.running == 0)
    assert time.monotonic() - started < PROMPT
    assert "its client is gone" in open_house.log()


def test_a_client_that_leaves_takes_its_waiting_fills_along(open_house: House) -> None:
    with caller(open_house) as first:
        running = slow_request()
        first.begin(running)
        with caller(open_house) as second:
            for _ in range(3):
                second.say(request())
            open_house.await_status(lambda report: report.queued == 3)
        report = open_house.await_status(lambda report: report.queued == 0)
        assert report.running == 1
        first.say(Cancel("c", running.id))
        first.hear_of(running.id, Failed)


def test_the_queue_has_an_end(open_house: House) -> None:
    with caller(open_house) as greedy:
        running = slow_request()
        greedy.say(running)
        names = [f"more-{number}" for number in range(16)]
        for name in names:
            greedy.say(request(16, 16, id=name))
        assert greedy.refused(names[-1]) == "queue_full"
        open_house.client().describe()
    open_house.await_status(lambda report: report.running + report.queued == 0)


def test_an_id_is_used_once_at_a_time(open_house: House) -> None:
    with caller(open_house) as one:
        job = slow_request()
        one.say(job)
        one.say(request(id=job.id))
        assert one.refused(job.id) == "duplicate_id"
        one.hear_of(job.id, Progress)
        one.say(Cancel("c", job.id))
        one.hear_of("c", Done)


def test_a_client_cannot_cancel_anothers_fill(open_house: House) -> None:
    with caller(open_house) as owner, caller(open_house) as other:
        job = slow_request()
        owner.begin(job)
        other.say(Cancel("c", job.id))
        assert other.refused("c") == "unknown_job"
        owner.hear_of(job.id, Progress)
        owner.say(Cancel("c", job.id))
        owner.hear_of("c", Done)


def test_a_client_that_does_not_read_harms_no_other(open_house: House) -> None:
    with caller(open_house, waiting=1) as deaf:
        for number in range(3000):
            deaf.say(Status(f"s{number}"))
        open_house.client().fill(request())
        assert open_house.status().pid


def test_status_tells_processes_memory_and_log(open_house: House) -> None:
    open_house.client().fill(request())
    report = open_house.status()
    pids = {process.pid for process in open_house.processes()}
    assert {report.pid, report.worker_pid} == pids
    assert report.worker_memory > 50 << 20
    assert report.done >= 1
    assert report.log == str(open_house.runtime / "daemon.log")
    assert report.resident


def test_status_command(open_house: House) -> None:
    text = open_house.run("status")
    assert (text.returncode, text.stderr) == (0, "")
    assert "daemon.log" in text.stdout
    facts = json.loads(open_house.run("status", "--json").stdout)
    assert facts["pid"] == open_house.status().pid
    assert facts["version"] == __version__


def test_log_holds_no_key_and_is_the_users_alone(open_house: House) -> None:
    connection = open_house.connection()
    assert connection is not None
    assert connection.key.hex() not in open_house.log()
    for path in open_house.runtime.iterdir():
        assert path.stat().st_mode & 0o077 == 0 or path.name == "stderr.txt", path


def test_the_daemon_has_no_torch_inside(open_house: House) -> None:
    program = "import sys, rigatino.daemon; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], env=open_house.environment, check=False).returncode
        == 0
    )


def test_many_clients_at_once_all_get_theirs(open_house: House) -> None:
    with caller(open_house) as a, caller(open_house) as b, caller(open_house) as c:
        jobs = [(one, request(32, 32)) for one in (a, b, c) for _ in range(4)]
        for one, job in jobs:
            one.say(job)
        for one, job in jobs:
            one.hear_of(job.id, Filled)
