"""The eyes that the user has marked: by a path of two points, or where guides cross twice."""

from __future__ import annotations

from gi.repository import Gimp

Point = tuple[float, float]


def marked(image: Gimp.Image) -> tuple[float, ...]:
    """x, y, x, y in the picture, of the selected path, else of the topmost one, else of guides; nothing without."""
    for path in image.get_selected_paths() or image.get_paths()[:1]:
        points = _anchors(path)
        if len(points) == 2:
            return (*points[0], *points[1])
    crossings = _crossings(image)
    return (*crossings[0], *crossings[1]) if len(crossings) == 2 else ()


def _anchors(path: Gimp.Path) -> list[Point]:
    """The points that were clicked; each stands in a stroke between its two handles."""
    found = []
    for stroke in path.get_strokes():
        _, values, _ = path.stroke_get_points(stroke)
        found += [(values[at], values[at + 1]) for at in range(2, len(values), 6)]
    return found


def _crossings(image: Gimp.Image) -> list[Point]:
    """Where vertical guides cross horizontal ones."""
    across: list[float] = []
    down: list[float] = []
    guide = image.find_next_guide(0)
    while guide:
        vertical = image.get_guide_orientation(guide) == Gimp.OrientationType.VERTICAL
        (across if vertical else down).append(float(image.get_guide_position(guide)))
        guide = image.find_next_guide(guide)
    return [(x, y) for x in across for y in down]
