"""What is asked for on the command line, in one request or several: answered in this process, or by the daemon."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rigatino_wire.errors import Failure
from rigatino_wire.messages import Filled, NetworkInfo, Work
from rigatino_wire.region import ContextRule
from rigatino_wire.several import Whole, ask

if TYPE_CHECKING:
    from rigatino.service import Service

Make = Callable[[ContextRule], Sequence[Work]]
Show = Callable[[str, float], None]


def in_process(
    make: Make, network: str, show: Show, service: Service | None = None, task: str = "fill"
) -> list[Filled]:
    """Answer a task's requests in this process; a service that is given keeps its networks."""
    from rigatino import weights

    requests = make(_chosen(weights.network_infos(task=task), network).rule)
    from rigatino.service import Service
    from rigatino.settings import Settings

    held = service or Service(Settings.from_environment())

    def answer(request: Work, whole: Whole) -> Filled:
        return held.answer(request, lambda stage, fraction: show(stage, whole(fraction)))

    return ask(requests, answer)


def by_daemon(make: Make, network: str, show: Show, task: str = "fill") -> list[Filled]:
    """Have the daemon answer a task's requests; it is started or replaced as needed."""
    from rigatino_wire.endpoint import runtime_dir
    from rigatino_wire.launch import ensure_daemon

    with ensure_daemon([sys.executable, "-m", "rigatino"], runtime_dir()) as client:
        requests = make(_chosen(client.describe(task).networks, network).rule)

        def answer(request: Work, whole: Whole) -> Filled:
            return client.fill(request, lambda progress: show(progress.stage, whole(progress.fraction)))

        return ask(requests, answer)


def _chosen(infos: Sequence[NetworkInfo], name: str) -> NetworkInfo:
    """The network of that name, the first one for "". Raises Failure no_network, unknown_network."""
    if not infos:
        raise Failure("no_network")
    for info in infos:
        if name in ("", info.name):
            return info
    raise Failure("unknown_network", name=name, known=", ".join(info.name for info in infos))
