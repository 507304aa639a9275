"""rigatino net run: a bare network on arrays."""

from __future__ import annotations

from pathlib import Path

import click

from rigatino_wire.errors import Failure

FilePath = click.Path(path_type=Path, dir_okay=False)


@click.group("net")
def command() -> None:
    """Run a bare network on arrays."""


@command.command("run")
@click.argument("weights")
@click.option("--input", "source", type=FilePath, required=True, help="The .npz file with the arrays.")
@click.option("--output", "target", type=FilePath, required=True, help="The .npz file to write.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the network.")
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True)
@click.option("--force", is_flag=True, help="Overwrite the output.")
def run(
    weights: str, source: Path, target: Path, settings: tuple[str, ...], precision: str, force: bool
) -> None:
    """Run WEIGHTS, a file or the name of a network, on the arrays of an .npz file.

    LaMa takes image (float32 [N,3,H,W], RGB from 0 to 1) and hole (float32 [N,1,H,W], 1 = fill), and gives
    raw, the network's answer, and out, the picture with the hole filled. Its only setting is fast=true.

    DFNet takes and gives the same, and alpha (float32 [N,3,H,W]): how much of raw is its own.

    CoModGAN takes pictures of its own size and z (float32 [K,512]) for K answers, and if wanted w_avg [1,512] and
    noise00, noise01, ... [K,1,r,r]; its settings are noise=none|const|random|given, psi, global_dropout, seed and
    fast=true.

    PIC, given as its folder, takes pictures of 256x256 and eps (float32 [K,latent,8,8]) for K answers; its settings
    are fast=true and most_likely=true. It also gives mu, sigma and, with a discriminator, score.

    Generative Face Completion takes aligned faces of 128x128 and noise (float32 [K,3,128,128], from 0 to 1) for K
    answers; its settings are seed, of noise that is not given, and fast=true.

    Neural Collage: a generator takes z (float32 [N,latent]) and label [N], and gives raw; class_map_0, class_map_1, ...
    [classes,H,W] are weights of classes instead of the label, z_ref and blend_0, blend_1, ... [3,H,W] blend in a
    reference. An encoder takes image and label, and gives z; a discriminator gives features and score. A folder of
    several is told part=generator|encoder|discriminator where the arrays do not say it. Its other setting is fast=true.
    """
    from rigatino import arrays, bare  # torch is heavy

    options = bare.Options(precision, _pairs(settings))
    if target.exists() and not force:
        raise Failure("file_exists", file=str(target))
    arrays.write(target, bare.run(weights, arrays.Arrays.read(source), options))


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key or key in pairs:
            raise click.UsageError(f"--set takes KEY=VALUE, each key once, not “{setting}”.")
        pairs[key] = value
    return pairs
