"""rigatino serve: the daemon, in the foreground."""

from __future__ import annotations

import click

from rigatino.daemon import serve
from rigatino.settings import Settings
from rigatino_wire.endpoint import runtime_dir


@click.command("serve")
def command() -> None:
    """Run the daemon in the foreground, until “rigatino stop”, Ctrl+C or SIGTERM.

    GIMP's plug-in starts it by itself. One daemon runs per RIGATINO_RUNTIME_DIR; “rigatino status” says
    where its log is.
    """
    serve(Settings.from_environment(), runtime_dir())
