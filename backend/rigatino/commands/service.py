"""rigatino service: the daemon from login to logout."""

from __future__ import annotations

import click

from rigatino import login_service


@click.group("service")
def command() -> None:
    """Have the daemon start when you log in.

    GIMP's plug-in starts the daemon by itself, so this is for a GIMP that may not: one from Flatpak or Snap.
    """


@command.command("install")
def install() -> None:
    """Install the service for this user (systemd or launchd), or upgrade it, and start it."""
    file = login_service.install()
    click.echo(f"The Rigatino daemon is started now and whenever you log in: {file}")


@command.command("remove")
def remove() -> None:
    """Stop the service and remove it."""
    file = login_service.remove()
    click.echo(f"Removed {file}" if file else f"There is no service {login_service.file()}")
