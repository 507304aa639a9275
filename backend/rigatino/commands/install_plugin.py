"""rigatino install-plugin: the plug-in into GIMP 3, and out of it."""

from __future__ import annotations

from pathlib import Path

import click

from rigatino import gimps, login_service, plugin_install
from rigatino_wire import __version__
from rigatino_wire.errors import Failure

CONFINED = (
    "GIMP from Flatpak or Snap may not start the daemon itself: run “rigatino service install” once, and it"
    " is there whenever you are logged in."
)


@click.command("install-plugin")
@click.option(
    "--gimp-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="GIMP's profile folder [default: all GIMP 3 profiles of this user]",
)
@click.option("--remove", is_flag=True, help="Take the plug-in out again.")
def command(gimp_dir: Path | None, remove: bool) -> None:
    """Install the plug-in into GIMP 3, or upgrade it.

    It goes into every GIMP 3 profile of this user; afterwards it is in GIMP's menu Filters > Enhance. A GIMP
    that runs already has to be started anew.
    """
    if gimp_dir and not gimp_dir.is_dir():
        raise Failure("folder_missing", folder=str(gimp_dir))
    failures = []
    for profile in [gimp_dir.absolute()] if gimp_dir else _profiles(remove):
        try:
            click.echo(_removed(profile) if remove else _installed(profile))
        except Failure as failure:  # it does not keep the plug-in from the other profiles
            failures.append(failure)
    if not remove and login_service.needed() and not login_service.file().exists():
        click.echo(CONFINED)
    for one in failures[:-1]:
        click.echo(str(one), err=True)
    if failures:
        raise failures[-1]


def _profiles(remove: bool) -> list[Path]:
    """The profiles there are; a GIMP that was never started makes its own first. Raises Failure gimp_missing."""
    found = gimps.profiles()
    if not found and not remove and (program := gimps.console()):
        click.echo(f"GIMP has no profile yet: {program} is started once to make it.", err=True)
        gimps.make_profile(program)
        found = gimps.profiles()
    if not found:
        raise Failure("gimp_missing")
    return found


def _installed(profile: Path) -> str:
    upgrade = plugin_install.is_installed(profile)
    folder = plugin_install.install(profile)
    return f"{'Upgraded' if upgrade else 'Installed'} Rigatino {__version__} for GIMP: {folder}"


def _removed(profile: Path) -> str:
    folder = plugin_install.place(profile)
    return f"Removed {folder}" if plugin_install.remove(profile) else f"There is no plug-in {folder}"
