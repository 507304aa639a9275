"""What the daemon does about messages, about what the worker says, and about time passing.

Nothing here waits for the worker or for a client, so that Describe, Status, Cancel and Stop are answered at
once, whatever is being computed.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from rigatino import weights
from rigatino.door import Arrival, Door
from rigatino.jobs import Job, Jobs
from rigatino.pipe import Record
from rigatino.supervisor import Event, Worker
from rigatino_models.memory import release_freed_memory
from rigatino_wire import __version__
from rigatino_wire.errors import Cancelled, Failure
from rigatino_wire.messages import (
    MAX_NETWORKS,
    WORK,
    Cancel,
    Classes,
    ClassNames,
    Describe,
    Description,
    Done,
    Failed,
    Limits,
    Message,
    Progress,
    Status,
    StatusReport,
    Stop,
    Work,
)

TELL = 0.3  # seconds until a client hears again of its fill
REST = 2.0  # seconds without work until freed memory goes back
GRACE = 5.0  # seconds that a worker has to let go of a job that was ended
START = 180.0  # seconds that a worker has to become ready
STAGES = ("loading", "filling")

Hire = Callable[[float], Worker]

log = logging.getLogger("rigatino.daemon")


class Dispatcher:
    """Between the clients at the door and one worker, which `hire` starts; `now` is in monotonic seconds."""

    def __init__(self, door: Door, hire: Hire, idle_seconds: float, log_file: Path) -> None:
        self.stopping = False
        self.jobs = Jobs()
        self._door = door
        self._hire = hire
        self._idle_seconds = idle_seconds
        self._log_file = log_file
        self._worker: Worker | None = None
        self._started = time.time()
        self._device = self._precision = ""
        self._attempts = self._done = 0
        self._busy_until = 0.0
        self._untidy = False

    @property
    def busy(self) -> bool:
        """Whether there is anything that must not wait."""
        return self.jobs.running is not None or self._door.owes

    def on_message(self, arrival: Arrival, now: float) -> None:
        """Answers one message; whatever goes wrong with it is told to its client and harms no other."""
        name = arrival.message.id
        try:
            reply = self._answer(arrival, now)
        except Failure as failure:
            reply = Failed(name, failure)
        except Exception as error:
            log.exception("a message %s could not be answered", arrival.message.op)
            detail = f"{type(error).__name__}: {error}"
            reply = Failed(name, Failure("internal", detail=detail, log=str(self._log_file)))
        if reply is not None:
            self._reply(arrival.client, reply, now)

    def _answer(self, arrival: Arrival, now: float) -> Message | None:
        message = arrival.message
        if isinstance(message, WORK):
            self._on_work(arrival, message, now)
            return None  # its answers come later
        if isinstance(message, Cancel):
            return self._on_cancel(arrival.client, message, now)
        if isinstance(message, Describe):
            return self._description(message.id, message.task)
        if isinstance(message, Classes):
            return ClassNames(message.id, weights.class_names(message.network))
        if isinstance(message, Status):
            return self._report(message.id)
        if isinstance(message, Stop):
            self.stopping = True
            return Done(message.id)
        raise Failure("unknown_op", op=message.op)

    def _on_work(self, arrival: Arrival, request: Work, now: float) -> None:
        weights.for_task(request.network, request.op)
        deadline = now + request.deadline_ms / 1000
        size = sum(getattr(request, name).nbytes for name in request.arrays())
        self.jobs.add(Job(arrival.client, request.id, deadline, arrival.frames, size))
        log.info("%s %s of %s: %s", request.op, request.id, arrival.client.hex(), list(request.image.shape))

    def _on_cancel(self, client: bytes, request: Cancel, now: float) -> Message:
        job = self.jobs.find(client, request.job)
        if job is None:
            raise Failure("unknown_job")
        self._end_job(job, Cancelled(), now)
        return Done(request.id)

    def _description(self, name: str, task: str) -> Description:
        infos = weights.network_infos(task=task)[:MAX_NETWORKS]
        return Description(
            id=name,
            version=__version__,
            device=self._device,
            precision=self._precision,
            default_network=infos[0].name if infos else "",
            networks=infos,
            limits=Limits(),
        )

    def _report(self, name: str) -> StatusReport:
        worker = self._worker
        return StatusReport(
            id=name,
            version=__version__,
            pid=os.getpid(),
            started=self._started,
            endpoint=self._door.endpoint,
            log=str(self._log_file),
            device=self._device,
            precision=self._precision,
            worker_pid=worker.pid if worker else 0,
            worker_memory=worker.memory() if worker else 0,
            resident=worker.resident if worker else (),
            queued=len(self.jobs.waiting()),
            running=int(self.jobs.running is not None),
            done=self._done,
        )

    def _reply(self, client: bytes, message: Message, now: float) -> None:
        if not self._door.send(client, message, now):
            self._forget(client, now)

    def _forget(self, client: bytes, now: float) -> None:
        """A client is gone: nobody waits for its fills."""
        for job in self.jobs.of(client):
            log.info("fill %s: its client is gone", job.id)
            self._end_job(job, None, now)

    # --- jobs

    def _end_job(self, job: Job, failure: Failure | None, now: float) -> None:
        """Ends a job before its time, and tells its client why if there is one."""
        self.jobs.end(job, now)
        if job is self.jobs.running:
            self._call_off(job)
        if failure is not None:
            log.info("fill %s: %s", job.id, failure.code)
            self._reply(job.client, Failed(job.id, failure), now)

    def _call_off(self, job: Job) -> None:
        if job.number and self._worker is not None:
            self._worker.send("cancel", {"job": job.number})
        else:
            self.jobs.finish()

    def advance(self, now: float) -> None:
        """Gives the next job to the worker, which is started if need be."""
        job = self.jobs.running or self.jobs.take()
        if job is None or job.number:
            return
        self._busy_until, self._untidy = now, True
        try:
            worker = self._worker or self.start_worker(now)
        except (OSError, RuntimeError) as error:  # no process or no thread can be had
            log.exception("no worker can be started")
            self._refuse_all(Failure("internal", detail=str(error), log=str(self._log_file)), now)
            return
        if worker.ready:
            self._attempts += 1
            job.number, job.stage = self._attempts, "loading"
            worker.send("fill", {"job": job.number}, job.frames)
        else:
            job.stage = "starting"

    def _refuse_all(self, failure: Failure, now: float) -> None:
        for job in self.jobs.alive():
            self._end_job(job, failure, now)

    def tick(self, now: float) -> None:
        """What time brings about."""
        for job in self.jobs.expired(now):
            self._end_job(job, Failure("deadline"), now)
        for job, place in list(self.jobs.places()):
            if now - job.told >= TELL:
                self._tell(job, place, now)
        self._door.send_late(now)
        self._mind_worker(now)
        self._tidy_up(now)

    def _tell(self, job: Job, place: int, now: float) -> None:
        job.told = now
        progress = Progress(job.id, job.stage, job.fraction, place)
        if not self._door.offer(job.client, progress):
            self._forget(job.client, now)

    # --- the worker

    def start_worker(self, now: float) -> Worker:
        self._worker = self._hire(now)
        log.info("worker %d starts", self._worker.pid)
        return self._worker

    def on_event(self, event: Event, now: float) -> None:
        worker, record = event
        if worker is not self._worker:
            return  # it was sent home
        if record is None:
            self._on_death(worker, now)
            return
        handlers: dict[str, Callable[[Worker, Record, float], None]] = {
            "ready": self._on_ready,
            "unfit": self._on_unfit,
            "warm": self._on_warm,
            "progress": self._on_progress,
            "preview": self._on_preview,
            "filled": self._on_result,
            "failed": self._on_result,
        }
        handlers[record.kind](worker, record, now)

    def _on_ready(self, worker: Worker, record: Record, now: float) -> None:
        self._device, self._precision = record.facts["device"], record.facts["precision"]
        worker.ready = True
        self._busy_until = now
        log.info("worker %d is ready after %.1f s: %s", worker.pid, now - worker.started, self._device)

    def _on_unfit(self, worker: Worker, record: Record, now: float) -> None:
        """No worker can be had. What waits is told why; a later fill tries again."""
        failure = Failure.from_json(record.facts["failure"])
        log.error("worker %d cannot work: %s", worker.pid, failure)
        self._worker = None
        self._refuse_all(failure, now)

    def _on_warm(self, worker: Worker, record: Record, now: float) -> None:
        """The first fill is prepared."""
        worker.resident = tuple(record.facts["resident"])

    def _on_progress(self, worker: Worker, record: Record, now: float) -> None:
        job = self._job(record)
        if job is not None and record.facts["stage"] in STAGES:
            job.stage = record.facts["stage"]
            job.fraction = min(1.0, max(0.0, float(record.facts["fraction"])))

    def _on_preview(self, worker: Worker, record: Record, now: float) -> None:
        """A picture to look at: a slow client does without."""
        job = self._job(record)
        if job is not None and job.ended is None and not self._door.offer_frames(job.client, record.frames):
            self._forget(job.client, now)

    def _on_result(self, worker: Worker, record: Record, now: float) -> None:
        worker.resident = tuple(record.facts["resident"])
        job = self._job(record)
        if job is None:
            return
        self.jobs.finish()
        self._busy_until = now
        if job.ended is None:
            self._deliver(job, record, now)

    def _deliver(self, job: Job, record: Record, now: float) -> None:
        if record.kind == "failed":
            failure = Failure.from_json(record.facts["failure"])
            log.info("fill %s: %s", job.id, failure.code)
            self._reply(job.client, Failed(job.id, failure), now)
            return
        self._done += 1
        there = self._door.send_frames(job.client, record.frames, now)
        log.info("fill %s: %s", job.id, "done" if there else "done, but its client is gone")
        if not there:
            self._forget(job.client, now)

    def _job(self, record: Record) -> Job | None:
        job = self.jobs.running
        return job if job is not None and job.number == record.facts["job"] else None

    def _on_death(self, worker: Worker, now: float) -> None:
        log.warning("worker %d ended with status %s", worker.pid, worker.exit_status)
        self._worker = None
        job = self.jobs.lost()
        if job is not None:
            log.error("fill %s: the worker died twice", job.id)
            self._reply(job.client, Failed(job.id, Failure("worker_lost")), now)

    def _mind_worker(self, now: float) -> None:
        """Ends a worker that has been idle for long, and one that does not do what it was told."""
        worker, job = self._worker, self.jobs.running
        if worker is None:
            return
        late = job is not None and job.ended is not None and now - job.ended > GRACE
        if late or (not worker.ready and now - worker.started > START):
            log.warning("worker %d does not react: it is ended", worker.pid)
            worker.kill()
        elif worker.ready and job is None and now - self._busy_until > self._idle_seconds:
            log.info("worker %d has been idle: it ends", worker.pid)
            worker.close()
            self._worker = None

    def _tidy_up(self, now: float) -> None:
        """Pictures leave holes in the heap: once there is nothing to do they go back to the system."""
        if self._untidy and not self.busy and now - self._busy_until > REST:
            release_freed_memory()
            self._untidy = False

    def close(self, now: float) -> None:
        """Tells every client that waits, and ends the worker."""
        for job in self.jobs.alive():
            self._door.send(job.client, Failed(job.id, Failure("daemon_stopping")), now)
        if self._worker is not None:
            self._worker.close()
            self._worker.join(3.0)
