"""How opaque a fill will be, at the size of a preview: rows of pixels as whole numbers, one bit for each.

GIMP's Python has no numpy; a row that is shifted at once is quick enough to follow a slider.
"""

from __future__ import annotations

from math import isqrt

OPAQUE = 255
STEPS = 6  # of the fade: what a preview can show, and with the core 7 bits of a byte
_SELECTED = bytes(ord("0") + (value >= 128) for value in range(256))  # by half or more
_BIT = bytes(value == ord("1") for value in range(256))


def seam(selection: bytes, width: int, grow: float, feather: float) -> bytes:
    """The fill's opacity (0 to 255) for a selection (likewise, row by row), as the daemon will make it.

    Opaque where half or more is selected and `grow` pixels around, then fading over `feather` pixels; nowhere
    fainter than the selection. Pixels are the preview's: `grow` and `feather` may be fractions.
    """
    core = _rows(selection, width)
    steps = max(1, min(STEPS, int(feather))) if feather else 0
    reached = 0  # bit k of a pixel's byte: it lies within the k-th of the growing outlines
    for step in range(steps + 1):
        outline = _grown(core, width, grow + feather * step / max(1, steps))
        reached |= int.from_bytes(_pixels(outline, width), "big") << step
    fade = reached.to_bytes(len(selection), "big").translate(_levels(steps))
    return bytes(map(max, fade, selection))


def _levels(steps: int) -> bytes:
    """The opacity for each set of outlines that a pixel lies in: the innermost one counts."""
    level = [_smooth(1 - step / (steps + 1)) for step in range(steps + 1)]
    innermost = [(bits & -bits).bit_length() - 1 for bits in range(256)]
    return bytes(level[step] if 0 <= step <= steps else 0 for step in innermost)


def _smooth(fraction: float) -> int:
    return round(OPAQUE * fraction * fraction * (3 - 2 * fraction))


def _rows(selection: bytes, width: int) -> list[int]:
    bits = selection.translate(_SELECTED)
    return [int(bits[start : start + width], 2) for start in range(0, len(bits), width)]


def _pixels(rows: list[int], width: int) -> bytes:
    """The rows as bytes, 1 for a set bit."""
    return "".join(format(row, f"0{width}b") for row in rows).encode().translate(_BIT)


def _grown(rows: list[int], width: int, radius: float) -> list[int]:
    """The rows with all bits set that lie within `radius` of a set one."""
    grown = list(rows)
    for dy in range(int(radius) + 1):
        spread = isqrt(int(radius * radius - dy * dy))
        for y, row in enumerate(rows):
            if row:
                wide = _spread(row, spread) & ((1 << width) - 1)
                for other in (y - dy, y + dy):
                    if 0 <= other < len(rows):
                        grown[other] |= wide
    return grown


def _spread(row: int, by: int) -> int:
    """The row with every set bit widened by so many to both sides."""
    row <<= by
    done, wanted = 1, 2 * by + 1  # bits that a single one has become, and shall become
    while done < wanted:
        step = min(done, wanted - done)
        row |= row >> step
        done += step
    return row
