"""LaMa (arXiv 2109.07161), and the bundled small one: weighted terms, and a game that may begin late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from rigatino_models.lama.discriminator import Discriminator
from rigatino_models.lama.net import CAUTION, Lama, LamaConfig
from rigatino_models.training import looks, validation
from rigatino_models.training.adversary import Adversary, Game
from rigatino_models.training.method import Method, Moment, Player, Terms, backward, face
from rigatino_models.training.objective import Losses, Objective
from rigatino_models.training.settings import MOST, SHARES, WIDEST, Bounds, Recipe, Rule, shares
from rigatino_models.training.validation import Completes


@dataclass(frozen=True, kw_only=True)
class LamaRecipe(Recipe):
    """looks: the shares of steps whose pictures the network sees at once, after the averaged network's own answer at
    half their size, after one that began at a quarter, and so on.
    """

    BOUNDS: ClassVar[Bounds] = Recipe.BOUNDS | {
        "adversary.r1_every": (1, MOST),
        "adversary.width": (1, WIDEST),
        "adversary.layers": (1, 16),
        "adversary.rate": (0, 1),
    }

    system: Literal["lama"] = "lama"
    network: LamaConfig
    looks: tuple[float, ...] = (1.0,)
    losses: Losses = field(default_factory=Losses)
    adversary: Adversary = field(default_factory=Adversary)

    def rules(self) -> Iterator[Rule]:
        """What must hold of the settings taken together."""
        looks, side, multiple = self.looks, self.data.side, 2**self.network.downs
        first = multiple << max(0, len(looks) - 1)
        several = len(looks) > 1
        fit = f"so few that data.side, {side}, halved, stays a multiple of {multiple} from {2 * multiple} on"
        yield self.multiple_of(multiple)
        yield from super().rules()
        yield "looks", looks, shares(looks), SHARES
        prefilled = not several or self.network.prefill
        yield "looks", looks, prefilled, "one alone where network.prefill is false"
        yield "looks", looks, not several or (side % first == 0 and side >= 2 * first), fit


class LamaMethod(Method[LamaRecipe]):
    """LaMa's training."""

    settings = LamaRecipe

    def __init__(self, recipe: LamaRecipe, device: torch.device, fresh: bool = True) -> None:
        super().__init__(recipe, device, fresh)
        self.objective = Objective(recipe.losses).to(device)
        rival = self.players.get("discriminator")
        self.game = Game(recipe.adversary, rival.net) if rival else None

    @staticmethod
    def networks(recipe: LamaRecipe) -> dict[str, nn.Module]:
        """The generator, and where the recipe has a game, its discriminator."""
        nets: dict[str, nn.Module] = {"generator": Lama(recipe.network)}
        if recipe.adversary.plays:
            nets["discriminator"] = Discriminator(recipe.adversary.width, recipe.adversary.layers)
        return nets

    def player(self, name: str, net: nn.Module) -> Player:
        """The discriminator keeps its rate."""
        settings, rate = self.recipe.optimiser, self.recipe.adversary.rate
        if name == "discriminator":
            return Player(net, lambda step: rate, settings.betas, clip=settings.clip)
        groups = parameter_groups(cast(Lama, net))
        return Player(net, self.scheduled, settings.betas, settings.weight_decay, settings.clip, groups)

    def playing(self, moment: Moment) -> dict[str, Player]:
        """The discriminator from its beginning on."""
        return {k: v for k, v in self.players.items() if self._begun(moment) or k != "discriminator"}

    def part(self, image: Tensor, beside: Tensor, moment: Moment) -> Terms:
        """The recipe's terms, and both sides of the game once it is on."""
        hole, game = beside, self.game if self._begun(moment) else None
        mine: Terms = {}
        theirs: Terms = {}
        faces = []
        with self.autocast():
            count = looks.halvings(self.recipe.looks, self.recipe.seed + moment.step)
            coarse = looks.coarse_answer(self.average.net, image, hole, count)
            raw = self.net(image, hole, None, coarse).float()
            result = image * (1 - hole) + raw * hole
            terms: Terms = self.objective(raw, result, image, hole)
            if game:
                faces = [face(result if game.settings.shown == "composite" else raw)]
                mine, theirs = game.play(faces[0][1], image, hole, moment.step)
        backward(terms, faces, mine, theirs, moment.parts)
        return terms | mine | theirs

    def complete(self, net: nn.Module, image: Tensor, beside: Tensor) -> Tensor:
        """The composite after all looks."""
        coarse = looks.coarse_answer(net, image, beside, len(self.recipe.looks) - 1)
        raw: Tensor = net(image, beside, None, coarse).float()
        return image * (1 - beside) + raw * beside

    def replay(self, net: nn.Module, image: Tensor, beside: Tensor, number: int) -> None:
        """With an answer of the averaged network to begin with."""
        count = looks.halvings(self.recipe.looks, number)
        net(image, beside, None, looks.coarse_answer(self.average.net, image, beside, count))

    def _begun(self, moment: Moment) -> bool:
        return moment.samples >= self.recipe.adversary.start

    def measure(self, run: Completes) -> tuple[dict[str, float], list[Tensor]]:
        """With the perceptual distance, if the recipe has one."""
        return validation.measure(run, self.objective.perceptual)


def parameter_groups(net: Lama) -> list[dict[str, Any]]:
    """All parameters at the full rate; where the net corrects a first guess, its last layer moves slower."""
    last = next(layer for layer in reversed(net.model) if isinstance(layer, nn.Conv2d))
    slow = list(last.parameters()) if net.config.prefill else []
    names = {id(parameter) for parameter in slow}
    rest = [parameter for parameter in net.parameters() if id(parameter) not in names]
    return [{"params": rest, "share": 1.0}, {"params": slow, "share": 1 / CAUTION}]
