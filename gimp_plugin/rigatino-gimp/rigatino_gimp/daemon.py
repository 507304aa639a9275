"""The way to the daemon, and what GIMP shows while it works."""

from __future__ import annotations

from gi.repository import Gimp

from rigatino_gimp import installed, texts
from rigatino_wire.client import Client
from rigatino_wire.messages import Description, Fill, Filled, Progress


def describe() -> Description:
    """What the daemon offers; it is started where none runs. Raises Failure."""
    with _connect() as client:
        return client.describe()


def fill(request: Fill) -> Filled:
    """Has the daemon do the work while GIMP's progress bar tells of it. Raises Failure.

    Cancelling in GIMP ends the plug-in's process at once; the daemon notices that its client is gone.
    """
    with _connect() as client:
        return client.fill(request, on_progress=_show)


def start_progress() -> None:
    """Opens GIMP's progress bar."""
    Gimp.progress_init(texts.STAGES["starting"])


def _connect() -> Client:
    return installed.connect(on_wait=Gimp.progress_pulse)


def _show(progress: Progress) -> None:
    Gimp.progress_set_text(texts.stage(progress))
    if progress.fraction > 0:
        Gimp.progress_update(progress.fraction)
    else:
        Gimp.progress_pulse()
