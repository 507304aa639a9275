"""The kinds of messages and their fields; docs/protocol.md is the norm, and a test holds the two together.

Every message is checked when it is made, by whoever makes it: a wrong value raises ProtocolError bad_field.
`to_header` gives the JSON object, arrays as descriptors; `from_header` takes it back, strictly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from math import prod
from typing import Annotated, Any, ClassVar, Optional, TypeVar, Union, get_type_hints

from rigatino_wire import fields as f
from rigatino_wire.errors import Failure, ProtocolError
from rigatino_wire.region import ContextRule

Buffer = Union[bytes, bytearray, memoryview]
R = TypeVar("R", bound="Record")

MAX_FRAME = 1 << 20  # bytes of one frame
MAX_HEADER = 1 << 16  # bytes of the JSON header
MAX_MESSAGE = 1 << 30  # bytes of all arrays of one message
MAX_PIXELS = 100_000_000  # pixels of one image
MAX_CANDIDATES = 12
MAX_LINEAGE = 16  # seeds that name an answer
MAX_PREVIEW = 256  # pixels of a preview's longer side
MAX_NETWORKS = 64
LARGEST = (1 << 53) - 1  # integers beyond are not the same in every JSON reader

ITEM_SIZES = {"u8": 1, "f32": 4}


@dataclass(frozen=True)
class Array:
    """Pixels: C order, `u8` or `f32` (IEEE 754, little endian), `data` of exactly that many bytes.

    Raises ProtocolError bad_field where shape, kind and data do not agree, too_large above the limits.
    """

    dtype: str
    shape: tuple[int, ...]
    data: Buffer = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        if len(self.view) != nbytes(self.dtype, self.shape):
            raise _wrong("array", "data", f"{self.dtype} data of shape {list(self.shape)}")

    @property
    def view(self) -> memoryview:
        """The data as flat bytes, not copied."""
        whole = memoryview(self.data)
        if not whole.c_contiguous:
            raise _wrong("array", "data", "data in one piece")
        return whole.cast("B") if whole.nbytes else memoryview(b"")

    @property
    def nbytes(self) -> int:
        return len(self.view)


def nbytes(dtype: Any, shape: Any) -> int:
    """The size of an array by arithmetic alone, in bytes; raises ProtocolError for what cannot be one."""
    if not isinstance(dtype, str) or dtype not in ITEM_SIZES:
        raise _wrong("array", "dtype", " or ".join(ITEM_SIZES))
    if not isinstance(shape, (list, tuple)) or not 1 <= len(shape) <= 4:
        raise _wrong("array", "shape", "a list of 1 to 4 integers")
    if not all(type(side) is int and 1 <= side <= MAX_PIXELS for side in shape):
        raise _wrong("array", "shape", f"integers from 1 to {MAX_PIXELS}")
    size = prod(shape) * ITEM_SIZES[dtype]
    if size > MAX_MESSAGE:
        raise ProtocolError("too_large", what="array", size=size, limit=MAX_MESSAGE)
    return size


def _array(*axes: str | int) -> f.Rule:
    """An array of these axes, letters for free ones; in JSON its descriptor alone."""

    def check(value: Any) -> Array:
        f.demand(isinstance(value, Array) and len(value.shape) == len(axes))
        f.demand(all(isinstance(axis, str) or axis == side for axis, side in zip(axes, value.shape)))
        if value.shape[-3] * value.shape[-2] > MAX_PIXELS:
            limit = MAX_PIXELS * ITEM_SIZES[value.dtype] * value.shape[-1]
            raise ProtocolError("too_large", what="image", size=value.nbytes, limit=limit)
        return Array(value.dtype, value.shape, value.data)

    def dump(value: Array) -> dict[str, Any]:
        return {"dtype": value.dtype, "shape": list(value.shape)}

    return f.Rule(f"array [{', '.join(map(str, axes))}]", check, dump=dump)


class Record:
    """A frozen dataclass whose fields carry an `f.Rule` each."""

    op: ClassVar[str]

    def __post_init__(self) -> None:
        for name, rule in rules(type(self)).items():
            try:
                object.__setattr__(self, name, rule.check(getattr(self, name)))
            except ValueError:
                raise _wrong(self.op, name, rule.text) from None

    def to_header(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {name: rule.dump(getattr(self, name)) for name, rule in rules(type(self)).items()}

    @classmethod
    def from_header(cls: type[R], header: Mapping[str, Any]) -> R:
        """The record that `to_header` wrote; ProtocolError for unknown, missing or wrong fields."""
        known = rules(cls)
        for name in header:
            if name not in known:
                raise ProtocolError("unknown_field", op=cls.op, field=str(name)[:100])
        for name in required(cls):
            if name not in header:
                raise ProtocolError("missing_field", op=cls.op, field=name)
        return cls(**{name: _loaded(cls.op, name, known[name], value) for name, value in header.items()})


_RULES: dict[str, Mapping[str, f.Rule]] = {}


def rules(kind: type[Any]) -> Mapping[str, f.Rule]:
    """The rules of a record's fields, in their order."""
    if kind.op not in _RULES:
        hints = get_type_hints(kind, include_extras=True)
        _RULES[kind.op] = {one.name: hints[one.name].__metadata__[0] for one in fields(kind)}
    return _RULES[kind.op]


