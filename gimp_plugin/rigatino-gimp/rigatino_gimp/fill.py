"""The way of one fill: read, ask the daemon, insert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, NamedTuple, Optional
from uuid import uuid4

from gi.repository import Gimp

from rigatino_gimp import (
    candidates,
    daemon,
    fills,
    holes,
    insertion,
    keeping,
    layers,
    pictures,
    pixels,
    planes,
    request,
)
from rigatino_gimp.candidates import Candidate
from rigatino_gimp.layers import Place
from rigatino_gimp.request import JOINING, Seen, Settings
from rigatino_wire import several
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Description, Fill, Filled
from rigatino_wire.several import Whole

# Has the user choose among a request's candidates, and returns those to insert, the one to be seen first.
Choose = Optional[Callable[[Fill], Sequence[Candidate]]]


class Done(NamedTuple):
    """The new layer (a group of several candidates), and what the user should know of it."""

    layer: Gimp.Layer
    notes: Sequence[str]


def fill(
    image: Gimp.Image, drawables: Sequence[Gimp.Drawable], settings: Settings, choose: Choose = None
) -> Done:
    """Fills what is marked and inserts the result. `choose` is asked where there are several candidates.

    Raises Failure; the image is then as it was.
    """
    request.check(settings)
    return _fill(layers.find(image, drawables), settings, "add", choose)


def refill(
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    settings: Settings,
    mode: str,
    choose: Choose = None,
) -> Done:
    """Fills the hole of a fill once more, and inserts the result as one of `request.MODES` says.

    What joins the candidates of a fill is made with that fill's settings; of `settings` seed and count hold.
    Raises Failure; the image is then as it was.
    """
    request.check(settings)
    request.check_mode(mode)
    place = layers.find_again(image, drawables)
    near: Sequence[int] = ()
    if mode in JOINING:
        kept: Any = fills.remembered(place.candidate)
        settings = kept.settings._replace(seed=settings.seed, candidates=settings.candidates)
        request.check(settings)
        near = kept.answer.lineage if mode == "like" else ()
    return _fill(place, settings, mode, choose, near)


def _fill(place: Place, settings: Settings, mode: str, choose: Choose, near: Sequence[int] = ()) -> Done:
    """Fills a place; `near` is the lineage of the answer that new ones are to resemble."""
    daemon.start_progress()
    description = daemon.describe()
    stochastic = _by_chance(settings, mode, description)
    count = settings.candidates if stochastic else 1
    # Several candidates are for all holes together: each is ranked by all that it fills.
    seen = _seen(place, settings, description, count, apart=count == 1)
    then = keeping.before(place, *(one.box for one in seen))
    messages = [request.like(request.message(uuid4().hex, settings, one), near) for one in seen]
    if choose is not None and stochastic and settings.candidates > 1:
        found = choose(messages[0])
    else:
        found = candidates.of(*several.ask(messages, _fill_one))
    remembered = [keeping.remembered(then, settings, one) for one in found]
    result = keeping.result(place, found, remembered, mode)
    return Done(insertion.insert(place, result), keeping.notes(found))


def _fill_one(message: Fill, whole: Whole) -> Filled:
    return daemon.fill(message, whole=whole)


def _seen(place: Place, settings: Settings, description: Description, count: int, apart: bool) -> list[Seen]:
    """What is sent for so many fills: `apart`, a region for each group of near holes, as long as each of these shows
    something by itself; else one. Raises Failure where that cannot be."""
    frame, depth = place.frame(settings.source), pixels.depth(place.image)
    parts = holes.apart(place.hole, place.selection, depth) if apart else [place.selection]
    regions = request.regions(parts, frame, settings, description)
    if settings.source == "layer" and len(regions) == 1 and regions[0].intersect(place.box).empty:
        raise Failure("selection_outside")
    for region in regions:
        request.check_answers(place.selection.intersect(region), count, depth.dtype, description)
    seen = pictures.all_seen(place, settings.source, regions)
    if len(seen) > 1 and not all(planes.tells(one.image, one.dtype) for one in seen):
        return _seen(place, settings, description, count, apart=False)
    return seen


def _by_chance(settings: Settings, mode: str, description: Description) -> bool:
    """Whether the network has several answers; Failure one_answer where it has not, and others are asked for."""
    info = request.network(description, settings.network)
    if mode in JOINING and not info.stochastic:
        raise Failure("one_answer", network=info.name)
    return info.stochastic
