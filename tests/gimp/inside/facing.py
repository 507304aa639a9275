"""rigatino-face: eyes that are found, marked and given. tests/gimp/test_face.py judges."""

from gi.repository import Gimp
from host import call, dump, layer_facts, only_layer, photo, record, rectangle, state

FACE = "rigatino-face"
EYES = (151.3, 75.3, 185.7, 77.5)
GIVEN = "151.3, 75.3, 185.7, 77.5"


def portrait():
    """A photo with a face, its mouth selected."""
    image = photo("face.png")
    rectangle(image, 145, 98, 40, 24)
    return image, only_layer(image)


def path(image, *points):
    """A path through these points, as clicks make it."""
    drawn = Gimp.Path.new(image, "eyes")
    image.insert_path(drawn, None, 0)
    values = [value for point in points for value in point * 3]
    drawn.stroke_new_from_points(Gimp.PathStrokeType.BEZIER, values, False)
    return drawn


def face_given(case):
    image, layer = portrait()
    before = state(image)
    result, new = call(image, [layer], FACE, eyes=GIVEN, seed=4)
    facts = {"result": result, "before": before, "layer": layer_facts(new), "record": record(new)}
    facts["source"] = dump(case, "source", layer)
    facts["fill"] = dump(case, "fill", new)
    facts["mask"] = dump(case, "mask", new.get_mask(), "Y u8")
    again, anew = call(image, [new], FACE, seed=9)
    facts["again"] = {
        "result": again,
        "record": record(anew),
        "layers": [layer_facts(one) for one in image.get_layers()],
    }
    layer.set_offsets(10, 5)
    _, moved = call(image, [anew], FACE, seed=9)
    facts["moved"] = record(moved)
    return facts


def face_marked(case):
    """The same eyes by a path, by guides, and found: what each fill remembers of them."""
    facts = {}
    for way in ("path", "guides", "found"):
        image, layer = portrait()
        if way == "path":
            image.set_selected_paths([path(image, EYES[:2], EYES[2:])])
        if way == "guides":
            image.add_vguide(151)
            image.add_vguide(186)
            image.add_hguide(76)
        result, new = call(image, [layer], FACE, seed=4)
        facts[way] = {"result": result, "eyes": record(new)["settings"]["eyes"] if new is not None else None}
    image, layer = portrait()
    path(image, (1, 2), (30, 40), (50, 60))  # three points mark no eyes
    facts["other path"] = call(image, [layer], FACE, seed=4)[0]
    return facts


def face_candidates(case):
    image, layer = portrait()
    _, new = call(image, [layer], FACE, eyes=GIVEN, seed=4, candidates=3)
    return {"group": layer_facts(new), "record": record(new)}


def face_refused(case):
    facts = {}
    for name, eyes in {
        "outside": "1, 2, 3000, 4",
        "close": "100, 100, 101, 101",
        "words": "left and right",
    }.items():
        image, layer = portrait()
        before = state(image)
        facts[name] = call(image, [layer], FACE, eyes=eyes)[0] | {"same": state(image) == before}
    image, layer = portrait()
    rectangle(image, 10, 330, 20, 20)
    facts["no face"] = call(image, [layer], FACE)[0]
    return facts


CASES = [face_given, face_marked, face_candidates, face_refused]
