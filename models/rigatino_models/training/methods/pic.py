"""PIC (arXiv 1903.04227): a path that rebuilds the hidden part, one that guesses it, and a critic for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from rigatino_models.pic.critic import Critic
from rigatino_models.pic.losses import Verdicts, Weights, critic_loss, generator_losses
from rigatino_models.pic.net import LEVELS, Pic, PicConfig
from rigatino_models.pic.paths import two_paths
from rigatino_models.pic.spectral import at_rest, normalised
from rigatino_models.training.generator import Export
from rigatino_models.training.method import Method, Moment, Terms, backward, face
from rigatino_models.training.settings import LARGEST, Bounds, Recipe, Rule

LEAST_SIDE = 96  # below it a critic's map of verdicts is empty
GAIN = 0.02  # of the orthogonal weights that a run begins with


@dataclass(frozen=True, kw_only=True)
class PicRecipe(Recipe):
    """network.critic: the widths of both critics."""

    BOUNDS: ClassVar[Bounds] = Recipe.BOUNDS | {"data.side": (LEAST_SIDE, LARGEST)}

    system: Literal["pic"] = "pic"
    network: PicConfig
    losses: Weights = field(default_factory=Weights)

    def rules(self) -> Iterator[Rule]:
        """What must hold of the settings taken together."""
        yield self.multiple_of(2**LEVELS)
        yield from super().rules()
        critic, posterior = self.network.critic, self.network.posterior
        yield "network.critic", critic, bool(critic), "the widths of the critics that training needs"
        yield "network.posterior", posterior, posterior, "true"


class PicMethod(Method[PicRecipe]):
    """PIC's training. Its critics see the raw answers."""

    settings = PicRecipe

    @staticmethod
    def networks(recipe: PicRecipe) -> dict[str, nn.Module]:
        """Encoder and generator, the critic of drawn answers, the one of rebuilt pictures."""
        nets: dict[str, nn.Module] = {
            "generator": Pic(replace(recipe.network, critic=())),
            "critic": Critic(recipe.network.critic),
            "rebuilt_critic": Critic(recipe.network.critic),
        }
        for net in nets.values():
            net.apply(_orthogonal)
        return nets

    def dressed(self, net: nn.Module) -> nn.Module:
        """With spectral normalisation: one step of power iteration each time it is used."""
        return normalised(net)

    def part(self, image: Tensor, beside: Tensor, moment: Moment) -> Terms:
        """Both paths, and what the critics say."""
        critic, rebuilt_critic = (self.players[name].net for name in ("critic", "rebuilt_critic"))
        truth, side = 2 * image - 1, image.shape[-1] >> LEVELS
        eps = torch.randn(2, len(image), self.recipe.network.latent, side, side).to(image.device)
        with self.autocast():
            paths = two_paths(cast(Pic, self.net), image, beside, (eps[0], eps[1]))
            drawn, rebuilt = (face(pictures[-1].float()) for pictures in (paths.drawn, paths.rebuilt))
            verdicts = Verdicts(
                critic(drawn[1]).float(), rebuilt_critic(rebuilt[1]).float(), rebuilt_critic(truth).float()
            )
            theirs = {
                "critic": critic_loss(critic(truth).float(), verdicts.drawn),
                "rebuilt_critic": critic_loss(verdicts.truth, verdicts.rebuilt),
            }
            terms = generator_losses(paths, truth, beside, verdicts, self.recipe.losses)
        judged = {name: term for name, term in terms.items() if name.startswith("adversarial")}
        own = {name: term for name, term in terms.items() if name not in judged}
        backward(own, [drawn, rebuilt], judged, theirs, moment.parts)
        return terms | theirs

    def exports(self, net: nn.Module) -> dict[str, Export]:
        """The network with the critic of drawn answers, which ranks them, normalisation worked in."""
        critic = at_rest(self.players["critic"].net)
        tensors = at_rest(net) | {f"critic.{key}": value for key, value in critic.items()}
        return {"ema": Export("pic", asdict(self.recipe.network), tensors)}


def _orthogonal(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.orthogonal_(layer.weight, GAIN)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
