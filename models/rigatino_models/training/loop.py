"""The training loop: a generator, its average, and from some step on a discriminator."""

from __future__ import annotations

import copy
import json
import logging
import math
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from rigatino_models.convert.weights import save
from rigatino_models.data import batches
from rigatino_models.data.batches import Batch
from rigatino_models.data.photos import Photos, Samples
from rigatino_models.errors import ModelError
from rigatino_models.lama.net import Lama
from rigatino_models.memory import keep_freed_memory
from rigatino_models.training import looks, norm, validation
from rigatino_models.training.adversary import Game
from rigatino_models.training.ema import Ema
from rigatino_models.training.generator import begin_with, half_precision, parameter_groups, placed
from rigatino_models.training.objective import Objective
from rigatino_models.training.parallel import Group, Statistics
from rigatino_models.training.recipe import Recipe, as_table
from rigatino_models.training.run_folder import RunFolder, tolerated
from rigatino_models.training.scalars import Scalars

log = logging.getLogger(__name__)
ALONE = Group()


class Trainer:
    """One run: network, optimiser, average, adversary, data and folder.

    Every random choice is a function of the recipe's seed, the step and the place in the batch, so that a resumed run
    equals an uninterrupted one without a saved generator.
    """

    def __init__(
        self, recipe: Recipe, photos: Photos, out: Path, resume: bool = False, among: Group = ALONE
    ) -> None:
        keep_freed_memory()
        self.recipe, self.among, self.device = recipe, among, among.device
        self.parts = among.world * recipe.optimiser.accumulate
        if recipe.optimiser.batch % self.parts:
            raise ModelError(
                "bad_setting",
                name="optimiser.batch",
                value=recipe.optimiser.batch,
                expected=f"a multiple of {self.parts}, the processes times optimiser.accumulate",
            )
        training, self.held = photos.split(recipe.data.held)
        if not training.pixels:
            raise ModelError("no_photos", folders="the folders given, once the held ones are set aside")
        self.folder = RunFolder(out, resume)
        torch.manual_seed(recipe.seed)
        self.net = placed(Lama(recipe.network), self.device)
        if recipe.start and not (resume and self.folder.state_file.exists()):
            begin_with(self.net, Path(recipe.start))
        self.optimiser = torch.optim.AdamW(
            parameter_groups(self.net),
            recipe.optimiser.rate,
            betas=recipe.optimiser.betas,
            weight_decay=recipe.optimiser.weight_decay,
            fused=True,
        )
        self.ema = Ema(self.net, recipe.optimiser.ema)
        self.objective = Objective(recipe.losses).to(self.device)
        self.game = Game(recipe.adversary, recipe.optimiser, self.device) if recipe.adversary.plays else None
        self.data = samples(recipe, training)
        self.batches = batches.source(
            recipe.data.loader, self.data, self.device, recipe.data.workers, recipe.data.bank
        )
        self.scalars = Scalars(out if recipe.log.tensorboard and among.leads else None)
        self.step = 0
        self.seconds = 0.0
        self._averaged: tuple[int, nn.Module] | None = None
        if resume:
            self._restore()
        if among.leads:
            self.folder.keep_recipe(as_table(recipe))

    def run(self, stop_at: int | None = None) -> None:
        """Train to the end of the recipe (or to a step), then write checkpoint and weights. SIGTERM stops in order."""
        stopped: list[int] = []
        previous = signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
        end = min(self.recipe.steps, stop_at or self.recipe.steps)
        began = time.monotonic() - self.seconds
        accumulate = self.recipe.optimiser.accumulate
        source = self.batches(self._indices(end))
        try:
            with tqdm(
                total=self.recipe.steps,
                initial=self.step,
                unit="step",
                disable=None if self.among.leads else True,
            ) as bar:
                while parts := list(islice(source, accumulate)):
                    terms = self._train_step(parts)
                    self.step += 1
                    self.seconds = time.monotonic() - began
                    bar.update()
                    self._report(terms)
                    if self.among.any(bool(stopped)):
                        break
            self.save()
        finally:
            source.close()
            signal.signal(signal.SIGTERM, previous)
            self.scalars.close()

    def validate(self) -> dict[str, float]:
        """Measures of the averaged network on held photos (validation.measure), with a sheet and the run's curves."""
        found, rows = validation.measure(self)
        with tolerated():
            self.folder.show(self.step, rows)
        return found

    @torch.no_grad()
    def complete(self, image: Tensor, hole: Tensor) -> Tensor:
        """The averaged network's composite [N,3,H,W] on the CPU."""
        image, hole = self._place(image), self._place(hole)
        with self._autocast():
            net = self.averaged()
            coarse = looks.coarse_answer(net, image, hole, len(self.recipe.looks) - 1)
            raw: Tensor = net(image, hole, None, coarse).float()
        return (image * (1 - hole) + raw * hole).cpu()

    @property
    def judge(self) -> nn.Module | None:
        """The perceptual distance that validation reports, if the recipe has one."""
        return self.objective.perceptual

    def averaged(self) -> nn.Module:
        """The averaged network, its BatchNorm statistics measured on what was averaged if the recipe says so."""
        count = self.recipe.optimiser.precise_norm
        if not count:
            return self.ema.net
        if self._averaged is None or self._averaged[0] != self.step:
            net = copy.deepcopy(self.ema.net)
            size = self.recipe.optimiser.batch // self.parts
            after = range(self.recipe.optimiser.samples, self.recipe.optimiser.samples + count * size, size)
            drawn = self.batches([list(range(first, first + size)) for first in after])
            with self._autocast():
                norm.remeasure(net, self._seen(drawn))
            self._averaged = self.step, net
        return self._averaged[1]

    def _seen(self, drawn: Iterator[Batch]) -> Iterator[tuple[Tensor, Tensor, None, Tensor | None]]:
        """Batches as a network sees them in training, with an answer of the averaged one to begin with."""
        for number, (image, hole) in enumerate(drawn):
            image, hole = self._place(image), self._place(hole)
            count = looks.halvings(self.recipe.looks, number)
            yield image, hole, None, looks.coarse_answer(self.ema.net, image, hole, count)

    def save(self) -> None:
        """Write checkpoint and weights. Raises ModelError file_unwritable."""
        if not self.among.leads:
            return
        self.folder.save_state(
            {
                "step": self.step,
                "seconds": self.seconds,
                "network": json.dumps(asdict(self.recipe.network)),
                "net": self.net.state_dict(),
                "ema": self.ema.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "game": self.game.state_dict() if self.game else None,
            }
        )
        weights = half_precision(
            self.averaged(), self.recipe, self.step, self.seconds / 3600, len(self.data.photos.names)
        )
        self.folder.replace(self.folder.weights_file, lambda part: save(weights, part))

    def _restore(self) -> None:
        state = self.folder.load_state()
        if state is None:
            return
        mine = json.dumps(asdict(self.recipe.network))
        if state["network"] != mine:
            raise ModelError("bad_setting", name="network", value=mine, expected=state["network"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.net.load_state_dict(state["net"])
        self.ema.net.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.game and state["game"]:
            self.game.load_state_dict(state["game"])
        if self.among.leads:
            self.folder.forget_after(self.step)

    def _indices(self, end: int) -> Iterator[list[int]]:
        """The samples of each of this process's parts, from the present step on."""
        batch, accumulate = self.recipe.optimiser.batch, self.recipe.optimiser.accumulate
        size = batch // self.parts
        first = self.among.rank * accumulate
        for step in range(self.step, end):
            for part in range(first, first + accumulate):
                begin = step * batch + part * size
                yield list(range(begin, begin + size))

    def _train_step(self, parts: list[Batch]) -> dict[str, Tensor]:
        """One step on this process's parts of a batch -> the terms' means over them, and the gradients' norms."""
        game = self.game if self.game and self.game.begins(self.step * self.recipe.optimiser.batch) else None
        nets = [self.net, game.net] if game else [self.net]
        optimisers = [self.optimiser, game.optimiser] if game else [self.optimiser]
        for optimiser in optimisers:
            optimiser.zero_grad()
        sums: dict[str, Tensor] = {}
        with Statistics(nets, self.parts, self.among) as statistics:
            for number, (image, hole) in enumerate(parts):
                torch.manual_seed(self._part_seed(number))
                for name, value in self._part(self._place(image), self._place(hole), game).items():
                    share = value.detach() / len(parts)
                    sums[name] = sums[name] + share if number else share
                statistics.part_done()
        for group in self.optimiser.param_groups:
            group["lr"] = group["share"] * learning_rate(self.recipe, self.step)
        for name, net, optimiser in zip(
            ("gradient", "discriminator_gradient"), nets, optimisers, strict=False
        ):
            sums[name] = self._descend(net, optimiser)
        self.ema.update(self.net, self.step)
        return sums

    def _part(self, image: Tensor, hole: Tensor, game: Game | None) -> dict[str, Tensor]:
        """Forward and backward of one part; gradients add up over the parts."""
        with self._autocast():
            count = looks.halvings(self.recipe.looks, self.recipe.seed + self.step)
            coarse = looks.coarse_answer(self.ema.net, image, hole, count)
            raw = self.net(image, hole, None, coarse).float()
            result = image * (1 - hole) + raw * hole
            terms: dict[str, Tensor] = self.objective(raw, result, image, hole)
            mine: dict[str, Tensor] = {}
            theirs: dict[str, Tensor] = {}
            if game:
                shown = result if game.settings.shown == "composite" else raw
                leaf = shown.detach().requires_grad_()
                mine, theirs = game.play(leaf, image, hole, self.step)
        ends: list[tuple[Tensor, Tensor | None]] = [(_total(terms) / self.parts, None)] if terms else []
        if game:
            (pull,) = torch.autograd.grad(_total(mine) / self.parts, leaf, retain_graph=True)
            ends.append((shown, pull))
            (_total(theirs) / self.parts).backward()  # type: ignore[no-untyped-call]
        torch.autograd.backward([end for end, _ in ends], [gradient for _, gradient in ends])
        return terms | mine | theirs

    def _descend(self, net: nn.Module, optimiser: torch.optim.Optimizer) -> Tensor:
        """A step along the gradient of all processes, clipped -> its norm. None is taken where it is not finite."""
        self.among.sum_([p.grad for p in net.parameters() if p.grad is not None])
        length = nn.utils.clip_grad_norm_(net.parameters(), self.recipe.optimiser.clip, foreach=True)
        if torch.isfinite(length):
            optimiser.step()
        return length

    def _part_seed(self, number: int) -> int:
        place = self.among.rank * self.recipe.optimiser.accumulate + number
        return int(np.random.SeedSequence((self.recipe.seed, self.step, place)).generate_state(1)[0])

    def _place(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device).contiguous(memory_format=torch.channels_last)

    def _autocast(self) -> torch.autocast:
        enabled = self.recipe.optimiser.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def _report(self, terms: dict[str, Tensor]) -> None:
        often = self.recipe.log
        if self.step % often.line == 0 or self.step == 1:
            values = torch.stack([value.float() for value in terms.values()]) / self.among.world
            self.among.sum_([values])
            rate = learning_rate(self.recipe, self.step)
            self._line(dict(zip(terms, map(_short, values.tolist()), strict=True)) | {"rate": rate})
        if not self.among.leads:
            return
        if self.step % often.sheet == 0:
            self._line(self.validate())
        if self.step % often.checkpoint == 0:
            with tolerated():
                self.save()

    def _line(self, values: dict[str, Any]) -> None:
        if not self.among.leads:
            return
        seen = self.step * self.recipe.optimiser.batch
        self.scalars.add(seen, values)
        with tolerated():
            self.folder.log({"step": self.step, "samples": seen, "seconds": round(self.seconds), **values})


def samples(recipe: Recipe, photos: Photos) -> Samples:
    """The training samples of a recipe."""
    data = recipe.data
    return Samples(
        photos,
        data.side,
        recipe.optimiser.samples,
        recipe.seed,
        data.scales,
        data.weights,
        data.augment,
        data.masks,
    )


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then a cosine down to the last rate."""
    rate = recipe.optimiser
    warm = min(1.0, (step + 1) / max(rate.warmup, 1))
    wave = (1 + math.cos(math.pi * min(1.0, step / max(recipe.steps, 1)))) / 2
    return warm * (rate.last_rate + (rate.rate - rate.last_rate) * wave)


def _total(terms: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum()


def _short(value: float) -> float:
    return float(f"{value:.5g}")
