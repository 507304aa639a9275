"""The training loop of LaMa without a discriminator: hole, rim and perceptual terms on the composite."""

from __future__ import annotations

import json
import logging
import math
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from rigatino_models.convert.weights import COUNTER, Weights, save
from rigatino_models.data.photos import Photos, Samples
from rigatino_models.lama.net import CAUTION, Lama
from rigatino_models.losses import pixel
from rigatino_models.losses.squeezenet import PerceptualLoss
from rigatino_models.memory import keep_freed_memory
from rigatino_models.training import sheet
from rigatino_models.training.ema import Ema
from rigatino_models.training.recipe import Recipe, as_table
from rigatino_models.training.run_folder import RunFolder

log = logging.getLogger(__name__)
SHEET_COLUMNS = 8
VALIDATION_SAMPLES = 64
LICENCE = "your own; those of the photographs it was trained on may bind it"


class Trainer:
    """One run: network, optimiser, average, data and folder."""

    def __init__(self, recipe: Recipe, photos: Photos, out: Path, resume: bool = False) -> None:
        keep_freed_memory()
        torch.manual_seed(recipe.seed)
        self.recipe, self.folder = recipe, RunFolder(out, resume)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net = Lama(recipe.network).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if recipe.start and not (resume and self.folder.state_file.exists()):
            begin_with(self.net, Path(recipe.start))
        rate = recipe.optimiser
        self.optimiser = torch.optim.AdamW(
            parameter_groups(self.net),
            rate.rate,
            betas=(0.9, 0.99),
            weight_decay=rate.weight_decay,
            foreach=True,
        )
        self.ema = Ema(self.net, rate.ema)
        self.perceptual = self._perceptual()
        training, self.held = photos.split(recipe.data.held)
        self.data = self._samples(training, rate.samples, recipe.seed)
        self.step = 0
        self.seconds = 0.0
        if resume:
            self._restore()

    def run(self, stop_at: int | None = None) -> None:
        """Train to the end of the recipe (or to a step), then write checkpoint and weights. SIGTERM stops in order."""
        stopped: list[int] = []
        previous = signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
        end = min(self.recipe.steps, stop_at or self.recipe.steps)
        began = time.monotonic() - self.seconds
        try:
            bar = tqdm(total=self.recipe.steps, initial=self.step, unit="step", disable=None)
            for image, hole in self._batches(end):
                terms = self._train_step(image, hole)
                self.step += 1
                self.seconds = time.monotonic() - began
                bar.update()
                self._report(terms)
                if stopped:
                    break
            bar.close()
            self.save()
        finally:
            signal.signal(signal.SIGTERM, previous)

    def validate(self) -> dict[str, float]:
        """Mean hole L1 and PSNR (dB) of the averaged network on held photos; writes a sheet."""
        photos = self.held if self.held.pixels else self.data.photos
        samples = Samples(
            photos, self.recipe.data.side, VALIDATION_SAMPLES, 12345, self.recipe.data.scales, augment=False
        )
        error, count, squared = 0.0, 0.0, 0.0
        shown: list[tuple[Tensor, Tensor, Tensor]] = []
        for image, hole in DataLoader(samples, batch_size=16):
            result = self.complete(image, hole)
            difference = (result - image) * hole
            error += float(difference.abs().sum())
            squared += float(difference.square().sum())
            count += float(hole.sum()) * 3
            shown.append((sheet.marked(image, hole), result, image))
        rows = [row[:SHEET_COLUMNS] for batch in shown[:3] for row in batch]
        sheet.write(self.folder.path / "sheets" / f"{self.step:07d}.png", rows)
        return {"held_l1": error / count, "held_psnr": -10 * math.log10(squared / count)}

    @torch.no_grad()
    def complete(self, image: Tensor, hole: Tensor) -> Tensor:
        """The averaged network's composite [N,3,H,W] on the CPU."""
        image, hole = self._place(image), self._place(hole)
        with self._autocast():
            raw: Tensor = self.ema.net(image, hole).float()
        return (image * (1 - hole) + raw * hole).cpu()

    def save(self) -> None:
        """Write checkpoint and weights."""
        self.folder.save_state(
            {
                "step": self.step,
                "seconds": self.seconds,
                "net": self.net.state_dict(),
                "ema": self.ema.state_dict(),
                "optimiser": self.optimiser.state_dict(),
            }
        )
        save(self._weights(), self.folder.weights_file)

    def _restore(self) -> None:
        state = self.folder.load_state()
        if state is None:
            return
        self.step, self.seconds = state["step"], state["seconds"]
        self.net.load_state_dict(state["net"])
        self.ema.net.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])

    def _train_step(self, image: Tensor, hole: Tensor) -> dict[str, Tensor]:
        for group in self.optimiser.param_groups:
            group["lr"] = group["share"] * learning_rate(self.recipe, self.step)
        image, hole = self._place(image), self._place(hole)
        with self._autocast():
            raw = self.net(image, hole)
            terms = self._losses(raw.float(), image, hole)
        total = torch.stack(list(terms.values())).sum()
        self.optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.optimiser.clip, foreach=True)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.ema.update(self.net, self.step)
        return {name: value.detach() for name, value in terms.items()} | {"gradient": norm}

    def _losses(self, raw: Tensor, image: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """The weighted terms; all but the rim see the composite, so that known pixels cost nothing."""
        weight = self.recipe.losses
        result = image * (1 - hole) + raw * hole
        terms = {
            "border": weight.border * pixel.border_l1(result, image, hole),
            "rim": weight.rim * pixel.rim_l1(raw, image, hole),
            "reduced": weight.reduced * pixel.reduced_l1(result, image, hole),
        }
        if self.perceptual is not None:
            terms["perceptual"] = weight.perceptual * self.perceptual(result, image)
        return terms

    def _perceptual(self) -> PerceptualLoss | None:
        losses = self.recipe.losses
        if not losses.perceptual or not losses.perceptual_weights:
            return None
        return PerceptualLoss(Path(losses.perceptual_weights)).to(self.device)

    def _samples(self, photos: Photos, count: int, seed: int) -> Samples:
        data = self.recipe.data
        return Samples(photos, data.side, count, seed, data.scales, data.weights)

    def _batches(self, end: int) -> DataLoader[tuple[Tensor, Tensor]]:
        batch = self.recipe.optimiser.batch
        left = Subset(self.data, range(self.step * batch, end * batch))
        return DataLoader(
            left, batch_size=batch, num_workers=1, prefetch_factor=4, drop_last=True, worker_init_fn=_outlive
        )

    def _place(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device).contiguous(memory_format=torch.channels_last)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16)

    def _report(self, terms: dict[str, Tensor]) -> None:
        often = self.recipe.log
        if self.step % often.line == 0 or self.step == 1:
            values = {name: round(float(value), 5) for name, value in terms.items()}
            self._line(values | {"rate": learning_rate(self.recipe, self.step)})
        if self.step % often.sheet == 0:
            self._line(self.validate())
        if self.step % often.checkpoint == 0:
            self.save()

    def _line(self, values: dict[str, Any]) -> None:
        samples = self.step * self.recipe.optimiser.batch
        self.folder.log({"step": self.step, "samples": samples, "seconds": round(self.seconds), **values})

    def _weights(self) -> Weights:
        """The averaged network in half precision, with what a reader must know; the model card says the rest."""
        facts = {
            "samples": self.step * self.recipe.optimiser.batch,
            "hours": round(self.seconds / 3600, 2),
            "photos": len(self.data.photos.names),
            "recipe": without_places(as_table(self.recipe)),
        }
        tensors = {key: value.half().contiguous() for key, value in self.ema.state_dict().items()}
        kept = {key: value for key, value in tensors.items() if not key.endswith(COUNTER)}
        metadata = {"licence": LICENCE, "training": json.dumps(facts)}
        return Weights("lama", asdict(self.recipe.network), kept, "training", metadata)


