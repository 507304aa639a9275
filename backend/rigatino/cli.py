"""The command line: one module of rigatino.commands per command, imported when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from rigatino import whereabouts
from rigatino_wire import __version__
from rigatino_wire.errors import Failure

# Names and what they are for stand here, so that `rigatino --help` imports nothing heavy.
COMMANDS = {
    "fill": "Fill the hole that a mask marks in a picture.",
    "extend": "Make a picture larger, and fill what is new.",
    "batch": "Fill the holes in all pictures of a folder.",
    "paint": "Paint other classes into what a picture shows.",
    "transplant": "Bring a part of another picture into what a picture shows.",
    "classes": "List the classes that a network paints.",
    "face": "Complete the hidden part of a face.",
    "demo": "Fill a hole in a picture that ships with Rigatino.",
    "serve": "Run the daemon in the foreground.",
    "status": "Say how the daemon is.",
    "stop": "Stop the daemon.",
    "install-plugin": "Install the GIMP plug-in, or remove it.",
    "service": "Have the daemon start when you log in.",
    "doctor": "Check everything that a fill needs, and say what to do.",
    "weights": "List, fetch, import, inspect, verify and remove networks' weights.",
    "net": "Run a bare network on arrays.",
    "train": "Train a network from a recipe.",
    "evaluate": "Measure how well a network fills.",
    "metrics": "Measure features of pictures.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported only when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command's own module exports it as `command`."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"rigatino.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a Failure becomes its sentence on stderr and exit status 1."""
        try:
            return super().invoke(ctx)
        except Failure as failure:
            click.echo(str(failure), err=True)
            ctx.exit(1)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rigatino")
def cli() -> None:
    """Rigatino removes things from pictures: select, fill, and a new layer covers it. Nothing leaves this computer."""


def main() -> None:
    """Entry point of `rigatino` and `python -m rigatino`."""
    whereabouts.note()
    sys.exit(cli(prog_name="rigatino"))
