"""What is asked for on the command line: answered in this process, or by the daemon."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rigatino_wire.errors import Failure
from rigatino_wire.messages import Fill, Filled, NetworkInfo, Progress
from rigatino_wire.region import ContextRule

if TYPE_CHECKING:
    from rigatino.service import Service

Make = Callable[[ContextRule], Fill]
Show = Callable[[str, float], None]


def in_process(make: Make, network: str, show: Show, service: Service | None = None) -> Filled:
    """Fill in this process; a service that is given keeps its networks."""
    from rigatino import weights

    request = make(_named(weights.network_infos(), network or weights.default_network()).rule)
    from rigatino.service import Service
    from rigatino.settings import Settings

    return (service or Service(Settings.from_environment())).fill(request, show)


def by_daemon(make: Make, network: str, show: Show) -> Filled:
    """Fill through the daemon, which is started or replaced as needed."""
    from rigatino_wire.endpoint import runtime_dir
    from rigatino_wire.launch import ensure_daemon

    with ensure_daemon([sys.executable, "-m", "rigatino"], runtime_dir()) as client:
        known = client.describe()
        request = make(_named(known.networks, network or known.default_network).rule)

        def report(progress: Progress) -> None:
            show(progress.stage, progress.fraction)

        return client.fill(request, report)


def _named(infos: Sequence[NetworkInfo], name: str) -> NetworkInfo:
    for info in infos:
        if info.name == name:
            return info
    raise Failure("unknown_network", name=name, known=", ".join(info.name for info in infos))
