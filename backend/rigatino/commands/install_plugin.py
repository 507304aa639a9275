"""rigatino install-plugin: the plug-in into GIMP 3, and out of it."""

from __future__ import annotations

from pathlib import Path

import click

from rigatino import plugin_install
from rigatino_wire import __version__
from rigatino_wire.errors import Failure


@click.command("install-plugin")
@click.option(
    "--gimp-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="GIMP's profile folder [default: all GIMP 3 profiles of this user]",
)
@click.option("--remove", is_flag=True, help="Take the plug-in out again.")
def command(gimp_dir: Path | None, remove: bool) -> None:
    """Install the plug-in into GIMP 3, or upgrade it.

    Afterwards it is in GIMP's menu Filters > Enhance. A GIMP that runs already has to be started anew.
    """
    profiles = [gimp_dir.absolute()] if gimp_dir else plugin_install.profiles()
    if not profiles:
        raise Failure("gimp_missing")
    for profile in profiles:
        click.echo(_removed(profile) if remove else _installed(profile))


def _installed(profile: Path) -> str:
    upgrade = plugin_install.place(profile).exists()
    folder = plugin_install.install(profile)
    return f"{'Upgraded' if upgrade else 'Installed'} Rigatino {__version__} for GIMP: {folder}"


def _removed(profile: Path) -> str:
    folder = plugin_install.place(profile)
    return f"Removed {folder}" if plugin_install.remove(profile) else f"There is no plug-in {folder}"
