"""The kinds of messages and their fields; docs/protocol.md is the norm, and a test holds the two together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Optional, Union

from rigatino_wire import fields as f
from rigatino_wire.errors import Failure
from rigatino_wire.records import (
    ITEM_SIZES,
    LARGEST,
    MAX_FRAME,
    MAX_HEADER,
    MAX_MESSAGE,
    MAX_PIXELS,
    Array,
    Buffer,
    Message,
    Record,
    array,
    nbytes,
    nested,
    required,
    rules,
    wrong,
)
from rigatino_wire.region import ContextRule

MAX_CANDIDATES = 12
MAX_LINEAGE = 16  # seeds that name an answer
MAX_PREVIEW = 256  # pixels of a preview's longer side
MAX_NETWORKS = 64
MAX_CLASS = 9999  # the highest number of a class
MAX_CLASSES = 1000  # names of classes in one reply
MAX_PALETTE = 12  # classes that are painted at a time

ID = f.identifier()
ANY_ID = f.text(64)
NAME = f.text(100)
LINE = f.text(1000)
COUNT = f.integer(0, LARGEST)
PLACE = f.pair(f.integer(-LARGEST, LARGEST))
SECONDS = f.number(0, 1e12)
SEED = f.integer(-1, LARGEST)
LINEAGE = f.several(f.integer(0, LARGEST), MAX_LINEAGE)
NEAR = f.several(f.integer(0, LARGEST), MAX_LINEAGE - 1)
SEAM = f.word("auto", "feather", "poisson")
QUALITY = f.word("fast", "balanced", "best")
TASK = f.word("fill", "face", "paint", "transplant")
CLASS = f.integer(0, MAX_CLASS)
BASE = f.integer(-1, MAX_CLASS)
LATENT = f.text(16384)


@dataclass(frozen=True)
class Limits(Record):
    """What the daemon takes: pixels of a region, bytes of a message's arrays, bytes of a frame."""

    op: ClassVar[str] = "limits"
    max_pixels: Annotated[int, f.integer(1, MAX_PIXELS)] = MAX_PIXELS
    max_message: Annotated[int, f.integer(1, MAX_MESSAGE)] = MAX_MESSAGE
    max_frame: Annotated[int, f.integer(1, MAX_FRAME)] = MAX_FRAME


@dataclass(frozen=True)
class NetworkInfo(Record):
    """One network: sizes in pixels; `rule` says how much context to send."""

    op: ClassVar[str] = "network"
    name: Annotated[str, f.text(100, 1)]
    title: Annotated[str, NAME]
    good_for: Annotated[str, f.text(200)]
    licence: Annotated[str, NAME]
    weights_licence: Annotated[str, NAME]
    multiple: Annotated[int, f.integer(1, 4096)]
    minimum: Annotated[int, f.integer(1, 1 << 20)]
    comfortable: Annotated[int, f.integer(1, 1 << 20)]
    rule: Annotated[ContextRule, f.context_rule()]
    stochastic: Annotated[bool, f.boolean()]
    paper: Annotated[str, f.text(200)]


@dataclass(frozen=True)
class Answer(Record):
    """One of a fill's candidates: the seeds that made it, and a critic's score (more is better), if there is one."""

    op: ClassVar[str] = "answer"
    lineage: Annotated[Sequence[int], LINEAGE] = ()
    score: Annotated[Optional[float], f.optional(f.number(-1e12, 1e12))] = None  # noqa: UP045 (Python 3.9)


@dataclass(frozen=True)
class Describe(Message):
    """Asks what the daemon has for a task, and takes; answered by Description."""

    op: ClassVar[str] = "describe"
    id: Annotated[str, ID]
    task: Annotated[str, TASK] = "fill"


@dataclass(frozen=True)
class Classes(Message):
    """Asks for the names of the classes that a network paints; answered by ClassNames."""

    op: ClassVar[str] = "classes"
    id: Annotated[str, ID]
    network: Annotated[str, NAME] = ""


