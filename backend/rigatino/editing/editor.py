"""Painting and transplanting, from request to reply: find the picture in the network, change it there, bring the
change back."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor

from rigatino import compose, weights
from rigatino.compose import Floats
from rigatino.editing import latents
from rigatino.editing.latents import Found, Latents
from rigatino.editing.view import View, around, matching
from rigatino.exchange import Clock, Meter, Region, Report, floats, laid_out, packed, read, region
from rigatino.failures import translated
from rigatino.poisson import blend
from rigatino.pool import Loaded, Pool
from rigatino.seams import CLOSE, VISIBLE
from rigatino_models.collage.editing import blend_maps, class_maps
from rigatino_models.collage.net import Collage
from rigatino_models.collage.projection import beginning, likeliest, project
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Answer, Filled, Paint, Transplant
from rigatino_wire.texts import NOTES

Edit = Paint | Transplant
Tick = Callable[[], None]
KEPT = 64  # projections that are remembered
SHARES = {"projection": 0.9, "edit": 0.05, "seam": 0.05}  # of the progress


@dataclass(frozen=True)
class Scene:
    """A request's region with the network that works on it: what it sees there [1,3,S,S], what may change [H,W]."""

    loaded: Loaded
    region: Region
    alpha: Floats
    view: View
    photo: Tensor

    @property
    def net(self) -> Collage:
        return cast(Collage, self.loaded.inpainter.net)

    @property
    def device(self) -> torch.device:
        return self.loaded.device


