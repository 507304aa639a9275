"""What rigatino-fill refuses. tests/gimp/test_refusals.py judges."""

from filling import refused
from gi.repository import Gimp
from host import only_layer, photo, rectangle


def refuse_nothing_selected(case):
    image = photo()
    return refused(image, [only_layer(image)])


def refuse_selection_outside(case):
    image = photo()
    image.resize(3000, 300, 0, 0)
    rectangle(image, 2900, 0, 50, 50)
    return refused(image, [only_layer(image)])


def refuse_everything_selected(case):
    image = photo()
    Gimp.Selection.all(image)
    return refused(image, [only_layer(image)])


def refuse_floating_selection(case):
    image = photo()
    rectangle(image, 150, 100, 60, 50)
    Gimp.Selection.float(image, [only_layer(image)], 5, 5)
    return refused(image, [image.get_floating_sel()])


def refuse_indexed(case):
    image = photo()
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
    rectangle(image, 150, 100, 60, 50)
    return refused(image, [only_layer(image)])


def refuse_two_layers(case):
    image = photo()
    other = only_layer(image).copy()
    image.insert_layer(other, None, 0)
    rectangle(image, 150, 100, 60, 50)
    return refused(image, image.get_layers())


def refuse_no_layer(case):
    image = photo()
    rectangle(image, 150, 100, 60, 50)
    return refused(image, [])


def refuse_a_layer_of_another_image(case):
    image = photo()
    rectangle(image, 150, 100, 60, 50)
    return refused(image, [only_layer(photo())])


def refuse_wrong_values(case):
    image = photo()
    rectangle(image, 150, 100, 60, 50)
    wrong = [
        {"network": "no-such-network"}, {"source": "lair"}, {"result": "msk"}, {"grow": -1}, {"grow": 100000},
        {"feather": -0.5}, {"context": 1e6}, {"seed": -2}, {"candidates": 0},
    ]  # fmt: skip
    return [{"arguments": one, **refused(image, [only_layer(image)], **one)} for one in wrong]


CASES = [value for name, value in list(globals().items()) if name.startswith("refuse_")]
