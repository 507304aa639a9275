"""TensorBoard's event files, where the extra `train` is installed and the recipe asks for them."""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rigatino_models.errors import ModelError
from rigatino_models.training.run_folder import writing

VERSION = "brain.Event:2"  # of the format, told by a file's first record


def needed() -> None:
    """Raise ModelError package_missing where event files cannot be written."""
    if importlib.util.find_spec("tensorboardX") is None:
        raise ModelError("package_missing", package="tensorboardX", extra="train")


class Scalars:
    """Writes to a folder, or nothing without one. Raises ModelError package_missing and file_unwritable.

    Records are written where they are told: the thread of tensorboardX's SummaryWriter dies of a full disk, and the run
    would wait for it forever.
    """

    def __init__(self, folder: Path | None) -> None:
        self.writer: Any = None
        if folder is None:
            return
        needed()
        from tensorboardX.record_writer import RecordWriter

        self.file = folder / "tensorboard" / f"events.out.tfevents.{time.time_ns()}"
        with writing(self.file):
            self.file.parent.mkdir(exist_ok=True)
            self.writer = RecordWriter(str(self.file))
        self._write(file_version=VERSION)

    def add(self, samples: int, values: Mapping[str, float]) -> None:
        """Values by name, after so many samples; those that are not finite are left out.

        Raises ModelError file_unwritable; nothing is written from then on.
        """
        if self.writer is None:
            return
        from tensorboardX.summary import scalar

        try:
            with writing(self.file):
                for name, value in values.items():
                    if math.isfinite(value):
                        self._write(step=samples, summary=scalar(name, value))
                self.writer.flush()
        except ModelError:
            self.close()  # a record that was cut short spoils those after it
            raise

    def close(self) -> None:
        """End the file; what it holds is written already."""
        writer, self.writer = self.writer, None
        if writer is not None:
            with suppress(OSError):
                writer.close()

    def _write(self, **fields: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        self.writer.write(Event(wall_time=time.time(), **fields).SerializeToString())