class Editor:
    """Remembers where pictures were found, by their content."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._found: OrderedDict[tuple[int, bytes, int], Tensor] = OrderedDict()

    def edit(self, request: Edit, report: Report) -> Filled:
        """Do what a request asks for. report(stage, fraction) is called at every step; it may raise to stop.

        Raises Failure hole_empty, no_network, unknown_network, bad_setting, and what loading weights can raise.
        """
        clock = Clock()
        with translated():
            scene = self._scene(request, report)
            clock.lap("load")
            seed = request.seed if request.seed >= 0 else secrets.randbelow(2**31)
            work = Work(self, scene, request, seed, meter(request, report))
            found, before, after = work.painted() if isinstance(request, Paint) else work.transplanted()
            clock.lap("network")
            share = work.meter.shares("seam", 1)[0]
            offset, fill = laid_out(request.image.dtype, *changed(scene, request, before, after, share))
            share(1.0)
            clock.lap("compose")
        return Filled(
            id=request.id,
            offset=(request.offset[0] + offset.x, request.offset[1] + offset.y),
            seed=seed,
            network=scene.loaded.spec.name,
            weights=scene.loaded.sha256,
            scale=scene.view.scale,
            precision=scene.loaded.precision,
            device=str(self.pool.device),
            fill=packed(fill[None], request.image.dtype),
            answers=[Answer((seed,))],
            latent=latents.text(found),
            notes=[] if scene.net.discriminator else [NOTES["pixels_alone"]],
            seconds=clock.seconds(),
        )

    def _scene(self, request: Edit, report: Report) -> Scene:
        seen = read(request)
        if not (seen.selection > 0).any():
            raise Failure("hole_empty")
        seen = seen.toned(seen.visible >= VISIBLE)
        name = weights.for_task(request.network, request.op, self.pool.settings.data_dir).spec.name
        report("loading", 0.0)
        loaded = self.pool.get(name, request.precision)
        alpha = compose.seam(seen.selection, request.grow, request.feather)
        height, width = alpha.shape
        view = around(compose.bounds(alpha > 0), width, height, loaded.spec.native)
        photo = view.seen(plain(seen), loaded.device).clamp(0, 1)
        return Scene(loaded, seen, alpha, view, photo)

    def projection(self, scene: Scene, photo: Tensor, search: Search) -> Tensor:
        """The latent [1,latent] of a photograph; the one that was found before, if it was looked for like this."""
        key = (search.mark, search.start.cpu().numpy().tobytes(), search.steps)
        if key not in self._found:
            found = project(scene.net, photo, search.base, search.start, search.steps, search.told)
            self._found[key] = found.z.cpu()
        self._found.move_to_end(key)
        while len(self._found) > KEPT:
            self._found.popitem(last=False)
        return self._found[key].to(scene.device)


@dataclass(frozen=True)
class Search:
    """How a latent is looked for: in what (its mark), as which class, from where [1,latent], for how many steps, and
    what is told of these."""

    mark: int
    base: int
    start: Tensor
    steps: int
    told: Callable[[int, int], None]


class Work:
    """One request on its way: the network's picture before and after the change."""

    def __init__(self, editor: Editor, scene: Scene, request: Edit, seed: int, meter: Meter) -> None:
        self.editor, self.scene, self.request, self.seed, self.meter = editor, scene, request, seed, meter
        self.net, self.config = scene.net, scene.net.config
        self.given = latents.read(request.latent, self.config.latent, self.config.classes)
        self.base = self._base()

    def painted(self) -> tuple[Latents, Tensor, Tensor]:
        """What was found, and the pictures [1,3,S,S] as they were and as they are painted."""
        request = cast(Paint, self.request)
        palette = [self._known("palette", number) for number in request.palette]
        found = self._found(0, self.scene.photo)
        areas = torch.cat([self._seen(area) for area in self._areas(request)]).squeeze(1).clamp(0, 1)
        looks = class_maps(areas, palette, self.base, request.strength, self.config.map_sides)
        with torch.no_grad():
            before, after = self._counted(
                lambda tick: self.net.picture(found.z, self._uniform, tick),
                lambda tick: self.net.picture(found.z, looks, tick),
            )
        return Latents(self.base, [found]), before, after

    def transplanted(self) -> tuple[Latents, Tensor, Tensor]:
        """What was found of picture and reference, and the pictures [1,3,S,S] before and after."""
        request = cast(Transplant, self.request)
        found = self._found(0, self.scene.photo)
        other = self._found(1, self._reference(request))
        mask = self._seen(self.scene.region.selection)[0, 0].clamp(0, 1)
        blends = blend_maps(mask, request.sliders, self.config.blend_sides)
        with torch.no_grad():
            before, after = self._counted(
                lambda tick: self.net.picture(found.z, self._uniform, tick),
                lambda tick: self.net.collage([found.z, other.z], self._uniform, blends, tick),
            )
        return Latents(self.base, [found, other]), before, after

    @property
    def _uniform(self) -> Sequence[Tensor]:
        return cast(Sequence[Tensor], self.net.uniform(torch.tensor([self.base], device=self.scene.device)))

    def _base(self) -> int:
        """The class of what the picture shows: as asked for, as it was before, or guessed. Raises Failure."""
        if self.request.base >= 0:
            return self._known("base", self.request.base)
        if self._before(0, self._mark(self.scene.photo, self.given.base)):
            return self.given.base
        tick = partial(self.meter.report, "filling", 0.0)
        guess = likeliest(self.net, self.scene.photo, tick)
        if guess is None:
            expected = "the number of a class: this network has no discriminator to guess it with"
            raise Failure("bad_setting", name="base", value="-1", expected=expected)
        return guess

    def _known(self, name: str, number: int) -> int:
        if number >= self.config.classes:
            expected = f"classes from 0 to {self.config.classes - 1}"
            raise Failure("bad_setting", name=name, value=str(number), expected=expected)
        return number

    def _found(self, number: int, photo: Tensor) -> Found:
        """The latent of the picture (0) or the reference (1): from where an earlier edit of it came to, or new."""
        told = self.meter.steps("projection", number + 1)[number]
        mark, steps = self._mark(photo, self.base), self.request.steps
        before = self._before(number, mark)
        if before is None:
            z, done = self._beginning(number, photo), 0
        else:
            z, done = before.z.to(self.scene.device), before.steps
        left = max(0, steps - done)
        if left:
            z = self.editor.projection(self.scene, photo, Search(mark, self.base, z, left, told))
        told(1, 1)
        return Found(z, mark, done + left)

    def _before(self, number: int, mark: int) -> Found | None:
        """What an earlier edit found, if it looked for the same."""
        return next((found for found in self.given.found[number : number + 1] if found.mark == mark), None)

    def _mark(self, photo: Tensor, base: int) -> int:
        return latents.mark(self.scene.loaded.sha256, photo, base)

    def _beginning(self, number: int, photo: Tensor) -> Tensor:
        """The encoder's word; for networks without one, a latent of the prior."""
        generator = torch.Generator().manual_seed(self.seed + number)
        drawn = torch.randn(1, self.config.latent, generator=generator)
        return beginning(self.net, photo, self.base, drawn.to(self.scene.device))

    def _areas(self, request: Paint) -> Iterator[Floats]:
        """[H,W] for each class of the palette: how much of it is selected. Raises Failure bad_setting."""
        numbers = np.frombuffer(request.classes.view, np.uint8).reshape(request.classes.shape)[..., 0]
        selection = self.scene.region.selection
        if (numbers[selection > 0] >= len(request.palette)).any():
            expected = f"numbers below {len(request.palette)} wherever something is selected"
            raise Failure("bad_setting", name="classes", value=str(numbers.max()), expected=expected)
        return (np.where(numbers == k, selection, 0).astype(np.float32) for k in range(len(request.palette)))

    def _reference(self, request: Transplant) -> Tensor:
        """What the network sees of the reference: its marked part at the hole's place, at the hole's size."""
        image, marked = floats(request.reference), floats(request.reference_hole)[..., 0]
        reference = region(image, marked)
        reference = reference.toned(reference.visible >= VISIBLE)
        hole = compose.bounds(self.scene.region.selection > 0)
        height, width = marked.shape
        view = matching(self.scene.view, hole, compose.bounds(marked > 0), width, height)
        return view.seen(plain(reference), self.scene.device).clamp(0, 1)

    def _seen(self, mask: Floats) -> Tensor:
        return self.scene.view.seen(mask[..., None], self.scene.device)

    def _counted(self, *makings: Callable[[Tick], Tensor]) -> list[Tensor]:
        """What these make, each telling the blocks of the generator."""
        blocks = len(self.config.generator) - 1
        total = blocks * len(makings)
        step = self.meter.steps("edit", 1)[0]
        made = []
        for number, make in enumerate(makings):
            done = iter(range(number * blocks + 1, total + 1))
            made.append(make(lambda done=done: step(next(done), total)))  # type: ignore[misc]
        return made


