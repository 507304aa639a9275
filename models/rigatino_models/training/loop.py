"""The training loop of every system."""

from __future__ import annotations

import copy
import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
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
from rigatino_models.data.photos import Photos
from rigatino_models.data.samples import Samples
from rigatino_models.errors import ModelError
from rigatino_models.memory import keep_freed_memory
from rigatino_models.training import norm, photographs
from rigatino_models.training.generator import half_precision
from rigatino_models.training.lost import LostSteps, finite
from rigatino_models.training.method import Moment
from rigatino_models.training.methods import method
from rigatino_models.training.parallel import Group, Statistics
from rigatino_models.training.recipe import as_table, check_same, kept, without_places
from rigatino_models.training.run_folder import RunFolder, tolerated
from rigatino_models.training.scalars import Scalars
from rigatino_models.training.settings import Recipe, divided

log = logging.getLogger(__name__)
ALONE = Group()
NONE_HELD = (
    "No photograph is held back: train_l1 and its like are measured on photographs that the run trains on. "
    "To hold some back, give a pattern of their names: --set 'data.held=[\"PATTERN\"]'"
)
STOPPED = "Stopped after step %d of %d. %s holds the run; --resume goes on with it."


class Trainer:
    """One run: a system's method, data and folder.

    Every random choice is a function of the recipe's seed, the step and the place in the batch, so that a resumed run
    equals an uninterrupted one without a saved generator.
    """

    def __init__(
        self, recipe: Recipe, photos: Photos, out: Path, resume: bool = False, among: Group = ALONE
    ) -> None:
        keep_freed_memory()
        self.recipe, self.among, self.device = recipe, among, among.device
        self.parts = divided(recipe, among.world)
        training, held = parted(recipe, photos)
        self.folder = RunFolder(out)
        self.folder.check(resume)
        self.folder.make()
        state = self.folder.load_state() if resume else None
        self.photos = photographs.fingerprints(photos)
        if state:
            check_same(recipe, state["recipe"])
            photographs.check_same(self.photos, state.get("photos", self.photos))
        self.method = method(recipe)(recipe, self.device, fresh=state is None)
        self.method.check(photos)
        self.data = samples(recipe, training)
        self.holds = bool(held.pixels)
        self.held = held if self.holds else training
        if among.leads and not self.holds:
            log.warning(NONE_HELD)
        self.batches = batches.source(
            recipe.data.loader, self.data, self.device, recipe.data.workers, recipe.data.bank
        )
        self.scalars = Scalars(out if recipe.log.tensorboard and among.leads else None)
        self.step = 0
        self.lost = LostSteps(among.leads)
        self.seconds = 0.0
        self._averaged: tuple[int, nn.Module] | None = None
        if state:
            self._restore(state)
        elif among.leads:
            self.folder.begin(resume)
        if among.leads:
            self.folder.keep_recipe(as_table(recipe))

    def run(self, stop_at: int | None = None) -> None:
        """Train to the end of the recipe (or to a step), then write checkpoint and weights.

        SIGTERM and Ctrl+C end the run in order, after the step that it is at.
        """
        end = min(self.recipe.steps, stop_at or self.recipe.steps)
        began = time.monotonic() - self.seconds
        accumulate = self.recipe.optimiser.accumulate
        source = self.batches(self._indices(end))
        try:
            with (
                _stops() as stopped,
                tqdm(
                    total=self.recipe.steps,
                    initial=self.step,
                    unit="step",
                    disable=None if self.among.leads else True,
                ) as bar,
            ):
                while parts := list(islice(source, accumulate)):
                    terms = self._train_step(parts)
                    self.step += 1
                    self.seconds = time.monotonic() - began
                    bar.update()
                    self._report(terms)
                    if self.lost.too_many:
                        raise self._diverged()
                    if self.among.any(bool(stopped)):
                        break
                self.save()
            if stopped and self.among.leads:
                log.info(STOPPED, self.step, self.recipe.steps, self.folder.state_file)
        finally:
            source.close()
            self.scalars.close()

    def validate(self) -> dict[str, float]:
        """Measures of the averaged network on held photos, with a sheet and the run's curves.

        Where none is held, the photos are those that it trains on, and the measures' names say so.
        """
        found, rows = self.method.measure(self)
        with tolerated():
            self.folder.show(self.step, rows)
        return found if self.holds else {_of_training(name): value for name, value in found.items()}

    @torch.no_grad()
    def complete(self, image: Tensor, beside: Tensor) -> Tensor:
        """The averaged network's answer [N,3,H,W] on the CPU."""
        with self.method.autocast():
            answer = self.method.complete(self.averaged(), self._place(image), self._place(beside))
        return answer.float().cpu()

    def averaged(self) -> nn.Module:
        """The averaged network, its BatchNorm statistics measured on what was averaged if the recipe says so."""
        count = self.recipe.optimiser.precise_norm
        if not count:
            return self.method.average.net
        if self._averaged is None or self._averaged[0] != self.step:
            net = copy.deepcopy(self.method.average.net)
            size = self.recipe.optimiser.batch // self.parts
            after = range(self.recipe.optimiser.samples, self.recipe.optimiser.samples + count * size, size)
            drawn = self.batches([list(range(first, first + size)) for first in after])
            with self.method.autocast():
                norm.remeasure(net, lambda: self._replay(net, drawn))
            self._averaged = self.step, net
        return self._averaged[1]

    def _replay(self, net: nn.Module, drawn: Iterator[Batch]) -> None:
        for number, (image, beside) in enumerate(drawn):
            self.method.replay(net, self._place(image), self._place(beside), number)

    def save(self) -> None:
        """Write checkpoint and weights. Raises ModelError file_unwritable.

        And training_diverged where numbers are not finite: these replace no file.
        """
        nets = [self.method.average.net, *(player.net for player in self.method.players.values())]
        if not finite(tensor for net in nets for tensor in net.state_dict().values()):
            raise self._diverged()
        if not self.among.leads:
            return
        self.folder.save_state(
            {
                "step": self.step,
                "seconds": self.seconds,
                "recipe": kept(self.recipe),
                "photos": self.photos,
                "players": {name: player.state_dict() for name, player in self.method.players.items()},
                "average": self.method.average.state_dict(),
            }
        )
        training = {
            "samples": self.step * self.recipe.optimiser.batch,
            "hours": round(self.seconds / 3600, 2),
            "photos": len(self.data.photos.names),
            "recipe": without_places(as_table(self.recipe)),
        }
        exports = self.method.exports(self.averaged())
        if not finite(tensor for export in exports.values() for tensor in export.tensors.values()):
            raise self._diverged()
        for name, export in exports.items():
            weights = half_precision(export, training)
            self.folder.replace(self.folder.weights_file(name), partial(save, weights))

    def _diverged(self) -> ModelError:
        weights = str(self.folder.weights_file("ema"))
        return ModelError("training_diverged", folder=str(self.folder.path), step=self.step, weights=weights)

    def _restore(self, state: dict[str, Any]) -> None:
        self.step, self.seconds = state["step"], state["seconds"]
        for name, player in self.method.players.items():
            player.load_state_dict(state["players"][name])
        self.method.average.net.load_state_dict(state["average"])
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
        moment = Moment(self.step, self.step * self.recipe.optimiser.batch, self.parts)
        players = self.method.playing(moment)
        for player in players.values():
            player.optimiser.zero_grad()
        sums: dict[str, Tensor] = {}
        with Statistics([p.net for p in self.method.players.values()], self.parts, self.among) as statistics:
            for number, (image, beside) in enumerate(parts):
                torch.manual_seed(self._part_seed(number))
                terms = self.method.part(self._place(image), self._place(beside), moment)
                for name, value in terms.items():
                    share = value.detach() / len(parts)
                    sums[name] = sums[name] + share if number else share
                statistics.part_done()
        lengths = {f"{name}_gradient": player.gradient(self.among) for name, player in players.items()}
        if self.among.any(not finite([*lengths.values(), *statistics.buffers])):
            statistics.undo()
            self.lost.add(self.step + 1)
        else:
            for player in players.values():
                player.descend(self.step)
            self.method.average.update(self.method.net, self.step)
            self.lost.over()
        return sums | lengths

    def _part_seed(self, number: int) -> int:
        place = self.among.rank * self.recipe.optimiser.accumulate + number
        return int(np.random.SeedSequence((self.recipe.seed, self.step, place)).generate_state(1)[0])

    def _place(self, tensor: Tensor) -> Tensor:
        tensor = tensor.to(self.device)
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor

    def _report(self, terms: dict[str, Tensor]) -> None:
        often = self.recipe.log
        if self.step % often.line == 0 or self.step == 1:
            values = torch.stack([value.float() for value in terms.values()]) / self.among.world
            self.among.sum_([values])
            rate = self.method.scheduled(self.step)
            self.lost.tell(self.step)
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
        with tolerated():
            self.scalars.add(seen, values)
        with tolerated():
            self.folder.log({"step": self.step, "samples": seen, "seconds": round(self.seconds), **values})


def parted(recipe: Recipe, photos: Photos) -> tuple[Photos, Photos]:
    """(photographs to train on, those held back). Raises ModelError no_photos."""
    training, held = photos.split(recipe.data.held)
    if not training.names:
        raise ModelError("no_photos", folders="the folders given, once the held ones are set aside")
    return training, held


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
        recipe.beside,
    )


@contextmanager
def _stops() -> Iterator[list[int]]:
    """The requests to stop that have come so far. With torchrun Ctrl+C comes twice; a third one does not wait."""
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        stopped.append(number)
        if len(stopped) > 2:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _of_training(name: str) -> str:
    return f"train_{name.removeprefix('held_')}"


def _short(value: float) -> float:
    return float(f"{value:.5g}")