def parameter_groups(net: Lama) -> list[dict[str, Any]]:
    """All parameters at the full rate; where the net corrects a first guess, its last layer moves slower."""
    last = next(layer for layer in reversed(net.model) if isinstance(layer, nn.Conv2d))
    slow = list(last.parameters()) if net.config.prefill else []
    names = {id(parameter) for parameter in slow}
    rest = [parameter for parameter in net.parameters() if id(parameter) not in names]
    return [{"params": rest, "share": 1.0}, {"params": slow, "share": 1 / CAUTION}]


def begin_with(net: nn.Module, file: Path) -> None:
    """Take the weights of a safetensors file that the network has in the same shape; log what it keeps of its own."""
    wanted = net.state_dict()
    found = {
        key: value.float()
        for key, value in load_file(file).items()
        if value.shape == wanted.get(key, value[:0]).shape
    }
    log.info("Kept as initialised: %s", ", ".join(sorted(wanted.keys() - found.keys())) or "nothing")
    net.load_state_dict(wanted | found)


def without_places(table: dict[str, Any]) -> dict[str, Any]:
    """A recipe's table in which files stand by their names alone: where they lay says nothing to others."""
    return {
        key: without_places(value)
        if isinstance(value, dict)
        else Path(value).name
        if isinstance(value, str)
        else value
        for key, value in table.items()
    }


def _outlive(_: int) -> None:
    """A signal to the whole process group stops the trainer in order; its loader must serve until then."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then a cosine down to the last rate."""
    rate = recipe.optimiser
    warm = min(1.0, (step + 1) / max(rate.warmup, 1))
    wave = (1 + math.cos(math.pi * min(1.0, step / max(recipe.steps, 1)))) / 2
    return warm * (rate.last_rate + (rate.rate - rate.last_rate) * wave)