def meter(request: Edit, report: Report) -> Meter:
    """The progress of a request's parts."""
    projections = 1 if isinstance(request, Paint) else 2
    shares = {f"projection {number}": SHARES["projection"] / projections for number in range(projections)}
    return Meter(report, **shares, **{f"{name} 0": SHARES[name] for name in ("edit", "seam")})


def changed(
    scene: Scene, request: Edit, before: Tensor, after: Tensor, progress: Callable[[float], None]
) -> tuple[Floats, Floats]:
    """The region [H,W,3] with what changed, and the opacity [H,W] with which it is laid over the picture.

    What changes is added to the picture; with seam "poisson", the network's picture itself is continued from the rim.
    Where the picture is transparent it stands alone.
    """
    region, visible = scene.region, scene.region.visible >= VISIBLE
    if torch.equal(before, after):
        return region.light, scene.alpha
    made = scene.view.back(after).clip(0, 1)
    if request.seam == "poisson":
        hole = compose.hole_for_network(region.selection, request.grow)
        known = visible & ~hole
        drawn = blend(region.rgb, made, hole, known, tolerance=CLOSE, progress=progress)
        return region.tones.meant(drawn.clip(0, 1)), hole.astype(np.float32)
    added = region.rgb + scene.view.back(after - before)
    painted = np.where(visible[..., None], added, made).clip(0, 1).astype(np.float32)
    return region.tones.meant(painted), scene.alpha


def plain(region: Region) -> Floats:
    """The region's colours [H,W,3], their mean where nothing is visible."""
    visible = region.visible >= VISIBLE
    if visible.all() or not visible.any():
        return region.rgb
    return np.where(visible[..., None], region.rgb, region.rgb[visible].mean(0)).astype(np.float32)
