"""rigatino stop: ends the daemon."""

from __future__ import annotations

import click

from rigatino_wire.endpoint import runtime_dir
from rigatino_wire.errors import Failure
from rigatino_wire.launch import stop_daemon


@click.command("stop")
def command() -> None:
    """Stop the daemon; fills that are under way are told."""
    if not stop_daemon(runtime_dir()):
        raise Failure("daemon_absent")
    click.echo("The Rigatino daemon has stopped.")