@dataclass(frozen=True)
class Fill(Message):
    """Asks for a fill; answered by Progress at least every half second, then Filled or Failed.

    `image` is RGBA, not premultiplied, sRGB; `hole` is 1 (255) where to fill. `offset` is the place
    (x, y) of the region's upper left corner in the picture. `seed` -1 means a new one. `detail` lets texture of the
    surroundings be copied into an answer that is too smooth. `variety` is the factor on what chance adds, 0 for the
    most likely answer; `near` is the lineage of an answer that new ones are to resemble. `seam` "auto" is the network's
    own where it has one, else "feather". `quality` is how much is spent on holes larger than the network's size.
    """

    op: ClassVar[str] = "fill"
    id: Annotated[str, ID]
    image: Annotated[Array, array("H", "W", 4)]
    hole: Annotated[Array, array("H", "W", 1)]
    offset: Annotated[tuple[int, int], PLACE] = (0, 0)
    network: Annotated[str, NAME] = ""
    grow: Annotated[int, f.integer(0, 1000)] = 4
    feather: Annotated[float, f.number(0, 1000)] = 4.0
    seed: Annotated[int, SEED] = -1
    precision: Annotated[str, f.word("auto", "fp32", "bf16")] = "auto"
    candidates: Annotated[int, f.integer(1, MAX_CANDIDATES)] = 1
    detail: Annotated[bool, f.boolean()] = True
    variety: Annotated[float, f.number(0, 4)] = 1.0
    near: Annotated[Sequence[int], NEAR] = ()
    seam: Annotated[str, SEAM] = "auto"
    quality: Annotated[str, QUALITY] = "balanced"
    deadline_ms: Annotated[int, f.integer(1, 86_400_000)] = 600_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image.shape[:2] != self.hole.shape[:2]:
            raise wrong(self.op, "hole", "an array of the image's height and width")


@dataclass(frozen=True)
class Face(Fill):
    """Asks for the hidden part of a face; answered as Fill is, whose fields it has.

    `eyes` are x, y, x, y of both in the picture, or nothing: then they are looked for. `seam` "auto" is "poisson".
    """

    op: ClassVar[str] = "face"
    eyes: Annotated[Sequence[float], f.several(f.number(-1e9, 1e9), 4)] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.eyes) not in (0, 4):
            raise wrong(self.op, "eyes", "none or 4 numbers")


@dataclass(frozen=True)
class Paint(Message):
    """Asks for other classes in the selected part of a picture; answered as Fill is.

    `hole` is where; there `classes` gives each pixel's number in `palette`, which lists classes. `base` is the class of
    what the picture shows, -1 where it is to be guessed. `strength` 0 leaves the picture as it is. `steps` is how long
    the network looks for the picture; `latent` is what an earlier reply found, to go on from.
    """

    op: ClassVar[str] = "paint"
    id: Annotated[str, ID]
    image: Annotated[Array, array("H", "W", 4)]
    hole: Annotated[Array, array("H", "W", 1)]
    classes: Annotated[Array, array("H", "W", 1)]
    palette: Annotated[Sequence[int], f.several(CLASS, MAX_PALETTE)]
    base: Annotated[int, BASE] = -1
    strength: Annotated[float, f.number(0, 1)] = 1.0
    latent: Annotated[str, LATENT] = ""
    steps: Annotated[int, f.integer(0, 10000)] = 200
    offset: Annotated[tuple[int, int], PLACE] = (0, 0)
    network: Annotated[str, NAME] = ""
    grow: Annotated[int, f.integer(0, 1000)] = 0
    feather: Annotated[float, f.number(0, 1000)] = 4.0
    seed: Annotated[int, SEED] = -1
    precision: Annotated[str, f.word("auto", "fp32", "bf16")] = "auto"
    seam: Annotated[str, SEAM] = "auto"
    deadline_ms: Annotated[int, f.integer(1, 86_400_000)] = 3_600_000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("hole", "classes"):
            if getattr(self, name).shape[:2] != self.image.shape[:2]:
                raise wrong(self.op, name, "an array of the image's height and width")
        if self.classes.dtype != "u8":
            raise wrong(self.op, "classes", "an array of u8")
        if not self.palette:
            raise wrong(self.op, "palette", "at least one class")


