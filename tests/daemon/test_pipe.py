"""Records between daemon and worker."""

from __future__ import annotations

import io

import pytest

from rigatino import pipe


def test_records_come_out_as_they_went_in() -> None:
    stream = io.BytesIO()
    pipe.write(stream, "fill", {"job": 7}, [b"abc", memoryview(b""), bytearray(5)])
    pipe.write(stream, "cancel", {"job": 7})
    stream.seek(0)
    first, second = pipe.records(stream)
    assert first == ("fill", {"job": 7}, [b"abc", b"", bytes(5)])
    assert second == ("cancel", {"job": 7}, [])


@pytest.mark.parametrize("cut", [5, 20, -1])
def test_a_record_that_is_cut_short_is_none(cut: int) -> None:
    stream = io.BytesIO()
    pipe.write(stream, "fill", {"job": 7}, [b"abc"])
    with pytest.raises(ValueError, match="within a record"):
        list(pipe.records(io.BytesIO(stream.getvalue()[:cut])))


def test_the_end_between_records_is_the_end() -> None:
    assert list(pipe.records(io.BytesIO(b""))) == []
