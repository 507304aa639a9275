"""The work: picture after picture, in this process, through the daemon, or in several processes of its own."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from rigatino import asking, pictures, retouch
from rigatino.batch.manifest import FAILED, FILLED, UNMARKED, Line
from rigatino.batch.plan import Job
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Fill, Filled
from rigatino_wire.region import ContextRule
from rigatino_wire.several import as_one

if TYPE_CHECKING:
    from rigatino.service import Service

log = logging.getLogger(__name__)
Answer = Callable[[asking.Make, str, asking.Show], list[Filled]]


def here(jobs: Iterable[Job], options: retouch.Options) -> Iterator[Line]:
    """Fill in this process, the networks kept from picture to picture."""
    service = _service()
    for job in jobs:
        yield done(job, options, lambda make, name, show: asking.in_process(make, name, show, service))


def by_daemon(jobs: Iterable[Job], options: retouch.Options) -> Iterator[Line]:
    """Fill through the daemon."""
    for job in jobs:
        yield done(job, options, asking.by_daemon)


def in_workers(jobs: Iterable[Job], options: retouch.Options, workers: int) -> Iterator[Line]:
    """Fill in so many processes at once; of those that were at work when one died, each is tried by itself."""
    rest = deque(jobs)
    while rest:
        suspects = deque((yield from _until_one_dies(rest, options, workers)))
        while suspects:
            for job in (yield from _until_one_dies(suspects, options, 1)):
                yield _failed(job, Failure("worker_lost"))


def done(job: Job, options: retouch.Options, answer: Answer) -> Line:
    """Fill a picture and write it; nothing that is wrong with it is raised, for the others are to be filled too."""
    try:
        return _fill(job, options, answer)
    except Failure as failure:
        return _failed(job, failure)
    except Exception as error:  # whatever is wrong with one picture
        log.exception("%s", job.picture)
        return _failed(job, Failure("internal", detail=repr(error), log=str(job.picture)))


def _fill(job: Job, options: retouch.Options, answer: Answer) -> Line:
    """Fill a picture and write it. Of a picture whose mask marks nothing the file is copied where that will do."""
    if job.rival:
        why = f"it is the result of {job.rival} already, so one of the two needs another name"
        raise Failure("file_unwritable", file=str(job.output), why=why)
    picture = pictures.read(job.picture)
    for path in retouch.outputs(job.output, options.candidates):
        pictures.check_output(path, picture, path.name in job.owned)
    mask = pictures.read_mask(job.mask)

    def make(rule: ContextRule) -> Sequence[Fill]:
        return retouch.requests(picture, mask, options, rule)

    if not mask.any() and mask.shape == picture.rgba.shape[:2]:
        pictures.copy(job.picture, job.output, picture, job.output.name in job.owned)
        return job.line(UNMARKED, outputs=[job.output.name])
    answers = answer(make, options.network, lambda stage, fraction: None)
    filled = as_one(answers)
    paths = retouch.outputs(job.output, filled.fill.shape[0])
    for k, path in enumerate(paths):
        pictures.write(path, retouch.lay(picture, *answers, candidate=k), path.name in job.owned)
    told = ("network", "weights", "device", "precision", "scale", "seconds", "notes")
    ran = {name: getattr(filled, name) for name in told}
    ran["seeds"] = [list(found.lineage) for found in filled.answers]
    return job.line(FILLED, outputs=[path.name for path in paths], ran=ran)


def _failed(job: Job, failure: Failure) -> Line:
    return job.line(FAILED, why=str(failure))


def _until_one_dies(
    rest: deque[Job], options: retouch.Options, workers: int
) -> Generator[Line, None, list[Job]]:
    """Take jobs off `rest` until none is left, or a process dies; then the jobs that were at work."""
    spawn = multiprocessing.get_context("spawn")
    flying: dict[Future[Line], Job] = {}
    try:
        with ProcessPoolExecutor(workers, spawn, _begin, (workers,)) as pool:
            while rest or flying:
                while rest and len(flying) < workers:
                    future = pool.submit(_work, rest[0], options)
                    flying[future] = rest.popleft()
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    line = future.result()
                    del flying[future]
                    yield line
    except BrokenProcessPool:
        pass
    return list(flying.values())


_kept: list[Service] = []  # of a process of the pool: its service, once it has begun


def _begin(workers: int) -> None:
    """Set up a process of the pool: its share of the cores; Ctrl+C is the parent's, and so is its end."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
    _kept.append(_service())


def _end_with_parent() -> None:
    """A parent that was killed closes no queue: its processes would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Job, options: retouch.Options) -> Line:
    return done(job, options, lambda make, name, show: asking.in_process(make, name, show, _kept[0]))


def _service() -> Service:
    from rigatino.service import Service
    from rigatino.settings import Settings

    return Service(Settings.from_environment())
