"""What a run leaves on disk: log lines, checkpoints, weights. Every write is atomic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rigatino_models.errors import ModelError


class RunFolder:
    """DIR/log.jsonl, DIR/state.pt (to resume), DIR/ema.safetensors (to use), DIR/sheets/*.png."""

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        if self.state_file.exists() and not resume:
            raise ModelError("run_exists", folder=str(path))
        (path / "sheets").mkdir(parents=True, exist_ok=True)

    @property
    def state_file(self) -> Path:
        """The checkpoint to resume from."""
        return self.path / "state.pt"

    @property
    def weights_file(self) -> Path:
        """The averaged network, to use."""
        return self.path / "ema.safetensors"

    def log(self, line: Mapping[str, Any]) -> None:
        """Append one JSON line."""
        with (self.path / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint."""
        part = self.path / ".state.part"
        torch.save(dict(state), part)
        part.replace(self.state_file)

    def load_state(self) -> dict[str, Any] | None:
        """The checkpoint, or None where there is none; tensors and plain values only."""
        if not self.state_file.exists():
            return None
        state: dict[str, Any] = torch.load(self.state_file, map_location="cpu", weights_only=True)
        return state
