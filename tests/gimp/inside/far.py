"""Holes that lie far from each other in a large picture. tests/gimp/test_far.py judges."""

from filling import filled
from gi.repository import Gimp
from host import call, layer_facts, only_layer, photo, record, rectangle, reloaded, state
from waiting import replaced

SPECKS = (20, 30, 12, 9), (1550, 1160, 14, 10)


def specks():
    """A picture of 1600 x 1200 with a speck selected in each of two opposite corners."""
    image = photo()
    image.scale(1600, 1200)
    rectangle(image, *SPECKS[0])
    image.select_rectangle(Gimp.ChannelOps.ADD, *SPECKS[1])
    return image, only_layer(image)


def far_specks(case):
    image, source = specks()
    facts = filled(case, image, source, seed=5)
    again = reloaded(image)
    outcome, layer = call(again, [again.get_layers()[0]], "rigatino-refill", seed=5)
    refilled = {"outcome": outcome, "layer": layer_facts(layer), "record": record(layer)}
    return {**facts, "refilled": refilled, "layers": len(again.get_layers())}


def far_specks_as_alpha_of_all_that_is_visible(case):
    image, source = specks()
    image.convert_precision(Gimp.Precision.FLOAT_LINEAR)
    return filled(case, image, source, seed=5, result="alpha", source="visible")


def far_specks_asked_for(case):
    """What goes to the daemon, for both and for each alone; and how far the progress bar is."""
    image, source = specks()
    both = _asked(image, source)
    alone = []
    for speck in SPECKS:
        rectangle(image, *speck)
        alone += _asked(image, source)[0]
    return {"both": both[0], "shown": both[1], "alone": alone}


def _asked(image, source):
    from rigatino_gimp import daemon
    from rigatino_gimp.fill import fill
    from rigatino_gimp.request import Settings

    requests, shown, real = [], [], daemon.fill

    def kept(request, **watchers):
        found = {name: getattr(request, name) for name in ("offset", "seed")}
        found |= {name: bytes(getattr(request, name).view).hex() for name in ("image", "hole")}
        requests.append({**found, "size": request.hole.shape[:2]})
        return real(request, **watchers)

    with replaced(daemon, "fill", kept), replaced(Gimp, "progress_update", shown.append):
        image.remove_layer(fill(image, [source], Settings(seed=5, detail=False)).layer)
    return requests, shown


def far_specks_of_which_one_fails(case):
    from rigatino_gimp import daemon
    from rigatino_gimp.fill import fill
    from rigatino_gimp.request import Settings
    from rigatino_wire.errors import Cancelled

    image, source = specks()
    image.clean_all()
    before, real, asked = state(image), daemon.fill, []

    def fails(request, **watchers):
        asked.append(request.offset)
        if len(asked) > 1:
            raise Cancelled
        return real(request, **watchers)

    raised = ""
    with replaced(daemon, "fill", fails):
        try:
            fill(image, [source], Settings())
        except Cancelled as failure:
            raised = type(failure).__name__
    return {"before": before, "after": state(image), "raised": raised, "asked": asked}


def far_candidates(case):
    """Several candidates are for both at once."""
    image, source = specks()
    outcome, group = call(image, [source], network="comodgan", candidates=2, seed=5, detail=False)
    children = [layer_facts(child) for child in group.get_children()]
    return {"outcome": outcome, "children": children, "region": record(group)["region"]}


CASES = [value for name, value in list(globals().items()) if name.startswith("far_")]
