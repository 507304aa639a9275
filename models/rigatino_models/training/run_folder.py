"""What a run leaves on disk: log lines, curves, checkpoints, weights. Every write but a log line's is atomic."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from rigatino_models.checkpoint.trouble import shown
from rigatino_models.errors import ModelError
from rigatino_models.training import curves, sheet

log = logging.getLogger(__name__)
KEYS = {"step", "seconds", "recipe", "players", "average"}  # of a checkpoint


class RunFolder:
    """DIR/recipe.json, DIR/log.jsonl, DIR/curves.png, DIR/sheets/*.png; DIR/state.pt (to resume), DIR/ema.safetensors
    and others (to use)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make the folder, where there is none. Raises ModelError file_unwritable."""
        with writing(self.path):
            (self.path / "sheets").mkdir(parents=True, exist_ok=True)

    def check(self, resume: bool) -> None:
        """Raise ModelError run_exists where a new run would replace another's files.

        And file_missing where there are weights, but no checkpoint to go on from.
        """
        goes_on, weights = self.state_file.exists(), self.weights_file("ema").exists()
        if resume and weights and not goes_on:
            raise ModelError("file_missing", file=str(self.state_file))
        if not resume and (weights or goes_on):
            raise ModelError("run_exists", folder=str(self.path))

    def begin(self, resume: bool) -> None:
        """Say so where a run was to be resumed, and put aside the log of one that left no checkpoint.

        Raises ModelError file_unwritable.
        """
        if resume:
            log.warning("%s does not exist: the run begins anew.", self.state_file)
        if self.log_file.exists():
            aside = self.log_file.with_name("log.before.jsonl")
            log.warning("The log of a run that left no checkpoint is put aside as %s.", aside)
            with writing(aside):
                self.log_file.replace(aside)

    @property
    def state_file(self) -> Path:
        """The checkpoint to resume from."""
        return self.path / "state.pt"

    def weights_file(self, name: str) -> Path:
        """A network, to use: "ema" is the averaged one."""
        return self.path / f"{name}.safetensors"

    @property
    def log_file(self) -> Path:
        """One JSON object a line."""
        return self.path / "log.jsonl"

    def log(self, line: Mapping[str, Any]) -> None:
        """Append one JSON line; numbers that are not finite become null. Raises ModelError file_unwritable."""
        with writing(self.log_file), self.log_file.open("a", encoding="utf-8") as file:
            file.write(_as_json(line))

    def lines(self) -> list[dict[str, Any]]:
        """The log so far; a line that was cut short is passed over."""
        found = []
        text = self.log_file.read_text("utf-8") if self.log_file.exists() else ""
        for line in text.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                log.warning("Passed over a line of %s that was cut short", self.log_file)
        return found

    def forget_after(self, step: int) -> None:
        """Drop log lines of steps that a resumed run will take again."""
        kept = [_as_json(line) for line in self.lines() if line.get("step", 0) <= step]
        self.replace(self.log_file, lambda part: part.write_text("".join(kept), "utf-8"))

    def keep_recipe(self, table: Mapping[str, Any]) -> None:
        """Write down what decides the run. Raises ModelError file_unwritable."""
        text = json.dumps(table, indent=2) + "\n"
        self.replace(self.path / "recipe.json", lambda part: part.write_text(text, "utf-8"))

    def show(self, step: int, rows: Sequence[Tensor]) -> None:
        """Write a sheet of pictures, and the curves so far. Raises ModelError file_unwritable."""
        target = self.path / "sheets" / f"{step:07d}.png"
        self.replace(target, lambda part: sheet.write(part, rows))
        self.replace(self.path / "curves.png", lambda part: curves.write(part, self.lines()))

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint; the old one stays where that fails. Raises ModelError file_unwritable."""

        def write(part: Path) -> None:
            with part.open("wb") as file:
                torch.save(dict(state), file)

        self.replace(self.state_file, write)

    def load_state(self) -> dict[str, Any] | None:
        """The checkpoint, or None where there is none; tensors and plain values only.

        Raises ModelError file_unreadable, also for a checkpoint of another version.
        """
        if not self.state_file.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.state_file, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises what it likes for a damaged file
            raise ModelError("file_unreadable", file=str(self.state_file), why=shown(str(error))) from error
        if not isinstance(state, dict) or KEYS - state.keys():
            raise ModelError(
                "file_unreadable", file=str(self.state_file), why="another version of the program wrote it"
            )
        return state

    def replace(self, target: Path, write: Callable[[Path], object]) -> None:
        """Let `write` make a file beside the target, then put it in its place. Raises ModelError file_unwritable."""
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with writing(target):
                write(part)
                part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _as_json(line: Mapping[str, Any]) -> str:
    told = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in line.items()}
    return json.dumps(told, allow_nan=False) + "\n"


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn what a full or forbidden disk raises into ModelError file_unwritable."""
    try:
        yield
    except OSError as error:
        raise ModelError("file_unwritable", file=str(target), why=error.strerror or "output error") from error
    except (RuntimeError, SafetensorError) as error:  # torch and safetensors hide the system's error
        raise ModelError("file_unwritable", file=str(target), why="the disk takes no more") from error


@contextmanager
def tolerated() -> Iterator[None]:
    """A file that cannot be written costs that file, not the run: the log names it."""
    try:
        yield
    except ModelError as error:
        if error.code != "file_unwritable":
            raise
        log.warning("Could not write %s: %s. The run goes on.", error.params["file"], error.params["why"])
