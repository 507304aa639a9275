"""Weights out of files of every format that people have, without ever running code from the file.

Formats: safetensors; torch's zip format and the one before torch 1.6, with Lightning's extras or plain;
TorchScript archives; Caffe's .caffemodel; the original LaMa's folder (config.yaml, models/best.ckpt), PIC's
(latest_net_E.pth, latest_net_G.pth), or a zip of either; NumPy's .npz with arrays alone, as chainer saves them, and
folders of these.
"""

from __future__ import annotations

from rigatino_models.checkpoint.state import Entry, LoadedState, StateFile, load_state, open_state

__all__ = ["Entry", "LoadedState", "StateFile", "load_state", "open_state"]
