"""Whose fill is next, which have run out of time, which were called off.

Pure: no clock (time is an argument), socket or thread. Clients take turns, one fill each. The running job
keeps its place here until the worker has let go of it, also when its client has been told that it ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from math import inf
from typing import Any, NamedTuple

from rigatino_wire.errors import Failure

ATTEMPTS = 2  # workers that may die over one job


class Caps(NamedTuple):
    """How much may wait or run at once: jobs of one client, jobs, and bytes of their messages."""

    per_client: int = 16
    total: int = 64
    size: int = 2 << 30


@dataclass(eq=False)
class Job:
    """One fill. Times are in seconds of one monotonic clock; `size` is in bytes.

    `number` names the attempt that a worker has been given, 0 before that; `ended` is when the client was
    told the end of a job that a worker still holds.
    """

    client: bytes
    id: str
    deadline: float
    frames: list[Any] = field(default_factory=list, repr=False)
    size: int = 0
    stage: str = "queued"
    fraction: float = 0.0
    told: float = -inf
    number: int = 0
    losses: int = 0
    ended: float | None = None


class Jobs:
    """The fills that wait, and the one that runs."""

    def __init__(self, caps: Caps | None = None) -> None:
        self._caps = caps or Caps()
        self._lines: dict[bytes, deque[Job]] = {}  # in the order of the clients' turns
        self.running: Job | None = None

    def add(self, job: Job) -> None:
        """Takes a job into its client's line. Raises Failure duplicate_id or queue_full."""
        if self.find(job.client, job.id) is not None:
            raise Failure("duplicate_id")
        if self._full(job):
            raise Failure("queue_full")
        self._lines.setdefault(job.client, deque()).append(job)

    def take(self) -> Job | None:
        """The next job, which runs from now on; None where one runs already or none waits."""
        if self.running is None and self._lines:
            self.running = next(iter(self._lines.values()))[0]
            self._remove(self.running)
            return self.running
        return None

    def finish(self) -> None:
        """The worker has let go of the running job; its client's next turn comes after the others'."""
        if self.running is None:
            return
        client, self.running = self.running.client, None
        line = self._lines.pop(client, None)
        if line:
            self._lines[client] = line

    def end(self, job: Job, now: float) -> None:
        """Ends a job for its client: a waiting one is gone, the running one is until `finish` a memory."""
        if job is self.running:
            job.ended = now
        else:
            self._remove(job)

    def lost(self) -> Job | None:
        """The worker died: the running job waits for another, or is returned after its last attempt."""
        job = self.running
        if job is None:
            return None
        job.losses, job.number, job.stage, job.fraction = job.losses + 1, 0, "starting", 0.0
        if job.ended is None and job.losses < ATTEMPTS:
            return None
        self.finish()
        return job if job.ended is None else None

    def waiting(self) -> list[Job]:
        """The waiting jobs in the order in which they will run, if nothing else comes."""
        lines = list(self._lines.items())
        if self.running is not None:
            served = self.running.client
            lines.sort(key=lambda line: line[0] == served)  # stable: the others keep their turns
        rounds = zip_longest(*(line for _, line in lines))
        return [job for job in chain.from_iterable(rounds) if job is not None]

    def alive(self) -> list[Job]:
        """All jobs that a client still hopes for, the running one first."""
        running = [] if self.running is None or self.running.ended is not None else [self.running]
        return running + self.waiting()

    def places(self) -> Iterator[tuple[Job, int]]:
        """The jobs alive and their places: 0 = it runs."""
        if self.running is not None and self.running.ended is None:
            yield self.running, 0
        yield from ((job, place) for place, job in enumerate(self.waiting(), start=1))

    def find(self, client: bytes, name: str) -> Job | None:
        """The client's job of that id, if it is alive."""
        return next((job for job in self.alive() if (job.client, job.id) == (client, name)), None)

    def of(self, client: bytes) -> list[Job]:
        """The client's jobs alive."""
        return [job for job in self.alive() if job.client == client]

    def expired(self, now: float) -> list[Job]:
        """The jobs alive whose time is up."""
        return [job for job in self.alive() if now >= job.deadline]

    def _remove(self, job: Job) -> None:
        self._lines[job.client].remove(job)
        if not self._lines[job.client]:
            del self._lines[job.client]

    def _full(self, job: Job) -> bool:
        held = self.waiting() + ([self.running] if self.running else [])
        if not held:
            return False  # a message within the protocol's limits always finds an idle daemon willing
        return (
            len(held) >= self._caps.total
            or len(self.of(job.client)) >= self._caps.per_client
            or sum(other.size for other in held) + job.size > self._caps.size
        )