@dataclass(frozen=True)
class Transplant(Message):
    """Asks for a part of a reference in the selected part of a picture; answered as Fill is.

    `hole` is where, `reference_hole` what of the reference comes there. `sliders` say how much of it counts, from the
    coarsest features to finer ones. The other fields are those of Paint.
    """

    op: ClassVar[str] = "transplant"
    id: Annotated[str, ID]
    image: Annotated[Array, array("H", "W", 4)]
    hole: Annotated[Array, array("H", "W", 1)]
    reference: Annotated[Array, array("h", "w", 4)]
    reference_hole: Annotated[Array, array("h", "w", 1)]
    sliders: Annotated[Sequence[float], f.exactly(4, f.number(0, 1))] = (1.0, 1.0, 1.0, 1.0)
    base: Annotated[int, BASE] = -1
    latent: Annotated[str, LATENT] = ""
    steps: Annotated[int, f.integer(0, 10000)] = 200
    offset: Annotated[tuple[int, int], PLACE] = (0, 0)
    network: Annotated[str, NAME] = ""
    grow: Annotated[int, f.integer(0, 1000)] = 0
    feather: Annotated[float, f.number(0, 1000)] = 4.0
    seed: Annotated[int, SEED] = -1
    precision: Annotated[str, f.word("auto", "fp32", "bf16")] = "auto"
    seam: Annotated[str, SEAM] = "auto"
    deadline_ms: Annotated[int, f.integer(1, 86_400_000)] = 3_600_000

    def __post_init__(self) -> None:
        super().__post_init__()
        for image, hole in ((self.image, "hole"), (self.reference, "reference_hole")):
            if getattr(self, hole).shape[:2] != image.shape[:2]:
                raise wrong(self.op, hole, "an array of its image's height and width")


@dataclass(frozen=True)
class Cancel(Message):
    """Asks to stop the fill `job`; answered by Done, and the fill itself by Failed (cancelled)."""

    op: ClassVar[str] = "cancel"
    id: Annotated[str, ID]
    job: Annotated[str, ID]


@dataclass(frozen=True)
class Status(Message):
    """Asks how the daemon is; answered by StatusReport."""

    op: ClassVar[str] = "status"
    id: Annotated[str, ID]


@dataclass(frozen=True)
class Stop(Message):
    """Asks the daemon to end; answered by Done."""

    op: ClassVar[str] = "stop"
    id: Annotated[str, ID]


@dataclass(frozen=True)
class Description(Message):
    """The daemon's version, device, networks and limits."""

    op: ClassVar[str] = "description"
    id: Annotated[str, ID]
    version: Annotated[str, NAME]
    device: Annotated[str, NAME]
    precision: Annotated[str, NAME]
    default_network: Annotated[str, NAME]
    networks: Annotated[Sequence[NetworkInfo], f.several(nested(NetworkInfo), MAX_NETWORKS)]
    limits: Annotated[Limits, nested(Limits)]


@dataclass(frozen=True)
class ClassNames(Message):
    """The names of a network's classes, by their numbers from 0; synonyms have commas between them."""

    op: ClassVar[str] = "class_names"
    id: Annotated[str, ID]
    names: Annotated[Sequence[str], f.several(NAME, MAX_CLASSES)]


@dataclass(frozen=True)
class Progress(Message):
    """Where a fill stands: `fraction` of the work done, `position` in the queue (0 = being worked on)."""

    op: ClassVar[str] = "progress"
    id: Annotated[str, ID]
    stage: Annotated[str, f.word("queued", "starting", "loading", "filling")]
    fraction: Annotated[float, f.number(0, 1)] = 0.0
    position: Annotated[int, COUNT] = 0


@dataclass(frozen=True)
class Preview(Message):
    """A candidate that is done: `number` of `count`, from 0, reduced, with some of its surroundings."""

    op: ClassVar[str] = "preview"
    id: Annotated[str, ID]
    image: Annotated[Array, array("H", "W", 4)]
    number: Annotated[int, f.integer(0, MAX_CANDIDATES - 1)]
    count: Annotated[int, f.integer(1, MAX_CANDIDATES)]
    lineage: Annotated[Sequence[int], LINEAGE] = ()


