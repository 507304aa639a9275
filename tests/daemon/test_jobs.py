"""The queue: turns, caps, places, ends, and workers that die."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rigatino.jobs import ATTEMPTS, Caps, Job, Jobs
from rigatino_wire.errors import Failure


def job(name: str, deadline: float = 100.0, size: int = 0) -> Job:
    """The job `a2` is client a's."""
    return Job(name[0].encode(), name, deadline, size=size)


def queue(*names: str, caps: Caps | None = None) -> Jobs:
    jobs = Jobs(caps)
    for name in names:
        jobs.add(job(name))
    return jobs


def served(jobs: Jobs) -> list[str]:
    """The order in which all that waits is taken."""
    order = []
    while (taken := jobs.take()) is not None:
        order.append(taken.id)
        jobs.finish()
    return order


@pytest.mark.parametrize(
    ("arrived", "expected"),
    [
        ("", ""),
        ("a1", "a1"),
        ("a1 a2 a3", "a1 a2 a3"),
        ("a1 a2 a3 b1", "a1 b1 a2 a3"),
        ("a1 a2 b1 b2 c1", "a1 b1 c1 a2 b2"),
        ("a1 b1 a2 a3 b2 c1 c2", "a1 b1 c1 a2 b2 c2 a3"),
    ],
)
def test_clients_take_turns(arrived: str, expected: str) -> None:
    jobs = queue(*arrived.split())
    assert [waiting.id for waiting in jobs.waiting()] == expected.split(), (
        "the places told are the places had"
    )
    assert served(jobs) == expected.split()


def test_a_client_that_comes_while_another_is_served_goes_before_its_second() -> None:
    jobs = queue("a1", "a2", "a3")
    jobs.take()
    jobs.add(job("b1"))
    assert [(one.id, place) for one, place in jobs.places()] == [("a1", 0), ("b1", 1), ("a2", 2), ("a3", 3)]
    jobs.finish()
    assert served(jobs) == ["b1", "a2", "a3"]


def test_only_one_job_runs() -> None:
    jobs = queue("a1", "b1")
    assert jobs.take() is jobs.running
    assert jobs.take() is None
    jobs.finish()
    jobs.finish()  # nothing runs: nothing happens
    assert served(jobs) == ["b1"]


@pytest.mark.parametrize(
    ("caps", "held", "refused", "accepted"),
    [
        (Caps(per_client=2), "a1 a2", "a3", "b1"),
        (Caps(total=2), "a1 b1", "c1", ""),
    ],
)
def test_a_full_queue_refuses(caps: Caps, held: str, refused: str, accepted: str) -> None:
    jobs = queue(*held.split(), caps=caps)
    jobs.take()
    with pytest.raises(Failure) as error:
        jobs.add(job(refused))
    assert error.value.code == "queue_full"
    for name in accepted.split():
        jobs.add(job(name))
    jobs.finish()
    jobs.add(job(refused))


def test_bytes_are_bounded_but_an_idle_queue_takes_any_job() -> None:
    jobs = Jobs(Caps(size=100))
    jobs.add(job("a1", size=1000))
    with pytest.raises(Failure, match="too much to do"):
        jobs.add(job("b1", size=1))
    served(jobs)
    jobs.add(job("b1", size=60))
    jobs.add(job("c1", size=40))
    with pytest.raises(Failure, match="too much to do"):
        jobs.add(job("d1", size=1))


def test_an_id_is_free_again_when_its_job_has_ended() -> None:
    jobs = queue("a1", "a2")
    with pytest.raises(Failure) as error:
        jobs.add(job("a2"))
    assert error.value.code == "duplicate_id"
    jobs.add(Job(b"b", "a2", 100.0))  # another client's ids are its own
    running = jobs.take()
    assert running is not None
    jobs.end(running, 1.0)
    jobs.add(job("a1"))
    assert jobs.find(b"a", "a1") is not running


def test_the_end_of_a_waiting_job_frees_its_place() -> None:
    jobs = queue("a1", "a2", "b1")
    jobs.end(jobs.of(b"a")[0], 1.0)
    assert served(jobs) == ["a2", "b1"]


