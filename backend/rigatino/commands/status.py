"""rigatino status: what the daemon is doing."""

from __future__ import annotations

import json
import time

import click

from rigatino_wire.client import Client
from rigatino_wire.endpoint import read_connection, runtime_dir
from rigatino_wire.errors import Failure
from rigatino_wire.messages import StatusReport

MIB = 1 << 20


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Say how the daemon is: its process, log, worker and queue. Exit status 1 where none runs."""
    connection = read_connection(runtime_dir())
    if connection is None:
        raise Failure("daemon_absent")
    report = Client(connection).status()
    click.echo(json.dumps(_facts(report), indent=2) if as_json else _text(report))


def _facts(report: StatusReport) -> dict[str, object]:
    return {name: value for name, value in report.to_header().items() if name != "id"}


def _text(report: StatusReport) -> str:
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(report.started))
    return "\n".join((
        f"Rigatino {report.version} has run as process {report.pid} since {started}.",
        f"Address: {report.endpoint}",
        f"Log:     {report.log}",
        f"Worker:  {_worker(report)}",
        f"Fills:   {report.running} running, {report.queued} queued, {report.done} done",
    ))  # fmt: skip


def _worker(report: StatusReport) -> str:
    if not report.worker_pid:
        return "none (it starts with the next fill)"
    where = f"{report.device}, {report.precision}" if report.device else "starting"
    networks = ", ".join(report.resident) or "no network loaded"
    return f"process {report.worker_pid}, {report.worker_memory / MIB:.0f} MiB, {where}; {networks}"
