"""The way to the daemon, and what GIMP shows while it works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from gi.repository import Gimp

from rigatino_gimp import installed, texts
from rigatino_wire.client import Client
from rigatino_wire.messages import Description, Filled, Preview, Progress, Work
from rigatino_wire.several import Whole


def describe(task: str = "fill") -> Description:
    """What the daemon offers for a task; it is started where none runs. Raises Failure."""
    with _connect() as client:
        return client.describe(task)


def classes(network: str) -> Sequence[str]:
    """The names of the classes that a network paints. Raises Failure."""
    with _connect() as client:
        return client.classes(network)


def fill(
    request: Work,
    on_progress: Callable[[Progress], None] | None = None,
    on_preview: Callable[[Preview], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    whole: Whole = float,
) -> Filled:
    """Has the daemon do the work while GIMP's progress bar tells of it; the functions are those of `Client.fill`.
    `whole`: what the bar is to show for the fraction that is done.

    Raises Failure. Cancelling in GIMP ends the plug-in's process at once; the daemon notices that its client is gone.
    """

    def show(progress: Progress) -> None:
        _show(progress, whole(progress.fraction))
        if on_progress is not None:
            on_progress(progress)

    with _connect() as client:
        filled = client.fill(request, on_progress=show, cancelled=cancelled, on_preview=on_preview)
    Gimp.progress_update(whole(1.0))  # quick work ends before anything was told of it
    return filled


def start_progress() -> None:
    """Opens GIMP's progress bar."""
    Gimp.progress_init(texts.STAGES["starting"])


def end_progress() -> None:
    """Takes GIMP's progress bar away."""
    Gimp.progress_end()


def _connect() -> Client:
    return installed.connect(on_wait=Gimp.progress_pulse)


def _show(progress: Progress, fraction: float) -> None:
    Gimp.progress_set_text(texts.stage(progress))
    if fraction > 0:
        Gimp.progress_update(fraction)
    else:
        Gimp.progress_pulse()
