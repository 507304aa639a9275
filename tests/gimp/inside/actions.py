"""Fill Again, Repeat and Re-fill, and what becomes of a fill meanwhile. tests/gimp/test_actions.py judges."""

from filling import refused, seen
from gi.repository import Gimp
from host import SHARE, call, grouped, layer_facts, only_layer, photo, record, rectangle, reloaded, state

QUICK = {"detail": False, "context": 1.0}
AGAIN, REFILL = "rigatino-fill-again", "rigatino-refill"
LAST = Gimp.RunMode.WITH_LAST_VALS


def first(case="", image=None, **arguments):
    """An image with one fill: the image, the layer that was filled, and the fill."""
    image = image or photo()
    rectangle(image, 150, 100, 50, 40)
    source = only_layer(image)
    outcome, fill = call(image, [source], **{**QUICK, "seed": 1, **arguments})
    assert fill is not None, outcome["error"]
    Gimp.Selection.none(image)
    return image, source, fill


def told(image, outcome, new, **more):
    facts = {"outcome": outcome, "after": state(image), **more}
    if new is not None:
        facts.update(new=layer_facts(new), record=record(new))
    return facts


def refilled(image, drawable, **arguments):
    """Re-fills, and tells how the image was before and after."""
    image.clean_all()
    before = state(image)
    outcome, new = call(image, [drawable], REFILL, **{**QUICK, **arguments})
    return told(image, outcome, new, before=before)


def act_again_without_last_settings(case):
    image = photo()
    rectangle(image, 150, 100, 50, 40)
    outcome, new = call(image, [only_layer(image)], AGAIN)
    return told(image, outcome, new)


def act_again_refused(case):
    image = photo()
    return refused(image, [only_layer(image)], AGAIN)


def act_repeat_with_the_fill_active(case):
    """Repeat, after the user has clicked on the fill: the picture is filled, not the fill."""
    image, source, fill = first()
    rectangle(image, 190, 100, 50, 40)
    image.set_selected_layers([fill])
    outcome, new = call(image, [fill], run_mode=LAST)
    return told(image, outcome, new, source=source.get_name(), tattoo=source.get_tattoo())


def act_second_fill(case):
    """The next fill lies above the first, and its network saw the first."""
    from rigatino_gimp import layers, pictures
    from rigatino_wire.region import Box

    image, source, fill = first()
    fill.set_opacity(60)
    rectangle(image, 180, 100, 50, 40)
    place = layers.find(image, [source])
    region = Box(100, 60, 180, 130)
    (SHARE / "out" / f"{case}-read.raw").write_bytes(pictures.read(place, region))
    image.set_selected_layers([source])
    facts = seen(case, image, source)
    return {**facts, "region": region, "read": {"size": [180, 130], "file": f"{case}-read.raw"}}


def act_hidden_fill_is_not_seen(case):
    from rigatino_gimp import layers, pictures, pixels
    from rigatino_wire.region import Box

    image, source, fill = first()
    fill.set_visible(False)
    rectangle(image, 180, 100, 50, 40)
    region = Box(100, 60, 180, 130)
    read = pictures.read(layers.find(image, [source]), region)
    return {"same": read == pixels.read(source.get_buffer(), region, "R'G'B'A u8", "u8")}


def act_fill_whose_source_is_gone(case):
    """It is a layer like others then."""
    image, source, fill = first()
    image.remove_layer(source)
    x, y = fill.get_offsets()[1:]
    rectangle(image, x + 10, y + 10, 10, 10)
    outcome, new = call(image, [fill], **QUICK)
    return told(image, outcome, new, tattoo=fill.get_tattoo())


def refill_replaces(case):
    """What the user made of the old fill stays: place, name, looks. The selection is another one by now."""
    image, source, fill = first()
    above = source.copy()
    above.set_name("above")
    above.set_visible(False)
    image.insert_layer(above, None, 0)
    fill.set_name("my sky")
    fill.set_visible(False)
    fill.set_opacity(70)
    rectangle(image, 10, 10, 20, 20)
    image.set_selected_layers([fill])
    return {"old": record(fill), **refilled(image, fill, seed=2)}


def refill_keeps_the_networks_name(case):
    image, _source, fill = first()
    return refilled(image, fill)


def refill_adds(case):
    image, _source, fill = first()
    return refilled(image, fill, mode="add", grow=9)


def refill_from_the_source(case):
    image, source, _fill = first()
    return refilled(image, source)