@dataclass(frozen=True)
class Filled(Message):
    """The fill: RGBA candidates at `offset` (picture coordinates), and what ran.

    `weights` is the file's sha256, `scale` network pixels per picture pixel, `seconds` the time by name. `answers` are
    about the candidates, in their order: the best score first, where there are scores. `latent` is what a later edit
    goes on from (base64 of float32), empty for most networks.
    """

    op: ClassVar[str] = "filled"
    id: Annotated[str, ID]
    offset: Annotated[tuple[int, int], PLACE]
    seed: Annotated[int, SEED]
    network: Annotated[str, NAME]
    weights: Annotated[str, NAME]
    scale: Annotated[float, f.number(0, 1000)]
    precision: Annotated[str, NAME]
    device: Annotated[str, NAME]
    fill: Annotated[Array, array("K", "H", "W", 4)]
    answers: Annotated[Sequence[Answer], f.several(nested(Answer), MAX_CANDIDATES)] = ()
    latent: Annotated[str, LATENT] = ""
    notes: Annotated[Sequence[str], f.several(LINE, 20)] = ()
    seconds: Annotated[Mapping[str, float], f.table(SECONDS, 50)] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed(Message):
    """A request that came to nothing; `id` is empty where the request's could not be read."""

    op: ClassVar[str] = "failed"
    id: Annotated[str, ANY_ID]
    failure: Annotated[Failure, f.failure()]


@dataclass(frozen=True)
class StatusReport(Message):
    """How the daemon is: `started` in seconds since 1970, `worker_memory` in bytes, counts of fills."""

    op: ClassVar[str] = "status_report"
    id: Annotated[str, ID]
    version: Annotated[str, NAME]
    pid: Annotated[int, COUNT]
    started: Annotated[float, SECONDS]
    endpoint: Annotated[str, LINE]
    log: Annotated[str, LINE]
    device: Annotated[str, NAME]
    precision: Annotated[str, NAME]
    worker_pid: Annotated[int, COUNT] = 0
    worker_memory: Annotated[int, COUNT] = 0
    resident: Annotated[Sequence[str], f.several(NAME, MAX_NETWORKS)] = ()
    queued: Annotated[int, COUNT] = 0
    running: Annotated[int, COUNT] = 0
    done: Annotated[int, COUNT] = 0


@dataclass(frozen=True)
class Done(Message):
    """Yes."""

    op: ClassVar[str] = "done"
    id: Annotated[str, ID]


REQUESTS: tuple[type[Message], ...] = (Describe, Classes, Fill, Face, Paint, Transplant, Cancel, Status, Stop)
Work = Union[Fill, Face, Paint, Transplant]
WORK = (Fill, Face, Paint, Transplant)  # requests that a worker does, each answered by Filled
REPLIES: tuple[type[Message], ...] = (
    Description, ClassNames, Progress, Preview, Filled, Failed, StatusReport, Done,
)  # fmt: skip
KINDS: Mapping[str, type[Message]] = {kind.op: kind for kind in (*REQUESTS, *REPLIES)}


def array_sizes(kind: type[Message], header: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The arrays that a header announces and their bytes, by arithmetic; ProtocolError for what cannot be."""
    for name in kind.arrays():
        descriptor = header.get(name)
        if not isinstance(descriptor, dict) or set(descriptor) != {"dtype", "shape"}:
            raise wrong(kind.op, name, rules(kind)[name].text)
        yield name, nbytes(descriptor["dtype"], descriptor["shape"])


__all__ = [
    "ITEM_SIZES",
    "KINDS",
    "LARGEST",
    "MAX_CANDIDATES",
    "MAX_CLASS",
    "MAX_CLASSES",
    "MAX_FRAME",
    "MAX_HEADER",
    "MAX_LINEAGE",
    "MAX_MESSAGE",
    "MAX_NETWORKS",
    "MAX_PALETTE",
    "MAX_PIXELS",
    "MAX_PREVIEW",
    "REPLIES",
    "REQUESTS",
    "WORK",
    "Answer",
    "Array",
    "Buffer",
    "Cancel",
    "ClassNames",
    "Classes",
    "Describe",
    "Description",
    "Done",
    "Face",
    "Failed",
    "Fill",
    "Filled",
    "Limits",
    "Message",
    "NetworkInfo",
    "Paint",
    "Preview",
    "Progress",
    "Record",
    "Status",
    "StatusReport",
    "Stop",
    "Transplant",
    "Work",
    "array_sizes",
    "nbytes",
    "required",
    "rules",
]
