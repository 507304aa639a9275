"""Several processes, or several parts of a batch in one process, that train as one.

A batch is divided into world x accumulate equal parts. Gradients are the mean over all parts, and so are the running
statistics of BatchNorm, each part starting from those of the step before; a part is normalised by its own statistics.
So two processes do what one does that works on two parts.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

import torch
import torch.distributed as dist
from torch import Tensor, nn

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Group:
    """The processes of a run; `rank` counts from 0, which is the one that writes."""

    rank: int = 0
    world: int = 1
    device: torch.device = CPU

    @property
    def leads(self) -> bool:
        """Whether this process writes the run's folder."""
        return self.rank == 0

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.world == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
        dist.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process."""
        if self.world == 1:
            return flag
        counted = torch.tensor([float(flag)], device=self.device)
        self.sum_([counted])
        return bool(counted)

    def leave(self) -> None:
        """End this process, its work done, once every process has come here; a process alone goes on.

        At once, since gloo's threads can abort an interpreter that winds down.
        """
        if self.world == 1:
            return
        dist.barrier()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


@contextmanager
def group() -> Iterator[Group]:
    """The group of torchrun's environment; without one, this process alone, on the GPU where there is one."""
    gpu = torch.cuda.is_available()
    if "RANK" not in os.environ:
        yield Group(device=torch.device("cuda" if gpu else "cpu"))
        return
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if gpu else torch.device("cpu")
    if gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if gpu else "gloo")
    try:
        yield Group(dist.get_rank(), dist.get_world_size(), device)
    finally:
        dist.destroy_process_group()


class Statistics:
    """A step of `parts` parts over all processes (a context manager): the nets' statistics become their mean.

    buffers: all that the nets keep besides their parameters; `undo` makes them what they were before the step.
    """

    def __init__(self, nets: Iterable[nn.Module], parts: int, among: Group) -> None:
        self.buffers = [buffer for net in nets for buffer in net.buffers()]
        self.parts, self.among = parts, among
        self.before: list[Tensor] = []
        self.shared: list[
            tuple[Tensor, Tensor, Tensor]
        ] = []  # statistics, those before, the sum of the parts'

    def __enter__(self) -> Statistics:
        self.before = [buffer.clone() for buffer in self.buffers]
        if self.parts > 1:
            both = zip(self.buffers, self.before, strict=True)
            self.shared = [(b, old, torch.zeros_like(b)) for b, old in both if b.is_floating_point()]
        return self

    def part_done(self) -> None:
        """Keep what a part made of the statistics, and go back for the next."""
        for buffer, before, total in self.shared:
            total += buffer
            buffer.copy_(before)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.among.sum_([total for _, _, total in self.shared])
            for buffer, _, total in self.shared:
                buffer.copy_(total / self.parts)

    def undo(self) -> None:
        """Forget the step."""
        for buffer, before in zip(self.buffers, self.before, strict=True):
            buffer.copy_(before)
