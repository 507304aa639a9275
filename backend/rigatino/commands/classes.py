"""`rigatino classes`: what a network paints."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("word", default="")
@click.option("--network", default="", help="Name of a network; the first one that paints by default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(word: str, network: str, as_json: bool) -> None:
    """List the classes that a network paints, with their numbers; with WORD, those in whose names it is."""
    from rigatino import weights

    names = enumerate(weights.class_names(network))
    found = [(number, name) for number, name in names if word.casefold() in name.casefold()]
    if as_json:
        click.echo(json.dumps([{"number": number, "name": name} for number, name in found], indent=2))
        return
    for number, name in found:
        click.echo(f"{number:4}  {name}")