def required(kind: type[Any]) -> list[str]:
    """The fields of a record that have no default."""
    return [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]


def _loaded(op: str, name: str, rule: f.Rule, value: Any) -> Any:
    try:
        return rule.load(value)
    except (ValueError, TypeError):
        raise _wrong(op, name, rule.text) from None


def _wrong(op: str, name: str, expected: str) -> ProtocolError:
    return ProtocolError("bad_field", op=op, field=name, expected=expected)


def _nested(kind: type[Record]) -> f.Rule:
    """A record inside another."""

    def check(value: Any) -> Record:
        if not isinstance(value, kind):
            raise ValueError
        return value

    def load(value: Any) -> Record:
        f.demand(isinstance(value, dict))
        return kind.from_header(value)

    return f.Rule(kind.op, check, load, lambda value: value.to_header())


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


class Message(Record):
    """One message of the protocol; `id` is the request's, in its replies too."""

    id: str

    @classmethod
    def arrays(cls) -> list[str]:
        """The fields that travel as buffers, in their order."""
        return [name for name, rule in rules(cls).items() if rule.text.startswith("array ")]


@dataclass(frozen=True)
class Describe(Message):
    """Asks what the daemon has and takes; answered by Description."""

    op: ClassVar[str] = "describe"
    id: Annotated[str, ID]


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
    image: Annotated[Array, _array("H", "W", 4)]
    hole: Annotated[Array, _array("H", "W", 1)]
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
            raise _wrong(self.op, "hole", "an array of the image's height and width")


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
    networks: Annotated[Sequence[NetworkInfo], f.several(_nested(NetworkInfo), MAX_NETWORKS)]
    limits: Annotated[Limits, _nested(Limits)]


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
    image: Annotated[Array, _array("H", "W", 4)]
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
    fill: Annotated[Array, _array("K", "H", "W", 4)]
    answers: Annotated[Sequence[Answer], f.several(_nested(Answer), MAX_CANDIDATES)] = ()
    latent: Annotated[str, f.text(16384)] = ""
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


REQUESTS: tuple[type[Message], ...] = (Describe, Fill, Cancel, Status, Stop)
Work = Fill
WORK = (Fill,)  # requests that a worker does, each answered by Filled
REPLIES: tuple[type[Message], ...] = (Description, Progress, Preview, Filled, Failed, StatusReport, Done)
KINDS: Mapping[str, type[Message]] = {kind.op: kind for kind in (*REQUESTS, *REPLIES)}


def array_sizes(kind: type[Message], header: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The arrays that a header announces and their bytes, by arithmetic; ProtocolError for what cannot be."""
    for name in kind.arrays():
        descriptor = header.get(name)
        if not isinstance(descriptor, dict) or set(descriptor) != {"dtype", "shape"}:
            raise _wrong(kind.op, name, rules(kind)[name].text)
        yield name, nbytes(descriptor["dtype"], descriptor["shape"])
