"""Neural Collage (arXiv 1811.10153): generator and discriminator as SNGAN has them, then an encoder for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from rigatino_models.collage.discriminator import Discriminator
from rigatino_models.collage.losses import (
    discriminator_loss,
    encoder_loss,
    generator_loss,
    likeness,
    normalised,
)
from rigatino_models.collage.net import Collage, CollageConfig
from rigatino_models.convert.collage import are_names
from rigatino_models.convert.weights import read
from rigatino_models.data.photos import Beside, Photos
from rigatino_models.layers.spectral import at_rest
from rigatino_models.metrics.patches import sliced_wasserstein
from rigatino_models.training import validation
from rigatino_models.training.generator import Export
from rigatino_models.training.method import Method, Moment, Player, Terms, backward, face
from rigatino_models.training.settings import MOST, Bounds, Recipe, Rule, wrong
from rigatino_models.training.validation import Completes

PARTS = ("generator", "discriminator", "encoder", "auxiliary")
TEACHER = ("generator", "discriminator")  # of the encoder


@dataclass(frozen=True, kw_only=True)
class CollageRecipe(Recipe):
    """learns: what the run is for, the generator with its discriminator or the encoder; teacher: for the encoder, the
    file of the other two.

    every: steps of the discriminator for one of the generator.
    """

    BOUNDS: ClassVar[Bounds] = Recipe.BOUNDS | {"every": (1, MOST)}

    system: Literal["collage"] = "collage"
    network: CollageConfig
    learns: Literal["generator", "encoder"] = "generator"
    teacher: str = ""
    every: int = 5

    @property
    def beside(self) -> Beside:
        """The folder that a photograph lies in is its class."""
        return "class"

    def rules(self) -> Iterator[Rule]:
        """What must hold of the settings taken together."""
        network, side = self.network, self.network.side
        yield "network.generator", network.generator, bool(network.generator), "widths"
        yield "network.discriminator", network.discriminator, bool(network.discriminator), "widths"
        named = not network.names or are_names(network.names, network.classes)
        yield "network.names", network.names, named, "one for each class, or none"
        yield (
            "data.side",
            self.data.side,
            self.data.side == side,
            f"{side}, as the generator's widths have it",
        )
        yield from super().rules()
        if self.learns == "encoder":
            yield "network.encoder", network.encoder, bool(network.encoder), "widths"
            yield "teacher", self.teacher, bool(self.teacher), "a file of generator and discriminator"


class _CollageMethod(Method[CollageRecipe]):
    """What both runs have in common."""

    settings = CollageRecipe
    names: tuple[str, ...] = ()

    @classmethod
    def chosen(cls, recipe: CollageRecipe) -> type[Method[CollageRecipe]]:
        """The one that trains what the recipe is for."""
        return GameMethod if recipe.learns == "generator" else EncoderMethod

    def check(self, photos: Photos) -> None:
        """Every folder needs a class; where there are as many, and no other names, it gives it its name if it can."""
        found, network = max(photos.classes) + 1, self.recipe.network
        if found > network.classes:
            expected = f"{found} or more, for the photographs lie in so many folders"
            raise wrong("network.classes", network.classes, expected)
        named = are_names(photos.folders, network.classes)
        self.names = network.names or (tuple(photos.folders) if named else ())


class GameMethod(_CollageMethod):
    """Generator against discriminator, with the hinge loss. Fakes are of classes drawn alike."""

    @staticmethod
    def networks(recipe: CollageRecipe) -> dict[str, nn.Module]:
        """Generator and discriminator."""
        rival = Collage(_only(recipe.network, "discriminator")).discriminator
        assert rival is not None
        return {"generator": Collage(_only(recipe.network, "generator")), "discriminator": rival}

    @classmethod
    def forward(cls, net: nn.Module, recipe: CollageRecipe) -> object:
        """One picture."""
        return net(torch.zeros(1, recipe.network.latent), torch.zeros(1, dtype=torch.long))

    def dressed(self, net: nn.Module) -> nn.Module:
        """The discriminator with spectral normalisation."""
        return normalised(net) if isinstance(net, Discriminator) else net

    def playing(self, moment: Moment) -> dict[str, Player]:
        """The generator now and then."""
        due = moment.step % self.recipe.every == 0
        return {k: v for k, v in self.players.items() if due or k == "discriminator"}

    def part(self, image: Tensor, beside: Tensor, moment: Moment) -> Terms:
        """The discriminator's terms, and the generator's where it moves."""
        due, config = "generator" in self.playing(moment), self.recipe.network
        discriminator = self.players["discriminator"].net
        labels = torch.randint(config.classes, (len(image),)).to(image.device)
        z = torch.randn(len(image), config.latent).to(image.device)
        with self.autocast():
            with torch.set_grad_enabled(due):
                shown, leaf = face(2 * self.net(z, labels) - 1)
            fake = discriminator(leaf, labels)
            theirs = {"discriminator": discriminator_loss(discriminator(2 * image - 1, beside), fake)}
            judged = {"adversarial": generator_loss(fake)} if due else {}
        backward({}, [(shown, leaf)], judged, theirs, moment.parts)
        return judged | theirs

    def complete(self, net: nn.Module, image: Tensor, beside: Tensor) -> Tensor:
        """Pictures of the same classes, of latents that are the same each time."""
        made: Tensor = net(self._latents(len(image), 0).to(image.device), beside)
        return made

    def replay(self, net: nn.Module, image: Tensor, beside: Tensor, number: int) -> None:
        """Pictures of the classes of batch `number`."""
        net(self._latents(len(image), number).to(image.device), beside)

    def measure(self, run: Completes) -> tuple[dict[str, float], list[Tensor]]:
        """How far the small patches of what is made are from those of held photographs; both as a sheet."""
        pairs = [(run.complete(image, beside), image) for image, beside in validation.fixed(run)]
        made, true = (torch.cat(pictures) for pictures in zip(*pairs, strict=True))
        strips = [_strip(pictures) for pictures in (made, true)]
        distance = sliced_wasserstein(strips[0], strips[1], torch.ones(strips[0].shape[:2]).numpy())
        columns = validation.COLUMNS
        return {"held_patches": round(distance, 6)}, [made[:columns], true[:columns]]

    def exports(self, net: nn.Module) -> dict[str, Export]:
        """One file of both."""
        rival = at_rest(self.players["discriminator"].net)
        tensors = net.state_dict() | {f"discriminator.{key}": value for key, value in rival.items()}
        config = replace(_only(self.recipe.network, *TEACHER), names=self.names)
        return {"ema": Export("collage", asdict(config), tensors)}

    def _latents(self, number: int, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(number, self.recipe.network.latent, generator=generator)


class EncoderMethod(_CollageMethod):
    """An encoder whose latents' pictures look to the discriminator like the photographs."""

    def __init__(self, recipe: CollageRecipe, device: torch.device, fresh: bool = True) -> None:
        super().__init__(recipe, device, fresh)
        self.weights = read(Path(recipe.teacher))
        teacher = self.weights.network()
        wanted = _only(recipe.network, *TEACHER)
        if (
            not isinstance(teacher, Collage)
            or _only(replace(teacher.config, names=wanted.names), *TEACHER) != wanted
        ):
            raise wrong("teacher", recipe.teacher, "a generator and a discriminator as [network] has them")
        self.teacher: Collage = teacher.to(device).requires_grad_(False)

    @staticmethod
    def networks(recipe: CollageRecipe) -> dict[str, nn.Module]:
        """The encoder alone."""
        return {"encoder": Collage(_only(recipe.network, "encoder"))}

    def check(self, photos: Photos) -> None:
        """As a collage's; where the teacher's classes have names, they are the same ones in the same order."""
        super().check(photos)
        if self.teacher.config.names not in ((), self.names):
            raise wrong("teacher", self.recipe.teacher, "one whose classes are the photographs' folders")

    @classmethod
    def forward(cls, net: nn.Module, recipe: CollageRecipe) -> object:
        """One latent."""
        side = recipe.network.encoder_side
        return _encoder(net)(torch.zeros(1, 3, side, side), torch.zeros(1, dtype=torch.long))

    def part(self, image: Tensor, beside: Tensor, moment: Moment) -> Terms:
        """The likeness of features, negative."""
        with self.autocast():
            terms = {"encoder": encoder_loss(*self._features(self.net, image, beside))}
        backward(terms, [], {}, {}, moment.parts)
        return terms

    def complete(self, net: nn.Module, image: Tensor, beside: Tensor) -> Tensor:
        """The pictures of the encoder's latents."""
        made: Tensor = self.teacher(self._latents(net, image, beside), beside)
        return made

    def replay(self, net: nn.Module, image: Tensor, beside: Tensor, number: int) -> None:
        """Encode the batch."""
        self._latents(net, image, beside)

    def measure(self, run: Completes) -> tuple[dict[str, float], list[Tensor]]:
        """How alike the features of held photographs and of their projections are; both as a sheet."""
        found, rows = [], []
        for image, beside in validation.fixed(run):
            made = run.complete(image, beside)
            features = (self._seen(picture.to(self.device)) for picture in (made, image))
            found.append(float(likeness(*features)))
            rows += [image[: validation.COLUMNS], made[: validation.COLUMNS]]
        return {"held_likeness": round(sum(found) / len(found), 6)}, rows[:4]

    def exports(self, net: nn.Module) -> dict[str, Export]:
        """One file of teacher and encoder."""
        config = replace(self.teacher.config, encoder=self.recipe.network.encoder)
        tensors = {k: v for k, v in self.weights.tensors.items() if not k.startswith("encoder.")}
        return {"ema": Export("collage", asdict(config), tensors | net.state_dict())}

    def _features(self, net: nn.Module, image: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        made = self.teacher(self._latents(net, image, labels), labels)
        with torch.no_grad():
            wanted = self._seen(image)
        assert self.teacher.discriminator is not None
        return self.teacher.discriminator.features(2 * made - 1), wanted

    @torch.no_grad()
    def _seen(self, image: Tensor) -> Tensor:
        assert self.teacher.discriminator is not None
        return self.teacher.discriminator.features(2 * image - 1)

    def _latents(self, net: nn.Module, image: Tensor, labels: Tensor) -> Tensor:
        side = self.recipe.network.encoder_side
        small = F.interpolate(image, (side, side), mode="area")
        latents: Tensor = _encoder(net)(2 * small - 1, labels)
        return latents


def _encoder(net: nn.Module) -> nn.Module:
    assert isinstance(net, Collage)
    assert net.encoder is not None
    return net.encoder


def _only(config: CollageConfig, *parts: str) -> CollageConfig:
    """The configuration without its other parts."""
    gone: dict[str, Any] = {part: () for part in PARTS if part not in parts}
    return replace(config, **gone)


def _strip(pictures: Tensor) -> NDArray[np.uint8]:
    """Pictures [N,3,S,S] in [0,1] below each other, [N*S,S,3] bytes."""
    return (pictures.clamp(0, 1) * 255 + 0.5).byte().permute(0, 2, 3, 1).flatten(0, 1).numpy()