def refill_the_same(case):
    """The same seed and settings give the same pixels: nothing of the old fill was seen."""
    image, _source, fill = first()
    return {"old": layer_facts(fill), **refilled(image, fill, seed=1)}


def refill_of_visible(case):
    image, _source, fill = first(source="visible")
    return {"old": layer_facts(fill), **refilled(image, fill, seed=1, source="visible")}


def refill_after_the_source_was_moved(case):
    image, source, fill = first()
    source.set_offsets(20, -10)
    return {"old": layer_facts(fill), **refilled(image, fill, seed=1)}


def refill_in_another_group(case):
    """The source lies in a group by now, under another name; the fill stays where it is."""
    image, source, fill = first()
    grouped(image, source)
    source.set_name("renamed")
    return {"old": layer_facts(fill), **refilled(image, fill, seed=1)}


def refill_after_cropping(case):
    image, _source, fill = first()
    x, y = fill.get_offsets()[1:]
    image.crop(300, 200, 90, 60)
    return {"old": [x - 90, y - 60], "size": layer_facts(fill)["size"], **refilled(image, fill)}


def refill_in_a_duplicate(case):
    image, source, fill = first()
    copy = image.duplicate()
    fill = copy.get_layers()[0]
    facts = {"old": layer_facts(fill), "numbers": [source.get_tattoo(), copy.get_layers()[1].get_tattoo()]}
    return {**facts, **refilled(copy, fill, seed=1)}


def refill_after_saving_and_loading(case):
    image, _source, fill = first()
    old = layer_facts(fill)
    image = reloaded(image)
    return {"old": old, **refilled(image, image.get_layers()[0], seed=1)}


def refill_of_a_copy(case):
    image, _source, fill = first()
    copy = fill.copy()
    image.insert_layer(copy, None, 0)
    fill.set_visible(False)
    return {"old": layer_facts(fill), **refilled(image, copy, seed=1)}


def _candidates(image, source):
    """Two candidates, as a network that knows chance would make them."""
    from rigatino_gimp import insertion, layers
    from rigatino_gimp.candidates import Part
    from rigatino_gimp.record import Hole, Record, Source, encode
    from rigatino_gimp.request import Settings
    from rigatino_wire.region import Box

    rectangle(image, 150, 100, 60, 50)
    place, box = layers.find(image, [source]), Box(150, 100, 60, 50)
    kept = Record(
        Settings(), Source(source.get_tattoo(), source.get_name(), (0, 0), (400, 300)), box,
        Hole(box, "u8", bytes([255]) * 3000), box, {"network": "test"},
    )  # fmt: skip
    part = Part(box, memoryview(bytes([200, 100, 50, 255]) * 3000))
    pictures = [insertion.Picture([part], f"Fill (test) seed {k}", encode(kept, k)) for k in range(2)]
    result = insertion.Result("Fill (test)", box, "u8", pictures, masked=True)
    group = insertion.insert(place, result)
    Gimp.Selection.none(image)
    return group


def refill_of_a_candidate(case):
    """The whole of the group is what is replaced."""
    image = photo()
    group = _candidates(image, only_layer(image))
    group.set_mode(Gimp.LayerMode.PASS_THROUGH)  # which the single layer that replaces it cannot have
    candidate = group.get_children()[1]
    image.set_selected_layers([candidate])
    return refilled(image, candidate)


def refill_of_a_group_of_candidates(case):
    image = photo()
    return refilled(image, _candidates(image, only_layer(image)), mode="add")


def not_refill_no_fill(case):
    image = photo()
    return refused(image, [only_layer(image)], REFILL)


def not_refill_source_gone(case):
    image, source, fill = first()
    image.remove_layer(source)
    return refused(image, [fill], REFILL)


def not_refill_source_scaled(case):
    image, _source, fill = first()
    image.scale(200, 150)
    return refused(image, [fill], REFILL)


def not_refill_unreadable(case):
    image, _source, fill = first()
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    fill.attach_parasite(Gimp.Parasite.new("rigatino-fill", flags, b'{"version": 99}'))
    return refused(image, [fill], REFILL)


def not_refill_wrong_mode(case):
    image, _source, fill = first()
    return refused(image, [fill], REFILL, mode="both")


def not_refill_indexed(case):
    image, _source, fill = first()
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
    return refused(image, [fill], REFILL)


CASES = [
    value for name, value in list(globals().items()) if name.startswith(("act_", "refill_", "not_refill_"))
]
