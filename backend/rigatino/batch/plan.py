"""Which pictures of a folder are to be filled, with which masks, and where to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rigatino import pictures, retouch
from rigatino.batch.manifest import FILLED, UNMARKED, Line
from rigatino_wire.errors import Failure

SUFFIXES = {suffix for suffixes in pictures.HOLDS.values() for suffix in suffixes}
MaskOf = Callable[[Path], Path]


@dataclass(frozen=True)
class Job:
    """One picture to fill.

    owned: names of results that may be overwritten, for nobody else's file is there. rival: the picture whose results
    have such a name already, so that this one cannot be filled.
    """

    picture: Path
    mask: Path
    output: Path
    key: str
    owned: tuple[str, ...]
    rival: str = ""

    def line(self, state: str, **facts: object) -> Line:
        """What became of it, for the manifest; what it may overwrite it may overwrite the next time too."""
        facts = {"outputs": list(self.owned), **facts}
        return Line(self.picture.name, str(self.mask), state, self.key, **facts)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Plan:
    """What is to be done, and how many pictures were done before."""

    jobs: list[Job]
    kept: int


def plan(
    folder: Path,
    masks: str,
    out: Path,
    options: retouch.Options,
    done: Mapping[str, Line],
    suffix: str = "",
    force: bool = False,
    weights: str = "",
) -> Plan:
    """The pictures of a folder by name, without those that are masks of others or were done before as they are now.

    masks: a folder with masks of the same names, one file for all, or a rule such as {stem}_mask.png, from the
    folder of the pictures on. suffix: what the results' names end in, "" = as the pictures'. force: do all anew.
    weights: hash of those that fill, "" where it is not known.
    Raises Failure folder_missing, file_missing, no_photos.
    """
    found, mask_of = listed(folder, masks)
    jobs, taken = [], dict[str, str]()
    for file in found:
        output = out / (file.stem + suffix if suffix else file.name)
        before = done.get(file.name)
        key = _key(file, mask_of(file), output, options, weights)
        paths = retouch.outputs(output, options.candidates)
        if force or before is None or not _stands(before, key, out):
            written = before.outputs if before else []
            free = (path.name for path in paths if force or path.name in written or not path.exists())
            owned = tuple(name for name in free if name not in taken)
            rival = next((taken[path.name] for path in paths if path.name in taken), "")
            jobs.append(Job(file, mask_of(file), output, key, owned, rival))
        for path in paths:
            taken.setdefault(path.name, file.name)
    return Plan(jobs, len(found) - len(jobs))


def listed(folder: Path, masks: str) -> tuple[list[Path], MaskOf]:
    """The pictures of a folder by name, without those that are masks of others, and the mask of each.

    Raises Failure folder_missing, file_missing, no_photos.
    """
    if not folder.is_dir():
        raise Failure("folder_missing", folder=str(folder))
    mask_of = rule(folder, masks)
    found = sorted(file for file in folder.iterdir() if _is_picture(file))
    used = {mask_of(file).absolute() for file in found}
    found = [file for file in found if file.absolute() not in used]
    if not found:
        raise Failure("no_photos", folders=str(folder))
    return found, mask_of


def rule(folder: Path, masks: str) -> MaskOf:
    """The mask of a picture, which need not be there. Raises Failure file_missing for a rule that is none."""
    where = Path(masks)
    if where.is_dir():
        return partial(_beside, _by_stem(where), where)
    if "{stem}" in masks or "{name}" in masks:
        return lambda file: folder / masks.replace("{stem}", file.stem).replace("{name}", file.name)
    if not where.is_file():
        raise Failure("file_missing", file=masks)
    return lambda file: where


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and file.is_file() and not file.name.startswith(".")


def _by_stem(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        if _is_picture(file):
            found.setdefault(file.stem, []).append(file)
    return found


def _beside(masks: Mapping[str, list[Path]], folder: Path, file: Path) -> Path:
    """The mask in another folder: of the same name, else of the same stem, PNG first."""
    fitting = masks.get(file.stem, [folder / f"{file.stem}.png"])
    return min(fitting, key=lambda mask: (mask.name != file.name, mask.suffix.lower() != ".png"))


def _stands(line: Line, key: str, out: Path) -> bool:
    """Whether a picture was done with all as it is now, and its results are still there."""
    whole = all((out / name).is_file() for name in line.outputs)
    return line.state in (FILLED, UNMARKED) and line.key == key and whole


def _key(picture: Path, mask: Path, output: Path, options: retouch.Options, weights: str) -> str:
    """What a result depends on: the two files as they are, where it goes, the options, and the network's weights."""
    states = [_state(file) for file in (picture, mask)]
    text = json.dumps([states, output.name, vars(options), weights], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _state(file: Path) -> tuple[str, int, int]:
    try:
        found = file.stat()
    except OSError:
        return file.name, 0, 0
    return file.name, found.st_size, found.st_mtime_ns
