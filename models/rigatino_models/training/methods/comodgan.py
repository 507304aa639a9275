"""CoModGAN (arXiv 2103.10428): a game alone, no other loss, with holes or image to image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from rigatino_models.comodgan.discriminator import Discriminator
from rigatino_models.comodgan.losses import EVERY, GAMMA, discriminator_loss, lazy_r1
from rigatino_models.comodgan.net import CoModGAN, CoModGANConfig, published
from rigatino_models.data.photos import Beside
from rigatino_models.losses.adversarial import generator_loss
from rigatino_models.training.generator import Export
from rigatino_models.training.method import Method, Moment, Player, Terms, backward, face
from rigatino_models.training.settings import LARGEST, MOST, Bounds, Recipe, Rule

LAZY = 4  # the originals rescale the generator's Adam as if it were regularised every so many steps


@dataclass(frozen=True)
class Adversary:
    """r1: gamma of the penalty, which is taken every `r1_every` steps, times as much then."""

    r1: float = GAMMA
    r1_every: int = EVERY


@dataclass(frozen=True)
class Styles:
    """psi: how far styles are drawn from their mean in training too; decay: of that mean, for each step.

    mixing: probability that a batch's later layers take the styles of a second draw.
    """

    psi: float = 0.5
    decay: float = 0.995
    mixing: float = 0.5


@dataclass(frozen=True, kw_only=True)
class CoModGANRecipe(Recipe):
    """Where network.widths are not given they are the papers' for data.side; data.scales, data.side alone."""

    BOUNDS: ClassVar[Bounds] = Recipe.BOUNDS | {
        "data.side": (8, LARGEST),
        "adversary.r1_every": (1, MOST),
        "styles.mixing": (0, 1),
        "styles.decay": (0, 1),
    }

    system: Literal["comodgan"] = "comodgan"
    network: CoModGANConfig = field(default_factory=CoModGANConfig)
    adversary: Adversary = field(default_factory=Adversary)
    styles: Styles = field(default_factory=Styles)

    @property
    def beside(self) -> Beside:
        """Pairs where a picture is made of another."""
        return "condition" if self.network.image_to_image else "hole"

    @classmethod
    def completed(cls, table: dict[str, Any]) -> dict[str, Any]:
        """With the papers' widths."""
        data, network = table.get("data"), table.setdefault("network", {})
        if isinstance(data, dict) and isinstance(network, dict) and type(side := data.get("side")) is int:
            network.setdefault("widths", list(published(side).widths))
            data.setdefault("scales", [side, side])
        return table

    def rules(self) -> Iterator[Rule]:
        """What must hold of the settings taken together."""
        side = self.network.resolution
        yield "data.side", self.data.side, self.data.side == side, f"{side}, as the network's widths have it"
        yield from super().rules()
        yield "network.average", self.network.average, self.network.average, "true"


class CoModGANMethod(Method[CoModGANRecipe]):
    """CoModGAN's training.

    Both sides are judged by one look at the discriminator as it stands; the originals let it move, and draw anew,
    after the generator's step.
    """

    settings = CoModGANRecipe

    @staticmethod
    def networks(recipe: CoModGANRecipe) -> dict[str, nn.Module]:
        """The generator and its discriminator."""
        alone = replace(recipe.network, critic=False)
        return {"generator": CoModGAN(alone), "discriminator": Discriminator(alone)}

    def player(self, name: str, net: nn.Module) -> Player:
        """Adam, rescaled for what is regularised only now and then (StyleGAN2, arXiv 1912.04958, appendix B)."""
        every = LAZY if name == "generator" else self.recipe.adversary.r1_every
        share, settings = every / (every + 1), self.recipe.optimiser
        first, second = (beta**share for beta in settings.betas)
        groups = [{"params": list(net.parameters()), "share": share}]
        return Player(net, self.scheduled, (first, second), settings.weight_decay, settings.clip, groups)

    def part(self, image: Tensor, beside: Tensor, moment: Moment) -> Terms:
        """Both sides of the game."""
        discriminator, adversary = self.players["discriminator"].net, self.recipe.adversary
        with self.autocast():
            shown, leaf = face(self._answer(cast(CoModGAN, self.net), image, beside))
            fake = discriminator(leaf, beside)
            mine = {"adversarial": generator_loss(fake)}
            penalised = bool(adversary.r1) and moment.step % adversary.r1_every == 0
            with torch.autocast(image.device.type, enabled=False) if penalised else self.autocast():
                watched = image.detach().requires_grad_(penalised)
                real = discriminator(watched, beside)
                theirs = {"discriminator": discriminator_loss(real, fake)}
                if penalised:
                    theirs["r1"] = lazy_r1(real, watched, adversary.r1, adversary.r1_every)
        backward({}, [(shown, leaf)], mine, theirs, moment.parts)
        return mine | theirs

    def _answer(self, net: CoModGAN, image: Tensor, beside: Tensor) -> Tensor:
        """What the discriminator is shown: a composite, or all that was made of the condition."""
        encoded = net.encode(beside if net.config.image_to_image else image, beside)
        raw = net.decode(encoded, self._styles(net, len(image)))
        return raw if net.config.image_to_image else image * (1 - beside) + raw * beside

    def _styles(self, net: CoModGAN, number: int) -> Tensor:
        """Styles [number,layers,W] of two draws, mixed; the first moves the mean."""
        settings, layers = self.recipe.styles, 2 * len(net.config.widths)
        first, second = (net.mapping(net.draw_z(number)).float()[:, None] for _ in range(2))
        with torch.no_grad():
            net.w_avg.lerp_(first.mean((0, 1)), 1 - settings.decay)
        mixes = float(torch.rand(())) < settings.mixing
        cut = int(torch.randint(1, layers, ())) if mixes else layers
        mixed = torch.cat((first.expand(-1, cut, -1), second.expand(-1, layers - cut, -1)), 1)
        return torch.lerp(net.w_avg.expand_as(mixed), mixed, settings.psi)

    def exports(self, net: nn.Module) -> dict[str, Export]:
        """The network and, where it fills holes, the discriminator, which ranks its answers."""
        network, critic = self.recipe.network, self.players["discriminator"].net.state_dict()
        if network.image_to_image:
            return super().exports(net)
        tensors = net.state_dict() | {f"critic.{key}": value for key, value in critic.items()}
        return {"ema": Export("comodgan", asdict(replace(network, critic=True)), tensors)}

    def complete(self, net: nn.Module, image: Tensor, beside: Tensor) -> Tensor:
        """A composite, or all that is made of the condition."""
        if not self.recipe.network.image_to_image:
            return super().complete(net, image, beside)
        raw: Tensor = net(beside, beside)
        return raw
