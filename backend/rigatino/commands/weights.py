"""rigatino weights: the networks that can be chosen, and how others join them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from rigatino import weights
from rigatino_wire.errors import Failure

AnyPath = click.Path(path_type=Path)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("weights")
def command() -> None:
    """List, fetch, import, inspect, verify and remove networks' weights."""


@command.command("list")
@AS_JSON
def list_weights(as_json: bool) -> None:
    """List the networks that can be chosen, the default one first."""
    entries = weights.known()
    if as_json:
        _print([_facts(entry) for entry in entries])
        return
    for entry in entries:
        click.echo(f"{entry.spec.name}  {entry.spec.title}: {entry.spec.good_for}")
        click.echo(f"    weights' licence: {entry.spec.weights_licence}")


@command.command("import")
@click.argument("file", type=AnyPath)
@click.option("--as", "name", default="", help="The name under which to choose it [default: after the file].")
@AS_JSON
def import_weights(file: Path, name: str, as_json: bool) -> None:
    """Import weights: a file, or an original's folder.

    Formats: safetensors, state dicts and Lightning checkpoints of torch, TorchScript archives, TensorFlow pickles
    (CoModGAN), Caffe's models (GFC), the folder of the original LaMa or PIC or of chainer's snapshots (Neural
    Collage), or a zip of it. Nothing in the file is run. It is converted, and not needed afterwards.
    """
    entry = weights.import_file(file, name)
    if as_json:
        _print(_facts(entry))
    else:
        _say_imported(entry)


@command.command("remove")
@click.argument("name")
def remove_weights(name: str) -> None:
    """Remove imported weights."""
    weights.remove(name)
    click.echo(f"Removed {name}")


@command.command("inspect")
@click.argument("file", type=AnyPath)
@AS_JSON
def inspect_weights(file: Path, as_json: bool) -> None:
    """Say what a file of weights is, without importing it."""
    facts = weights.inspect(file)
    if as_json:
        _print(facts)
        return
    for name, value in facts.items():
        click.echo(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")


@command.command("verify")
@click.argument("names", nargs=-1)
@AS_JSON
def verify_weights(names: tuple[str, ...], as_json: bool) -> None:
    """Compare the files of the NAMES, or of all networks, with the hashes on record."""
    wrong = {name: weights.verify(name) for name in names or weights.names()}
    if as_json:
        _print([{"name": name, "well": not why, "why": why} for name, why in wrong.items()])
    else:
        for name, why in wrong.items():
            click.echo(f"{name}: {why or 'as recorded'}")
    damaged = [name for name, why in wrong.items() if why]
    if damaged:
        raise Failure("weights_damaged", names=", ".join(damaged))


@command.command("fetch")
@click.argument("name", default="")
@click.option("--as", "chosen", default="", help="The name under which to choose it [default: NAME].")
@AS_JSON
def fetch_weights(name: str, chosen: str, as_json: bool) -> None:
    """Download the weights called NAME from where their authors gave them, and import them.

    Without a name, list those that have an address. A download that broke off is gone on with. A proxy is taken from
    the environment (https_proxy). More addresses may stand in origins.toml in the data folder.
    """
    from rigatino import origins
    from rigatino.progress import Bytes

    if not name:
        found = origins.known().values()
        if as_json:
            _print([asdict(origin) for origin in found])
        for origin in () if as_json else found:
            click.echo(f"{origin.name}  {origin.title}\n    weights' licence: {origin.licence}")
            click.echo(f"    {origin.urls[0] if origin.urls else f'by hand, from {origin.by_hand}'}")
        return
    origin = origins.find(name)
    click.echo(f"{origin.title}. The weights' licence: {origin.licence}", err=True)
    with Bytes() as bar:
        entry = origins.fetch(origin, bar.show, chosen)
    if as_json:
        _print(_facts(entry))
    else:
        _say_imported(entry)


def _say_imported(entry: weights.Entry) -> None:
    click.echo(f"Imported {entry.spec.title} as {entry.spec.name}: {entry.path}")
    click.echo(f"The weights' licence: {entry.spec.weights_licence}")


def _facts(entry: weights.Entry) -> dict[str, Any]:
    return {
        "name": entry.spec.name,
        "title": entry.spec.title,
        "system": entry.spec.system,
        "tasks": list(entry.spec.tasks),
        "bundled": entry.bundled,
        "file": str(entry.path),
        "sha256": entry.sha256,
        "licence": entry.spec.code_licence,
        "weights_licence": entry.spec.weights_licence,
        "source": entry.source,
    }


def _print(value: object) -> None:
    click.echo(json.dumps(value, indent=2))