def test_the_end_of_the_running_job_waits_for_the_worker() -> None:
    jobs = queue("a1", "b1")
    running = jobs.take()
    assert running is not None
    jobs.end(running, 7.0)
    assert running.ended == 7.0
    assert (jobs.find(b"a", "a1"), jobs.of(b"a")) == (None, [])
    assert [place for _, place in jobs.places()] == [1]
    assert jobs.take() is None, "the worker has not let go"
    jobs.finish()
    assert served(jobs) == ["b1"]


def test_waiting_and_running_jobs_expire() -> None:
    jobs = Jobs()
    for name, deadline in (("a1", 10.0), ("a2", 5.0), ("b1", 20.0)):
        jobs.add(job(name, deadline))
    jobs.take()
    assert [one.id for one in jobs.expired(4.9)] == []
    assert [one.id for one in jobs.expired(5.0)] == ["a2"]
    assert [one.id for one in jobs.expired(15.0)] == ["a1", "a2"]


def test_a_job_is_tried_on_two_workers_and_no_third() -> None:
    jobs = queue("a1", "b1")
    running = jobs.take()
    assert running is not None
    running.number, running.stage, running.fraction = 3, "filling", 0.5
    assert jobs.lost() is None
    assert (jobs.running, running.number, running.stage, running.fraction) == (running, 0, "starting", 0.0)
    for _ in range(ATTEMPTS - 2):
        assert jobs.lost() is None
    assert jobs.lost() is running
    assert served(jobs) == ["b1"]


def test_a_job_that_has_ended_is_not_tried_again() -> None:
    jobs = queue("a1", "b1")
    running = jobs.take()
    assert running is not None
    jobs.end(running, 1.0)
    assert jobs.lost() is None, "its client has been told already"
    assert served(jobs) == ["b1"]


def test_a_worker_that_dies_idle_costs_nothing() -> None:
    jobs = queue("a1")
    assert jobs.lost() is None
    assert served(jobs) == ["a1"]


class Turns(RuleBasedStateMachine):
    """Against a plain model: nothing is lost, and nobody is served twice while another waits."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs = Jobs(Caps(per_client=5, total=12))
        self.lines: dict[bytes, deque[Job]] = {}
        self.passed_over: dict[bytes, set[bytes]] = {}
        self.count = 0

    @rule(client=st.sampled_from([b"a", b"b", b"c", b"d"]))
    def add(self, client: bytes) -> None:
        self.count += 1
        new = Job(client, f"j{self.count}", 1.0)
        held = sum(map(len, self.lines.values())) + (self.jobs.running is not None)
        own = len(self.jobs.of(client))
        try:
            self.jobs.add(new)
        except Failure:
            assert own >= 5 or held >= 12
        else:
            assert max(own - 4, held - 11) <= 0
            self.lines.setdefault(client, deque()).append(new)
            self.passed_over.setdefault(client, set())

    @precondition(lambda self: self.jobs.running is None)
    @rule()
    def take(self) -> None:
        taken = self.jobs.take()
        if taken is None:
            assert not self.lines
            return
        assert self.lines[taken.client].popleft() is taken, "a client's own jobs keep their order"
        self._served(taken.client)

    def _served(self, client: bytes) -> None:
        del self.passed_over[client]
        for other, seen in self.passed_over.items():
            assert client not in seen, f"{client!r} was served twice while {other!r} waited"
            seen.add(client)
        if self.lines[client]:
            self.passed_over[client] = set()
        else:
            del self.lines[client]

    @precondition(lambda self: self.jobs.running is not None)
    @rule()
    def finish(self) -> None:
        self.jobs.finish()

    @precondition(lambda self: bool(self.lines))
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        waiting = data.draw(st.sampled_from(sorted(self.jobs.waiting(), key=lambda one: one.id)))
        self.jobs.end(waiting, 1.0)
        self.lines[waiting.client].remove(waiting)
        if not self.lines[waiting.client]:
            del self.lines[waiting.client], self.passed_over[waiting.client]

    @invariant()
    def same_jobs(self) -> None:
        waiting = {one.id for line in self.lines.values() for one in line}
        assert {one.id for one in self.jobs.waiting()} == waiting


TestTurns = Turns.TestCase
TestTurns.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
