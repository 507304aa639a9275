"""Candidates of networks with chance, their groups, and more of them. tests/gimp/test_several.py judges."""

import json

from actions import REFILL, told
from filling import refused
from gi.repository import Gimp
from host import ask, call, grouped, layer_facts, only_layer, photo, record, rectangle, reloaded, state
from waiting import breaks_at, replaced

PIC = {"network": "pic", "detail": False}


def filled(image=None, **arguments):
    """An image with a fill of the small PIC: the image, the layer that was filled, what was said, and the fill."""
    image = image or photo()
    rectangle(image, 150, 100, 50, 40)
    source = only_layer(image)
    outcome, fill = call(image, [source], **{**PIC, **arguments})
    assert fill is not None, outcome["error"]
    Gimp.Selection.none(image)
    return image, source, outcome, fill


def candidates(group):
    """Those of a group, from the top, with what they remember."""
    return [{**layer_facts(layer), "record": record(layer)} for layer in group.get_children()]


def refilled(image, layer, /, mode, **arguments):
    """Fills anew: what was said, how the image was before and after, and the fill that stands there now."""
    image.clean_all()
    before = state(image)
    outcome, new = call(image, [layer], REFILL, mode=mode, **arguments)
    top = image.get_layers()[0]
    found = candidates(top) if top.is_group() else []
    return told(image, outcome, new, before=before, group=layer_facts(top), candidates=found)


def several_three(case):
    image = photo()
    rectangle(image, 150, 100, 50, 40)
    source = only_layer(image)
    image.clean_all()
    before = state(image)
    outcome, group = call(image, [source], **PIC, candidates=3, seed=40)
    return told(image, outcome, group, before=before, candidates=candidates(group))


def several_without_a_critic(case):
    _image, _source, _outcome, group = filled(network="comodgan", candidates=3, seed=40)
    return {"candidates": candidates(group)}


def several_one_alone(case):
    """What the ranked ones of `several_three` are to be again."""
    found = {}
    for seed in (40, 41, 42):
        _image, _source, _outcome, fill = filled(seed=seed)
        found[str(seed)] = layer_facts(fill)["pixels"]
    return found


def several_without_variety(case):
    _image, _source, _outcome, group = filled(candidates=2, seed=40, variety=0.0)
    return {"candidates": candidates(group)}


def several_another(case):
    """One more candidate of a group that was saved and loaded; the arguments that it does not heed are others."""
    image, *_, group = filled(candidates=3, seed=40, grow=6)
    old = candidates(group)
    image = reloaded(image)
    chosen = image.get_layers()[0].get_children()[1]
    image.set_selected_layers([chosen])
    return {"old": old, **refilled(image, chosen, "another", seed=99)}


def several_like(case):
    """Two that resemble the second candidate, after saving and loading."""
    image, *_, group = filled(candidates=3, seed=40)
    old = candidates(group)
    image = reloaded(image)
    chosen = image.get_layers()[0].get_children()[1]
    return {"old": old, **refilled(image, chosen, "like", candidates=2, seed=7)}


def several_like_the_one_that_is_seen(case):
    """The group, or the layer that was filled, stands for the candidate that is visible."""
    image, source, _outcome, group = filled(candidates=3, seed=40)
    first, _second, third = group.get_children()
    first.set_visible(False)
    third.set_visible(True)
    lineage = record(third)["answer"]["lineage"]
    return {"lineage": lineage, **refilled(image, source, "like", seed=7)}


def several_of_a_single(case):
    """A fill that is one layer becomes a group, with the looks that the user gave it; it was saved before."""
    image, _source, _outcome, fill = filled(seed=40)
    fill.set_name("my face")
    fill.set_opacity(70)
    image = reloaded(image)
    fill = image.get_layers()[0]
    image.set_selected_layers([fill])
    old = {**layer_facts(fill), "record": record(fill)}
    return {"old": old, **refilled(image, fill, "another", seed=41)}


def several_of_a_single_in_a_group(case):
    image, source, _outcome, fill = filled(seed=40)
    group = grouped(image, fill)
    image.reorder_item(source, group, 1)
    return refilled(image, fill, "another", seed=41)


def several_again(case):
    """The whole of a saved group is made anew, with the same seed."""
    image, *_, group = filled(candidates=3, seed=40)
    old = candidates(group)
    image = reloaded(image)
    group = image.get_layers()[0]
    facts = refilled(image, group.get_children()[2], "replace", **PIC, candidates=3, seed=40)
    return {"old": old, **facts}


def several_of_the_first_version(case):
    """A fill of an earlier Rigatino's, as its record was then."""
    image = photo()
    rectangle(image, 150, 100, 50, 40)
    _outcome, fill = call(image, [only_layer(image)], seed=1, detail=False, context=1.0)
    kept = record(fill)
    kept["version"] = 1
    del kept["answer"], kept["task"], kept["ran"]["latent"]
    for name in ("variety", "seam", "quality"):
        del kept["settings"][name]
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    fill.attach_parasite(Gimp.Parasite.new("rigatino-fill", flags, json.dumps(kept).encode()))
    old = layer_facts(fill)
    image = reloaded(image)
    facts = refilled(image, image.get_layers()[0], "replace", seed=1, detail=False, context=1.0)
    return {"old": old, "version": kept["version"], **facts}


def several_refused(case):
    """A network without chance has no other candidates."""
    image = photo()
    rectangle(image, 150, 100, 50, 40)
    _outcome, fill = call(image, [only_layer(image)], detail=False, context=1.0)
    return [refused(image, [fill], REFILL, mode=mode) for mode in ("another", "like")]


def several_cancelled(case):
    """What GIMP does when its Cancel is clicked."""
    image = photo()
    rectangle(image, 150, 100, 90, 60)
    ask("kill-plug-in")
    return refused(image, [only_layer(image)], **PIC, candidates=3)


def several_broken(case):
    """GIMP fails at each of the steps, one after the other, by which a single fill becomes a group of two."""
    from rigatino_gimp.fill import refill
    from rigatino_gimp.request import Settings

    image, _source, _outcome, fill = filled(seed=40)
    fill.set_opacity(70)
    steps = [
        (Gimp.Image, "insert_layer", 1),
        (Gimp.Image, "reorder_item", 1),
        (Gimp.Image, "insert_layer", 2),
    ]
    found = []
    for step in steps:
        image.clean_all()
        before, raised = state(image), None
        with breaks_at(*step):
            try:
                refill(image, [fill], Settings(seed=41), "another")
            except RuntimeError as error:
                raised = str(error)
        found.append({"before": before, "after": state(image), "raised": raised})
    return found


def several_removed_meanwhile(case):
    """The fill is gone by the time the new candidate is there: it becomes a fill of its own."""
    from rigatino_gimp import daemon
    from rigatino_gimp.fill import refill
    from rigatino_gimp.request import Settings

    image, _source, _outcome, fill = filled(seed=40)
    real = daemon.fill

    def remove_then_fill(request, **watchers):
        image.remove_layer(fill)
        return real(request, **watchers)

    with replaced(daemon, "fill", remove_then_fill):
        done = refill(image, [fill], Settings(seed=41), "another")
    return {"new": layer_facts(done.layer), "after": state(image)}


CASES = [value for name, value in list(globals().items()) if name.startswith("several_")]
