"""A progress bar on stderr, where that is a terminal."""

from __future__ import annotations

from types import TracebackType

from tqdm import tqdm

from rigatino_wire.errors import Cancelled

WORDS = {
    "queued": "waiting",
    "starting": "starting the worker",
    "loading": "loading the network",
    "filling": "filling",
}


class Bar:
    """Shows stage and fraction of a fill; a context manager, which Ctrl+C leaves as Cancelled."""

    def __init__(self) -> None:
        self._bar = tqdm(total=1.0, leave=False, disable=None, bar_format="{desc} {percentage:3.0f}% |{bar}|")

    def show(self, stage: str, fraction: float) -> None:
        """Stage by its wire name, fraction of it done in [0,1]."""
        self._bar.set_description_str(WORDS.get(stage, stage), refresh=False)
        self._bar.n = fraction
        self._bar.refresh()

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        if kind is KeyboardInterrupt:
            raise Cancelled


class Bytes:
    """A bar of bytes that come; a context manager."""

    def __init__(self) -> None:
        self._bar = tqdm(leave=False, disable=None, unit="B", unit_scale=True, unit_divisor=1024)

    def show(self, there: int, total: int) -> None:
        """How many bytes are there, of how many; 0 = nobody knows."""
        self._bar.total = total or None
        self._bar.n = there
        self._bar.update(0)

    def __enter__(self) -> Bytes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
