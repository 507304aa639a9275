"""TensorBoard's event files, where the extra `train` is installed and the recipe asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rigatino_models.errors import ModelError


class Scalars:
    """Writes to a folder, or nothing without one. Raises ModelError package_missing."""

    def __init__(self, folder: Path | None) -> None:
        self.writer: Any = None
        if folder is None:
            return
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise ModelError("package_missing", package="tensorboardX", extra="train") from None
        self.writer = SummaryWriter(str(folder / "tensorboard"))

    def add(self, samples: int, values: Mapping[str, float]) -> None:
        """Values by name, after so many samples."""
        if self.writer is not None:
            for name, value in values.items():
                self.writer.add_scalar(name, value, samples)

    def close(self) -> None:
        """Write out what is left."""
        if self.writer is not None:
            self.writer.close()
