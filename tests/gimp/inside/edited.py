"""Classes are painted and parts transplanted, by a small random network. tests/gimp/test_edits.py judges."""

from filling import FLOAT, refused
from gi.repository import Gegl, Gimp
from host import call, dump, dump_visible, layer_facts, only_layer, photo, record, rectangle, reloaded, state

PAINT, TRANSPLANT, REFILL = "rigatino-paint-class", "rigatino-transplant", "rigatino-refill"
QUICK = {"steps": 2, "seed": 7, "base": "0"}
CLASS = {**QUICK, "classes": "3"}
COLOURS = {"ff0000": (0, 120), "0000ff": (120, 200)}  # colour -> the columns that have it


def selected():
    image = photo()
    rectangle(image, 150, 100, 60, 50)
    return image, only_layer(image)


def edited(case, image, drawable, name, hole=None, **arguments):
    """Edits, and leaves what can be judged: the picture before and after, where it was meant, layer and record."""
    image.clean_all()
    facts = {
        "hole": hole or dump(case, "hole", image.get_selection(), "Y u8"),
        "picture": dump_visible(f"{case}-before", image, FLOAT),
        "before": state(image),
    }
    outcome, layer = call(image, [drawable], name, **arguments)
    facts.update(outcome=outcome, after=state(image), filled=dump_visible(case, image, FLOAT))
    if layer is not None:
        facts.update(fill=layer_facts(layer), record=record(layer))
    return facts


def edit_paint(case):
    image, source = selected()
    return edited(case, image, source, PAINT, **CLASS)


def edit_paint_a_little(case):
    image, source = selected()
    return edited(case, image, source, PAINT, **CLASS, strength=0.0)


def edit_paint_again(case):
    """Another class, on the layer that was painted, after saving and loading; what was found is where it goes on."""
    image, source = selected()
    _outcome, first = call(image, [source], PAINT, **CLASS)
    first.set_name("my lion")
    Gimp.Selection.none(image)
    old = {**layer_facts(first), "record": record(first)}
    image = reloaded(image)
    painting = image.get_layers()[0]
    facts = edited(case, image, painting, PAINT, **{**CLASS, "classes": "4", "base": "", "steps": 0})
    return {"old": old, **facts}


def edit_paint_a_map(case):
    """Two classes by the colours of a layer, and nothing selected."""
    image = photo()
    source = only_layer(image)
    drawn = Gimp.Layer.new(image, "map", 200, 80, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(drawn, None, 0)
    drawn.set_offsets(100, 90)
    buffer = drawn.get_buffer()
    for colour, (left, right) in COLOURS.items():
        area = Gegl.Rectangle.new(left, 20, right - left, 40)
        pixel = bytes.fromhex(colour) + b"\xff"
        buffer.set(area, "R'G'B'A u8", pixel * (area.width * area.height))
    buffer.flush()
    drawn.update(0, 0, 200, 80)
    drawn.set_visible(False)
    image.set_selected_layers([source])
    rectangle(image, 100, 110, 200, 40)
    hole = dump(case, "hole", image.get_selection(), "Y u8")
    Gimp.Selection.none(image)
    return edited(case, image, source, PAINT, hole, **QUICK, classes="ff0000=1; 0000ff=3", map=drawn)


def edit_transplant(case):
    """From the selected part of another image."""
    image, source = selected()
    other = photo()
    rectangle(other, 20, 200, 50, 60)
    return edited(case, image, source, TRANSPLANT, **QUICK, reference=only_layer(other))


def edit_transplant_nothing(case):
    image, source = selected()
    sliders = dict.fromkeys(("coarse", "middle", "fine", "finest"), 0.0)
    return edited(case, image, source, TRANSPLANT, **QUICK, **sliders, reference=source)


def edit_refused(case):
    image, source = selected()
    wrong = {
        "classes": (PAINT, {"classes": "walrus"}),
        "map": (PAINT, {"classes": "ff0000=1"}),
        "strength": (PAINT, {**CLASS, "strength": 2.0}),
        "reference": (TRANSPLANT, {}),
        "coarse": (TRANSPLANT, {"coarse": -1.0, "reference": source}),
    }
    return {name: refused(image, [source], *called[:1], **called[1]) for name, called in wrong.items()}


def edit_paint_a_map_that_is_gone(case):
    """The user removes it while the dialog is open."""
    from rigatino_gimp.edit import paint
    from rigatino_gimp.edits import PaintSettings
    from rigatino_wire.errors import Failure

    image, source = selected()
    drawn = source.copy()
    drawn.delete()
    try:
        paint(image, [source], PaintSettings(classes="ff0000=1"), drawn)
    except Failure as failure:
        return {"code": failure.code, "params": failure.params}


def edit_is_no_fill(case):
    image, source = selected()
    _outcome, painting = call(image, [source], PAINT, **CLASS)
    return refused(image, [painting], REFILL)


CASES = [value for name, value in list(globals().items()) if name.startswith("edit_")]
