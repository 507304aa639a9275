"""What the user does, and what breaks, while a fill is under way. tests/gimp/test_waiting.py judges."""

from contextlib import contextmanager

from gi.repository import Gimp
from host import grouped, layer_facts, only_layer, photo, rectangle, state


@contextmanager
def replaced(owner, name, value):
    kept = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)


def before(change):
    """A fill in this process; the user acts while the dialog is open."""
    image, source = _two_layers()
    change(image, source)
    return _filled(image, source)


def during(change):
    """A fill in this process; the user acts when all is read and the daemon is given its work."""
    from rigatino_gimp import daemon

    image, source = _two_layers()
    fill = daemon.fill

    def act_then_fill(request, **watchers):
        change(image, source)
        return fill(request, **watchers)

    with replaced(daemon, "fill", act_then_fill):
        return _filled(image, source)


def asked(change):
    """A fill in this process; the user acts while the daemon, which may have to be started, is asked what it has."""
    from rigatino_gimp import daemon

    image, source = _two_layers()
    describe = daemon.describe

    def act_then_describe(*task):
        change(image, source)
        return describe(*task)

    with replaced(daemon, "describe", act_then_describe):
        return _filled(image, source)


def _two_layers():
    image = photo()
    rectangle(image, 150, 100, 50, 40)
    source, other = only_layer(image), only_layer(image).copy()
    image.insert_layer(other, None, 0)
    image.set_selected_layers([source])
    return image, source


def _filled(image, source):
    from rigatino_gimp.fill import fill
    from rigatino_gimp.request import Settings
    from rigatino_wire.errors import Failure

    facts = {}
    try:
        done = fill(image, [source], Settings(detail=False, context=1.0))
        facts["layer"] = layer_facts(done.layer)
    except Failure as failure:
        facts["code"] = failure.code
    if image.is_valid():
        facts["state"] = state(image)
    return facts


def meanwhile_image_closed_in_the_dialog(case):
    return before(lambda image, source: image.delete())


def meanwhile_layer_removed_in_the_dialog(case):
    return before(lambda image, source: image.remove_layer(source))


def meanwhile_image_closed_as_the_daemon_starts(case):
    return asked(lambda image, source: image.delete())


def meanwhile_layer_removed_as_the_daemon_starts(case):
    return asked(lambda image, source: image.remove_layer(source))


def meanwhile_nothing(case):
    return during(lambda image, source: None)


def meanwhile_image_closed(case):
    return during(lambda image, source: image.delete())


def meanwhile_layer_removed(case):
    return during(lambda image, source: image.remove_layer(source))


def meanwhile_image_converted(case):
    return during(lambda image, source: image.convert_grayscale())


def meanwhile_image_scaled(case):
    return during(lambda image, source: image.scale(200, 150))


def meanwhile_layer_moved(case):
    return during(lambda image, source: source.set_offsets(11, -7))


def meanwhile_canvas_enlarged(case):
    return during(lambda image, source: image.resize(450, 330, 50, 30))


def meanwhile_selection_changed(case):
    return during(lambda image, source: rectangle(image, 0, 0, 9, 9))


def meanwhile_another_layer_chosen(case):
    return during(lambda image, source: image.set_selected_layers([image.get_layers()[0]]))


def meanwhile_layer_grouped(case):
    def change(image, source):
        grouped(image, source)

    return during(change)


def meanwhile_floating_selection(case):
    return during(lambda image, source: Gimp.Selection.float(image, [source], 5, 5))


def meanwhile_precision_changed(case):
    return during(lambda image, source: image.convert_precision(Gimp.Precision.FLOAT_LINEAR))


def _place(image):
    from rigatino_gimp import layers

    rectangle(image, 150, 100, 60, 50)
    return layers.find(image, [only_layer(image)])


def _result(candidates=1, **more):
    from rigatino_gimp import insertion
    from rigatino_gimp.candidates import Part
    from rigatino_wire.region import Box

    part = Part(Box(150, 100, 60, 50), memoryview(bytes([200, 100, 50, 255]) * 3000))
    pictures = [insertion.Picture([part], f"Fill (test) seed {k}", b"{}") for k in range(candidates)]
    return insertion.Result("Fill (test)", part.box, "u8", pictures, masked=True, **more)


def insert_candidates(case):
    from rigatino_gimp import insertion

    image = photo()
    place, selected = _place(image), state(image)["selected"]
    group = insertion.insert(place, _result(candidates=2))
    return {"group": layer_facts(group), "before": selected, "after": state(image)["selected"]}


def broken(change):
    """An insertion in which something breaks: how the image was, is, and what was raised."""
    from rigatino_gimp import insertion

    image = photo()
    place = _place(image)
    image.clean_all()
    before, raised = state(image), None
    with change():
        try:
            insertion.insert(place, _result(candidates=3))
        except Exception as error:
            raised = str(error)
    shown = {layer.get_id() for layer in image.get_layers()}
    ids = range(max(shown), max(shown) + 20)
    left = [one for one in ids if one not in shown and Gimp.Item.id_is_layer(one)]
    facts = {"before": before, "after": state(image), "raised": raised, "left": left}
    # A group of undo steps that was left open would swallow all that follows, and GIMP would tell.
    return {**facts, "closed": bool(image.undo_group_end()) is False}


@contextmanager
def breaks_at(owner, name, count):
    """The call of that number fails, as GIMP's calls do: it returns False."""
    real, calls = getattr(owner, name), []

    def call(*arguments):
        calls.append(arguments)
        return False if len(calls) == count else real(*arguments)

    with replaced(owner, name, call):
        yield


def broken_first_insertion(case):
    return broken(lambda: breaks_at(Gimp.Image, "insert_layer", 1))


def broken_third_insertion(case):
    return broken(lambda: breaks_at(Gimp.Image, "insert_layer", 3))


def broken_pixels(case):
    from rigatino_gimp import pixels

    def fails(*arguments):
        raise MemoryError("no room for pixels")

    return broken(lambda: replaced(pixels, "write", fails))


CASES = [
    value for name, value in list(globals().items()) if name.startswith(("meanwhile_", "insert_", "broken_"))
]
