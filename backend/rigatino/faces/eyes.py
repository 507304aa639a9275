"""The two eyes of the face that a hole is in: as given, or found by OpenCV's cascades, which come with its package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigatino.compose import Bools, Floats
from rigatino.faces.alignment import Alignment, Eyes
from rigatino_wire.errors import Failure
from rigatino_wire.region import Box

LEAST = 12.0  # pixels between the eyes; nearer than that there is no face to speak of
LOOKED_AT = 640  # longer side of the picture in which faces are looked for
SMALLEST = 24  # pixels of a face in it
TILTS = (0, -30, 30)  # degrees; a cascade knows upright faces
IN_FACE = ((0.285, 0.37), (0.715, 0.37))  # where eyes are in a cascade's face, in shares of its box
APART = (0.25, 0.6)  # of a face's width
LEVEL = 0.12  # of a face's width: how much higher one eye may be

Gray = NDArray[np.uint8]
Spot = tuple[float, float]  # x, y
Found = tuple[Eyes, bool]  # a face's eyes; whether they are seen, or only where most faces have them


def given(places: Sequence[float], offset: tuple[int, int], size: tuple[int, int]) -> Eyes:
    """Both eyes from x, y, x, y in the picture, as places in a region of this size (height, width) at this offset.

    Raises Failure eyes_outside, eyes_close.
    """
    height, width = size
    x1, y1, x2, y2 = places
    corner = complex(*offset)
    eyes = complex(x1, y1) - corner, complex(x2, y2) - corner
    if any(not (0 <= eye.real <= width and 0 <= eye.imag <= height) for eye in eyes):
        raise Failure("eyes_outside")
    apart = abs(eyes[1] - eyes[0])
    if apart < LEAST:
        raise Failure("eyes_close", apart=round(apart, 1), least=LEAST)
    return eyes


def found(rgb: Floats, hole: Bools) -> Eyes:
    """Both eyes of the face, in rgb [H,W,3] in [0,1], that holds most of a hole [H,W]. Raises Failure no_detector,
    no_face.

    Where none holds any, or none with eyes that are seen, tilted ones are looked for.
    """
    shrink = min(1.0, LOOKED_AT / max(rgb.shape[:2]))
    guessed: list[Eyes] = []
    for faces in Detector().faces(_gray(rgb, shrink)):
        holding = [
            (held, eyes, seen) for eyes, seen in _enlarged(faces, shrink) if (held := _held(hole, eyes))
        ]
        if not holding:
            continue
        _, eyes, seen = max(holding, key=lambda face: face[0])
        if seen:
            return eyes
        guessed.append(eyes)
    if not guessed:
        raise Failure("no_face")
    return guessed[0]


class Detector:
    """OpenCV's cascades for faces and eyes (Viola and Jones 2001). Raises Failure no_detector without the package."""

    def __init__(self) -> None:
        try:
            import cv2
            from cv2.data import haarcascades

            self.cv2: Any = cv2
            self.face, self.eye = (
                cv2.CascadeClassifier(f"{haarcascades}haarcascade_{name}.xml")
                for name in ("frontalface_alt2", "eye")
            )
        except (ImportError, AttributeError) as error:  # from version 5 on OpenCV has no cascades
            raise Failure("no_detector", package="opencv-python-headless") from error

    def faces(self, gray: Gray) -> Iterator[list[Found]]:
        """The eyes of each face, and whether they are seen: of upright faces, then of those with each tilt."""
        for tilt in TILTS:
            turned, back = self._turned(gray, tilt)
            yield [
                ((complex(*back @ [*left, 1]), complex(*back @ [*right, 1])), seen)
                for left, right, seen in self._upright(turned)
            ]

    def _turned(self, gray: Gray, degrees: float) -> tuple[Gray, NDArray[np.float64]]:
        """The whole picture turned about its middle, and the matrix [2,3] that leads back."""
        if not degrees:
            return gray, np.eye(2, 3)
        height, width = gray.shape
        matrix = self.cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
        cos, sin = np.abs(matrix[0, :2])
        size = (ceil(cos * width + sin * height), ceil(sin * width + cos * height))
        matrix[:, 2] += (np.array(size) - (width, height)) / 2
        turned: Gray = self.cv2.warpAffine(gray, matrix, size)
        return turned, self.cv2.invertAffineTransform(matrix)

    def _upright(self, gray: Gray) -> Iterator[tuple[Spot, Spot, bool]]:
        """Both eyes of each face, and whether they are seen; if not, they are where most faces have them."""
        for x, y, side, _ in self.face.detectMultiScale(gray, 1.1, 4, minSize=(SMALLEST, SMALLEST)):
            seen = self._eyes(gray[y : y + side * 6 // 10, x : x + side], side)
            first, second = seen or ((u * side, v * side) for u, v in IN_FACE)
            yield (x + first[0], y + first[1]), (x + second[0], y + second[1]), bool(seen)

    def _eyes(self, upper: Gray, side: int) -> list[Spot]:
        """Two eyes in a face's upper part that may be a pair, left one first; else none."""
        larger = self.cv2.resize(upper, None, fx=200 / side, fy=200 / side)
        boxes = self.eye.detectMultiScale(larger, 1.05, 4, minSize=(30, 30))
        middles = sorted(((x + w / 2) * side / 200, (y + h / 2) * side / 200) for x, y, w, h in boxes)
        pairs = [(a, b) for k, a in enumerate(middles) for b in middles[k + 1 :] if _are_pair(a, b, side)]
        wanted = np.array(IN_FACE) * side
        return list(min(pairs, key=lambda pair: np.abs(np.array(pair) - wanted).sum())) if pairs else []


def _are_pair(left: Spot, right: Spot, side: int) -> bool:
    across, down = (right[0] - left[0]) / side, abs(right[1] - left[1]) / side
    return APART[0] <= across <= APART[1] and down <= LEVEL


def _enlarged(faces: Sequence[Found], shrink: float) -> Iterator[Found]:
    """The faces in the picture as it was before it was made smaller; but for those that are too small."""
    for (left, right), seen in faces:
        if abs(right - left) >= LEAST * shrink:
            yield (left / shrink, right / shrink), seen


def _held(hole: Bools, eyes: Eyes) -> int:
    """Pixels of the hole in the box of the face with these eyes."""
    shown = Alignment.of(eyes).box().intersect(Box(0, 0, hole.shape[1], hole.shape[0]))
    return int(hole[shown.y : shown.bottom, shown.x : shown.right].sum())


def _gray(rgb: Floats, shrink: float) -> Gray:
    """Brightness [h,w], reduced."""
    from PIL import Image

    whole = Image.fromarray((rgb * 255 + 0.5).astype(np.uint8)).convert("L")
    size = (max(1, round(whole.width * shrink)), max(1, round(whole.height * shrink)))
    return np.asarray(whole.resize(size, Image.Resampling.BOX))
