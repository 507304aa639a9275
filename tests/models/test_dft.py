"""Fourier transforms as products are the FFT's, at any size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rigatino_models.lama.fast import FoldedFourier
from rigatino_models.layers import dft
from rigatino_models.layers.ffc import FourierUnit

SIZES = [(8, 8), (6, 10), (7, 9), (5, 16), (1, 4), (2, 2), (12, 1)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_spectrum_is_that_of_an_fft(height: int, width: int) -> None:
    x = picture(height, width)
    expected = torch.fft.rfft2(x, dim=(1, 2), norm="ortho")
    apart = torch.cat((expected.real, expected.imag), -1)
    torch.testing.assert_close(dft.spectrum(x), apart, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_picture_is_that_of_an_fft_from_any_numbers(height: int, width: int) -> None:
    torch.manual_seed(height)
    mixed = torch.randn(2, height, width // 2 + 1, 6, dtype=torch.float64)  # the spectrum of no picture
    real, imaginary = mixed.chunk(2, -1)
    expected = torch.fft.irfft2(torch.complex(real, imaginary), s=(height, width), dim=(1, 2), norm="ortho")
    torch.testing.assert_close(dft.picture(mixed, width), expected, rtol=0, atol=1e-12)


def test_gradients_flow_where_the_matrices_were_made_without() -> None:
    with torch.inference_mode():
        dft.spectrum(picture(10, 6))
    x = picture(10, 6).requires_grad_()
    dft.picture(dft.spectrum(x), 6).square().sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    torch.testing.assert_close(x.grad, 2 * x.detach())


@pytest.mark.parametrize("width", [12, 33, dft.LARGEST + 2])
def test_a_fourier_unit_in_bf16_is_the_plain_one(width: int) -> None:
    torch.manual_seed(width)
    unit = FourierUnit(8).train()
    x = torch.randn(2, 8, 20, width) + 0.5
    with torch.no_grad():
        for _ in range(20):
            unit(x)  # BatchNorm learns its statistics
        expected = unit.eval()(x).permute(0, 2, 3, 1)
        found = FoldedFourier(unit).bfloat16()(x.permute(0, 2, 3, 1).bfloat16())
    assert dft.wins(x.permute(0, 2, 3, 1).bfloat16()) == (width <= dft.LARGEST)
    assert (found - expected).abs().max() < 0.03 * expected.abs().max()


def picture(height: int, width: int) -> Tensor:
    """[2,H,W,3] in float64."""
    torch.manual_seed(height * width)
    return torch.randn(2, height, width, 3, dtype=torch.float64)
