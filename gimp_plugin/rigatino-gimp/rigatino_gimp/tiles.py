"""Candidates as they are shown: small pictures in a grid, the best first, one of them chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

from gi.repository import GdkPixbuf, Gtk

from rigatino_gimp import texts
from rigatino_gimp.candidates import Candidate
from rigatino_gimp.preview import CHECKS, OPAQUE, pixbuf
from rigatino_wire.messages import Answer, Preview

SIDE = 192  # pixels of a picture's longer side
COLUMNS = 4

Lineage = Sequence[int]


class Tile:
    """One candidate. `made` is the candidate itself, once it is at hand at its full size."""

    def __init__(self, number: int, lineage: Lineage) -> None:
        self._number = number
        self.made: Candidate | None = None
        self._picture = Gtk.Image(icon_name="image-loading")
        self._picture.set_size_request(SIDE, SIDE)
        self._words = Gtk.Label(label=texts.candidate(Answer(lineage)), justify=Gtk.Justification.CENTER)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, border_width=6)
        box.pack_start(self._picture, False, False, 0)
        box.pack_start(self._words, False, False, 0)
        self.child = Gtk.FlowBoxChild()
        self.child.add(box)
        self.child.show_all()

    def show(self, preview: Preview) -> None:
        """Shows the reduced picture that the daemon has sent."""
        height, width, _ = preview.image.shape
        scale = min(SIDE / max(width, height), 1.0)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        seen = pixbuf(bytes(preview.image.view), width, height, 4)
        self._picture.set_from_pixbuf(
            seen.composite_color_simple(*size, GdkPixbuf.InterpType.BILINEAR, OPAQUE, *CHECKS)
        )

    def finish(self, made: Candidate) -> None:
        """The candidate itself has come, and with it its score."""
        self.made = made
        self._words.set_text(texts.candidate(made.answer))

    @property
    def rank(self) -> tuple[bool, float, int]:
        """Smaller is better: by score where there is one, else as they came; last what is not at hand yet."""
        score = self.made.answer.score if self.made is not None else None
        return self.made is None, -(score or 0.0), self._number


class Tiles:
    """The grid. `changed` is called when another one is chosen, `taken` when the user takes it at once."""

    def __init__(self, changed: Callable[[], object], taken: Callable[[], object]) -> None:
        self._tiles: dict[Lineage, Tile] = {}
        self._grid = Gtk.FlowBox(max_children_per_line=COLUMNS, homogeneous=True, valign=Gtk.Align.START)
        self._grid.set_activate_on_single_click(False)
        self._grid.set_sort_func(self._order)
        self._grid.connect("selected-children-changed", lambda _: changed())
        self._grid.connect("child-activated", lambda *_: taken())
        self.widget = Gtk.ScrolledWindow(
            hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN
        )
        self.widget.add(self._grid)

    def __len__(self) -> int:
        return len(self._tiles)

    def show(self, preview: Preview) -> None:
        """A candidate is done; its pixels come later."""
        self._tile(preview.lineage).show(preview)

    def finish(self, made: Sequence[Candidate]) -> None:
        """Candidates have come; without a choice of the user's so far, the first of them is chosen."""
        for candidate in made:
            self._tile(candidate.answer.lineage).finish(candidate)
        self._grid.invalidate_sort()
        if self.chosen is None:
            self._grid.select_child(self._tile(made[0].answer.lineage).child)

    def drop(self) -> None:
        """What is not at hand will not come any more."""
        for lineage, tile in list(self._tiles.items()):
            if tile.made is None:
                self._grid.remove(tile.child)
                del self._tiles[lineage]

    @property
    def nbytes(self) -> int:
        """How much memory the candidates take."""
        return sum(one.nbytes for one in self.ordered())

    @property
    def chosen(self) -> Candidate | None:
        """The chosen candidate, as soon as it is at hand."""
        selected = self._grid.get_selected_children()
        return self._of(selected[0]).made if selected else None

    def ordered(self) -> list[Candidate]:
        """All that are at hand, the chosen one first, then the best."""
        ranked = sorted(self._tiles.values(), key=lambda tile: tile.rank)
        ranked.sort(key=lambda tile: not tile.child.is_selected())
        return [tile.made for tile in ranked if tile.made is not None]

    def _tile(self, lineage: Lineage) -> Tile:
        if lineage not in self._tiles:
            self._tiles[lineage] = Tile(len(self._tiles), lineage)
            self._grid.add(self._tiles[lineage].child)
        return self._tiles[lineage]

    def _of(self, child: Gtk.FlowBoxChild) -> Tile:
        return next(tile for tile in self._tiles.values() if tile.child == child)

    def _order(self, one: Gtk.FlowBoxChild, other: Gtk.FlowBoxChild, *_: Any) -> int:
        first, second = self._of(one).rank, self._of(other).rank
        return (first > second) - (first < second)
