"""Generative Face Completion (arXiv 1704.05838): a curriculum of three stages."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from rigatino_models.convert import gfc as convert
from rigatino_models.gfc.critics import Critic, global_critic, local_critic
from rigatino_models.gfc.losses import Verdicts, Weights, critic_loss, generator_loss, square
from rigatino_models.gfc.net import Gfc, GfcConfig
from rigatino_models.gfc.spec import SIDE
from rigatino_models.training.method import Method, Moment, Player, Terms, backward, face
from rigatino_models.training.settings import WIDEST, Bounds, Recipe, Rule, moments

log = logging.getLogger(__name__)
LEVELS = 5  # halvings down to the critics' last features, of 4x4


@dataclass(frozen=True)
class Critics:
    """local, overall: channels at full size, half, ... of each; a local critic with fewer sees a smaller square.

    local_start, overall_start: samples before each begins, with the latter the parsing too. rate, betas: of both.
    """

    local: tuple[int, ...] = (64, 128, 256, 512)
    overall: tuple[int, ...] = (32, 64, 128, 256, 512)
    local_start: int = 0
    overall_start: int = 0
    rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)


@dataclass(frozen=True, kw_only=True)
class GfcRecipe(Recipe):
    """parsing_weights: the file of the network that parses faces; without it, that term is left out."""

    BOUNDS: ClassVar[Bounds] = Recipe.BOUNDS | {
        "critics.local": (1, WIDEST),
        "critics.overall": (1, WIDEST),
        "critics.rate": (0, 1),
    }

    system: Literal["gfc"] = "gfc"
    network: GfcConfig = field(default_factory=GfcConfig)
    losses: Weights = field(default_factory=Weights)
    critics: Critics = field(default_factory=Critics)
    parsing_weights: str = ""

    def rules(self) -> Iterator[Rule]:
        """What must hold of the settings taken together."""
        yield "data.side", self.data.side, self.data.side == SIDE, str(SIDE)
        yield from super().rules()
        local, overall = self.critics.local, self.critics.overall
        yield "critics.overall", overall, len(overall) == LEVELS, f"{LEVELS} widths"
        yield "critics.local", local, 1 <= len(local) <= LEVELS, f"1 to {LEVELS} widths"
        yield moments("critics.betas", self.critics.betas)


class GfcMethod(Method[GfcRecipe]):
    """GFC's training. Reconstruction alone; then with the local critic; then with the global one and parsing."""

    settings = GfcRecipe

    def __init__(self, recipe: GfcRecipe, device: torch.device, fresh: bool = True) -> None:
        super().__init__(recipe, device, fresh)
        given = recipe.parsing_weights
        self.parser = convert.parsing(Path(given)).to(device) if given else None
        if not given:
            log.warning("The term “parsing” is left out: parsing_weights names no file.")

    @staticmethod
    def networks(recipe: GfcRecipe) -> dict[str, nn.Module]:
        """The generator and both critics."""
        critics = recipe.critics
        return {
            "generator": Gfc(recipe.network),
            "local_critic": local_critic(critics.local),
            "global_critic": global_critic(critics.overall),
        }

    def player(self, name: str, net: nn.Module) -> Player:
        """The critics keep a rate of their own."""
        if name == "generator":
            return super().player(name, net)
        critics = self.recipe.critics
        return Player(net, lambda step: critics.rate, critics.betas, clip=self.recipe.optimiser.clip)

    def playing(self, moment: Moment) -> dict[str, Player]:
        """Those whose stage has come."""
        critics = self.recipe.critics
        starts = {"local_critic": critics.local_start, "global_critic": critics.overall_start}
        return {k: v for k, v in self.players.items() if moment.samples >= starts.get(k, 0)}

    def part(self, image: Tensor, beside: Tensor, moment: Moment) -> Terms:
        """The terms of the stage."""
        playing = self.playing(moment)
        local, overall = (playing.get(name) for name in ("local_critic", "global_critic"))
        with self.autocast():
            raw = self.net(image, beside).float()
            shown, leaf = face(image * (1 - beside) + raw * beside)
            views = {
                name: _views(player.net, leaf, image, beside)
                for name, player in playing.items()
                if name != "generator"
            }
            verdicts = Verdicts(
                local=views["local_critic"][0] if local else None,
                overall=views["global_critic"][0] if overall else None,
                **(self._parsed(leaf, image) if overall else {}),
            )
            terms = generator_loss(raw, image, beside, verdicts, self.recipe.losses)
            theirs = {name: critic_loss(real, fake) for name, (fake, real) in views.items()}
        own = {"reconstruction": terms["reconstruction"]}
        judged = {name: term for name, term in terms.items() if name not in own}
        backward(own, [(shown, leaf)], judged, theirs, moment.parts)
        return terms | theirs

    def _parsed(self, shown: Tensor, image: Tensor) -> dict[str, Tensor]:
        """What the parser sees in an answer, and which parts it finds in the truth."""
        if self.parser is None:
            return {}
        with torch.no_grad():
            parts = self.parser(image).argmax(1)
        return {"parsing": self.parser(shown).float(), "parts": parts}


def _views(critic: nn.Module, shown: Tensor, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
    """A critic's verdicts on answers and on the truth: on the whole, or the square around the hole."""
    assert isinstance(critic, Critic)
    pictures = (shown, image)
    if critic.side < SIDE:
        pictures = (square(shown, hole, critic.side), square(image, hole, critic.side))
    fake, real = (critic(picture).float() for picture in pictures)
    return fake, real
