"""`rigatino metrics`: measures of features that are already at hand."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rigatino import atomic
from rigatino.extras import needed
from rigatino_wire.errors import Failure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FilePath = click.Path(path_type=Path)


@click.group("metrics")
def command() -> None:
    """Measure features of pictures."""


@command.command("ids")
@click.option(
    "--real", required=True, type=FilePath, help="Features of the originals, [N,D] in an .npy file."
)
@click.option(
    "--fake", required=True, type=FilePath, help="Features of the fills, row i of the same picture."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ids(real: Path, fake: Path, as_json: bool) -> None:
    """Tell U-IDS, P-IDS and the Fréchet distance of two sets of features.

    They mean little unless N is several times D: with N below D both scores are mostly 0, whatever the pictures.
    """
    with needed("eval"):
        from rigatino_models.metrics.distributions import discriminative_scores, frechet_distance
    originals, fills = _features(real), _features(fake)
    if originals.shape != fills.shape:
        shapes = " and ".join(str(list(array.shape)) for array in (originals, fills))
        raise Failure("features_wrong", file=str(fake), why=f"the two files' shapes differ ({shapes})")
    scores = discriminative_scores(originals, fills)
    found = {
        "u_ids": scores.unpaired,
        "p_ids": scores.paired,
        "fd": frechet_distance(originals, fills),
    }
    click.echo(json.dumps(found) if as_json else "\n".join(f"{name} {v:.6f}" for name, v in found.items()))


def _features(file: Path) -> NDArray[np.float64]:
    """Features [N,D], N at least 2. Raises Failure file_missing, file_unreadable, features_wrong."""
    import numpy as np

    array = _loaded(file)
    if array.ndim != 2 or array.shape[0] < 2 or array.shape[1] < 1:
        raise Failure("features_wrong", file=str(file), why=f"its shape is {list(array.shape)}")
    if array.dtype.kind not in "fiu":
        raise Failure("features_wrong", file=str(file), why=f"it holds {array.dtype}")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise Failure("features_wrong", file=str(file), why="it holds values that are not finite")
    return values


def _loaded(file: Path) -> NDArray[Any]:
    """The array of an .npy file. Raises Failure file_missing, file_unreadable, features_wrong."""
    import numpy as np

    try:
        with file.open("rb") as stream:
            array = np.load(stream, allow_pickle=False)
            if isinstance(array, np.ndarray):
                return array
        reason = "it is an .npz file, not one array"
    except FileNotFoundError as error:
        raise Failure("file_missing", file=str(file)) from error
    except OSError as error:
        raise Failure("file_unreadable", file=str(file), why=atomic.why(error)) from error
    except (ValueError, EOFError, MemoryError, zipfile.BadZipFile):
        reason = "it is no .npy file of plain numbers"
    raise Failure("features_wrong", file=str(file), why=reason)
