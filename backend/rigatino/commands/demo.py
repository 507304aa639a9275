"""`rigatino demo`: one real fill through a real daemon, to see that everything works."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from rigatino.atomic import folder
from rigatino_wire.errors import Failure

OWN = Path("rigatino-demo")  # a folder of its own: what is there it wrote itself


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=OWN,
    show_default=True,
    help="Folder for the pictures.",
)
@click.option("--network", default="", help="Name of a network; the bundled one by default.")
@click.option("--gimp", default=None, help="GIMP's console program; found on the PATH by default.")
@click.option("--force", is_flag=True, help="Overwrite what is in a folder other than the default.")
def command(out: Path, network: str, gimp: str | None, force: bool) -> None:
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
    force = force or out == OWN
    console = gimp or gimps.console()
    before, hole, after = (out / f"{name}.png" for name in ("before", "hole", "after"))
    for path in (before, hole, after):
        pictures.check_output(path, picture, force)
    if console and (out / "gimp.xcf").exists() and not force:
        raise Failure("file_exists", file=str(out / "gimp.xcf"))
    with Bar() as bar:
        [filled] = by_daemon(
            lambda rule: [retouch.request(picture, mask, retouch.Options(network), rule)], network, bar.show
        )
    pictures.write(before, picture, force)
    pictures.write(hole, retouch.marked(picture, mask), force)
    pictures.write(after, retouch.lay(picture, filled), force)
    click.echo(summary(filled, after))
    if console is None:
        click.echo(
            "No GIMP 3 was found, so the demonstration ends here; see the README for installing it into GIMP."
        )
        return
    gimp_demo.play(console, before, mask_file, out / "gimp.xcf")
    click.echo(f"{out / 'gimp.xcf'}: the same fill as a layer, made in GIMP")


def shipped(name: str) -> Path:
    """A file of the demonstration."""
    return Path(str(resources.files("rigatino") / "demo" / name))
