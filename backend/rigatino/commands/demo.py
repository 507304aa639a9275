"""`rigatino demo`: one real fill through a real daemon, to see that everything works."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from rigatino.atomic import folder


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("rigatino-demo"), help="Folder for the pictures."
)
@click.option("--network", default="", help="Name of a network; the bundled one by default.")
@click.option("--gimp", default=None, help="GIMP's console program; found on the PATH by default.")
def command(out: Path, network: str, gimp: str | None) -> None:
    """Fill a hole in a photograph that ships with Rigatino; in GIMP too, where GIMP 3 is installed.

    Writes before.png, hole.png and after.png (and gimp.xcf). The daemon goes on running; `rigatino stop` ends it.
    """
    from rigatino import gimp_demo, gimps, pictures, retouch
    from rigatino.asking import by_daemon
    from rigatino.commands.fill import summary
    from rigatino.progress import Bar

    photo, mask_file = shipped("photo.jpg"), shipped("mask.png")
    picture, mask = pictures.read(photo), pictures.read_mask(mask_file)
    folder(out)
    with Bar() as bar:
        [filled] = by_daemon(
            lambda rule: [retouch.request(picture, mask, retouch.Options(network), rule)], network, bar.show
        )
    after = out / "after.png"
    pictures.write(out / "before.png", picture, force=True)
    pictures.write(out / "hole.png", retouch.marked(picture, mask), force=True)
    pictures.write(after, retouch.lay(picture, filled), force=True)
    click.echo(summary(filled, after))
    console = gimp or gimps.console()
    if console is None:
        click.echo(
            "No GIMP 3 was found, so the demonstration ends here; see the README for installing it into GIMP."
        )
        return
    gimp_demo.play(console, out / "before.png", mask_file, out / "gimp.xcf")
    click.echo(f"{out / 'gimp.xcf'}: the same fill as a layer, made in GIMP")


def shipped(name: str) -> Path:
    """A file of the demonstration."""
    return Path(str(resources.files("rigatino") / "demo" / name))
