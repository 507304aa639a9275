"""`rigatino extend`: a picture made larger on some of its sides, and what is new filled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from rigatino.commands.fill import write_filled
from rigatino.commands.options import of_a_fill
from rigatino_wire.messages import Fill
from rigatino_wire.region import ContextRule

MOST = 65535  # pixels that formats with 16 bits for a side can have
Pixels = click.IntRange(0, MOST)


# By default nothing of the picture itself changes; a network's own seam would reach into it.
@click.command(context_settings={"default_map": {"grow": 0, "feather": 0.0, "seam": "feather"}})
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Where to write the result."
)
@click.option("--left", default=0, type=Pixels, show_default=True, help="Pixels to add at the left.")
@click.option("--right", default=0, type=Pixels, show_default=True, help="Pixels to add at the right.")
@click.option("--top", default=0, type=Pixels, show_default=True, help="Pixels to add above.")
@click.option("--bottom", default=0, type=Pixels, show_default=True, help="Pixels to add below.")
@click.option("--daemon", is_flag=True, help="Ask the daemon; it is started when there is none.")
@of_a_fill
@click.option("--force", is_flag=True, help="Overwrite the output.")
def command(
    image: Path,
    output: Path,
    left: int,
    right: int,
    top: int,
    bottom: int,
    daemon: bool,
    force: bool,
    **settings: Any,
) -> None:
    """Make IMAGE larger, and fill what is new.

    The picture itself stays as it is, bit for bit (JPEG, which is lossy, aside), unless --grow or --feather say that
    so many of its pixels along the new ones may change, or --seam auto lets a network's own alpha do so.
    """
    if not left + right + top + bottom:
        raise click.UsageError("Say where, and by how many pixels: --left, --right, --top, --bottom.")
    from rigatino import pictures, retouch

    picture, new = retouch.extended(pictures.read(image), left, right, top, bottom)
    options = retouch.Options(**settings)

    def make(rule: ContextRule) -> Sequence[Fill]:
        return retouch.requests(picture, new, options, rule)

    write_filled(picture, make, output, options, daemon, force)
