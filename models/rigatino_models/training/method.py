"""What a system brings to a run: its networks, their optimisers, and what a part of a batch tells them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from rigatino_models.data.photos import Photos
from rigatino_models.training import validation
from rigatino_models.training.ema import Ema
from rigatino_models.training.generator import Export, begin_with, placed
from rigatino_models.training.parallel import Group
from rigatino_models.training.settings import Recipe
from rigatino_models.training.validation import Completes

Terms = dict[str, Tensor]
R = TypeVar("R", bound=Recipe)


@dataclass(frozen=True)
class Moment:
    """When in a run a part of a batch is worked on.

    step, samples: those before it. parts: into which the batch is divided, over all processes.
    """

    step: int
    samples: int
    parts: int


class Player:
    """A network that learns, and its optimiser.

    groups: parameters with the `share` of the rate at which they move; rate(step): the rate; clip: bound on the
    gradient's length, 0 for none.
    """

    def __init__(
        self,
        net: nn.Module,
        rate: Callable[[int], float],
        betas: tuple[float, float],
        weight_decay: float = 0.0,
        clip: float = 0.0,
        groups: Sequence[dict[str, Any]] | None = None,
    ) -> None:
        self.net, self.rate, self.clip = net, rate, clip or math.inf
        self.optimiser = torch.optim.AdamW(
            groups or [{"params": list(net.parameters()), "share": 1.0}],
            rate(0),
            betas=betas,
            weight_decay=weight_decay,
            fused=True,
        )

    def gradient(self, among: Group) -> Tensor:
        """Have the gradient be that of all processes, clipped -> its norm, as it was before."""
        among.sum_([p.grad for p in self.net.parameters() if p.grad is not None])
        return nn.utils.clip_grad_norm_(self.net.parameters(), self.clip, foreach=True)

    def descend(self, step: int) -> None:
        """A step along the gradient."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["share"] * self.rate(step)
        self.optimiser.step()

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])


class Method(ABC, Generic[R]):
    """A system's training. A system's module gives `settings`, `networks`, `part`, and what else differs.

    players: by name, the generator first: it is what is averaged, validated and saved. average: its average.
    """

    settings: ClassVar[type[Recipe]]

    def __init__(self, recipe: R, device: torch.device, fresh: bool = True) -> None:
        """fresh: whether the run begins now, with the recipe's `start` if it names one."""
        self.recipe, self.device = recipe, device
        torch.manual_seed(recipe.seed)
        nets = self.networks(recipe)
        if recipe.start and fresh:
            begin_with(next(iter(nets.values())), Path(recipe.start))
        self.players = {
            name: self.player(name, placed(self.dressed(net), device)) for name, net in nets.items()
        }
        self.average = Ema(self.net, recipe.optimiser.decay)

    @classmethod
    def chosen(cls, recipe: R) -> type[Method[R]]:
        """The method itself; where a system has several, the one that the recipe is for."""
        return cls

    @staticmethod
    @abstractmethod
    def networks(recipe: R) -> dict[str, nn.Module]:
        """The networks by name, as initialised, the generator first. On torch's default device."""

    @abstractmethod
    def part(self, image: Tensor, beside: Tensor, moment: Moment) -> Terms:
        """Forward and backward of a part of a batch -> its terms. Gradients add up over the parts.

        image [N,3,S,S] in [0,1], beside: what Recipe.beside says. All chance comes from torch's seeded generators.
        """

    @classmethod
    def forward(cls, net: nn.Module, recipe: R) -> object:
        """The generator's way of one sample, on torch's default device, for an estimate of what it costs."""
        side = recipe.data.side
        return net(torch.zeros(1, 3, side, side), torch.zeros(1, 1, side, side))

    def check(self, photos: Photos) -> None:
        """Raise ModelError for photographs that the networks cannot be trained on."""

    def dressed(self, net: nn.Module) -> nn.Module:
        """A network as it is while it trains: normalised, for one."""
        return net

    def player(self, name: str, net: nn.Module) -> Player:
        """The network with its optimiser: AdamW by the recipe."""
        settings = self.recipe.optimiser
        return Player(net, self.scheduled, settings.betas, settings.weight_decay, settings.clip)

    def playing(self, moment: Moment) -> dict[str, Player]:
        """Who learns at this step."""
        return self.players

    def complete(self, net: nn.Module, image: Tensor, beside: Tensor) -> Tensor:
        """The answer of a network in evaluation mode: a composite [N,3,H,W]."""
        raw: Tensor = net(image, beside).float()
        return image * (1 - beside) + raw * beside

    def replay(self, net: nn.Module, image: Tensor, beside: Tensor, number: int) -> None:
        """Show the network batch `number` as it sees them in training, for BatchNorm's statistics."""
        net(image, beside)

    def measure(self, run: Completes) -> tuple[dict[str, float], list[Tensor]]:
        """(measures of the averaged network on held photos, rows of a sheet of pictures)."""
        return validation.measure(run, None)

    def exports(self, net: nn.Module) -> dict[str, Export]:
        """Name -> the files of weights that a run leaves, of the averaged network `net` and what goes with it."""
        return {"ema": Export(self.recipe.system, asdict(self.recipe.network), net.state_dict())}

    @property
    def net(self) -> nn.Module:
        """The generator."""
        return next(iter(self.players.values())).net

    def autocast(self) -> torch.autocast:
        """The recipe's precision."""
        enabled = self.recipe.optimiser.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def scheduled(self, step: int) -> float:
        """The recipe's rate at a step."""
        return learning_rate(self.recipe, step)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then a cosine down to the last rate, or a tenth each so many samples."""
    rate = recipe.optimiser
    warm = min(1.0, (step + 1) / max(rate.warmup, 1))
    if rate.fall_every:
        return warm * rate.rate * float(0.1 ** (step * rate.batch // rate.fall_every))
    wave = (1 + math.cos(math.pi * min(1.0, step / max(recipe.steps, 1)))) / 2
    return warm * (rate.last_rate + (rate.rate - rate.last_rate) * wave)


def backward(
    own: Terms, faces: Sequence[tuple[Tensor, Tensor]], judged: Terms, theirs: Terms, parts: int
) -> None:
    """The gradients of a game in which both sides are judged by the discriminators as they stand before the step.

    own: the generator's terms that no discriminator judges; judged: those that one does, made of the leaves of
    `faces`; faces: what the discriminators are shown (output of the generator, a leaf of the same values); theirs: the
    discriminators' terms. One look at each picture serves both sides: `judged` reaches the generator through the leaves
    alone, so that it moves no discriminator. parts: what all is divided by.
    """
    ends: list[tuple[Tensor, Tensor | None]] = [(_total(own) / parts, None)] if own else []
    if judged:
        pulls = torch.autograd.grad(_total(judged) / parts, [leaf for _, leaf in faces], retain_graph=True)
        ends += zip((shown for shown, _ in faces), pulls, strict=True)
    if theirs:
        (_total(theirs) / parts).backward()  # type: ignore[no-untyped-call]
    if ends:
        torch.autograd.backward([end for end, _ in ends], [gradient for _, gradient in ends])


def face(shown: Tensor) -> tuple[Tensor, Tensor]:
    """What the generator made, and the leaf that discriminators see in its place."""
    return shown, shown.detach().requires_grad_()


def _total(terms: Terms) -> Tensor:
    return torch.stack(list(terms.values())).sum()
