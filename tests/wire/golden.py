"""One message of every kind, as docs/protocol.md spells them out byte by byte."""

from __future__ import annotations

from rigatino_wire.errors import Failure
from rigatino_wire.messages import (
    Answer,
    Array,
    Cancel,
    Describe,
    Description,
    Done,
    Failed,
    Fill,
    Filled,
    Limits,
    Message,
    NetworkInfo,
    Preview,
    Progress,
    Status,
    StatusReport,
    Stop,
)
from rigatino_wire.region import ContextRule

KEY = bytes(range(32))

NETWORK = NetworkInfo(
    name="small",
    title="Small LaMa",
    good_for="photographs",
    licence="Apache-2.0",
    weights_licence="CC0-1.0",
    multiple=8,
    minimum=16,
    comfortable=512,
    rule=ContextRule(factor=2.0, margin=64, minimum=256),
    stochastic=False,
    paper="arXiv:2109.07161",
)

MESSAGES: tuple[Message, ...] = (
    Describe(id="a1"),
    Fill(
        id="a2",
        image=Array("u8", (1, 2, 4), bytes(range(8))),
        hole=Array("u8", (1, 2, 1), b"\x00\xff"),
        offset=(-3, 40),
        network="small",
        grow=2,
        feather=1.5,
        seed=7,
        precision="fp32",
        candidates=2,
        detail=False,
        variety=0.5,
        near=(11, 12),
        seam="poisson",
        quality="best",
        deadline_ms=30000,
    ),
    Cancel(id="a3", job="a2"),
    Status(id="a4"),
    Stop(id="a5"),
    Description(
        id="a1",
        version="0.1.0",
        device="cpu",
        precision="fp32",
        default_network="small",
        networks=(NETWORK,),
        limits=Limits(max_pixels=4000000, max_message=100000000, max_frame=1048576),
    ),
    Progress(id="a2", stage="filling", fraction=0.25, position=0),
    Preview(
        id="a2",
        image=Array("u8", (1, 2, 4), bytes(range(8, 16))),
        number=0,
        count=2,
        lineage=(11, 12, 7),
    ),
    Filled(
        id="a2",
        offset=(-3, 40),
        seed=7,
        network="small",
        weights="0" * 64,
        scale=1.0,
        precision="fp32",
        device="cpu",
        fill=Array("f32", (1, 1, 1, 4), bytes.fromhex("0000003f 0000803e 00000000 0000803f")),
        answers=(Answer(lineage=(11, 12, 7), score=0.5),),
        latent="AAAAPw==",
        notes=("The picture was scaled down.",),
        seconds={"network": 0.5},
    ),
    Failed(
        id="a2",
        failure=Failure.from_json(
            {"code": "moon_full", "params": {"phase": 4}, "sentence": "The moon is full.", "hint": "Wait."}
        ),
    ),
    StatusReport(
        id="a4",
        version="0.1.0",
        pid=4711,
        started=1700000000.0,
        endpoint="ipc:///run/daemon.sock",
        log="/run/daemon.log",
        device="cpu",
        precision="fp32",
        worker_pid=4712,
        worker_memory=123456789,
        resident=("small",),
        queued=1,
        running=1,
        done=12,
    ),
    Done(id="a5"),
)
