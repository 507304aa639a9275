"""PIC's two paths, its losses by hand, and spectral normalisation while it trains."""

from __future__ import annotations

import math
from pathlib import Path

import pic_reference as reference
import pytest
import torch
from model_support import picture
from pic_reference import Shape
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from rigatino_models import convert
from rigatino_models.pic import losses
from rigatino_models.pic.critic import Critic
from rigatino_models.pic.losses import Verdicts, Weights
from rigatino_models.pic.net import Gaussian, Pic, PicConfig
from rigatino_models.pic.paths import Paths, pyramid, two_paths
from rigatino_models.pic.spectral import at_rest, normalised

TINY = PicConfig((4, 8, 8, 8, 8), latent=3, inference=1)
SIDE = 64


def test_both_paths_equal_the_original(tmp_path: Path) -> None:
    states = reference.make()
    net = convert.load(reference.write(tmp_path / "x", states))
    assert isinstance(net, Pic)
    image, hole = picture(SIDE, SIDE, number=2)
    eps = torch.randn(2, 2, Shape().latent, 2, 2)
    with torch.no_grad():
        mean, std, features = reference.encode(states["E"], (2 * image - 1) * (1 - hole))
        rebuilt_mean, rebuilt_std, _ = reference.encode(states["E"], (2 * image - 1) * hole, "posterior")
        found = two_paths(net, image, hole, (eps[0], eps[1]))
        latents = (rebuilt_mean + rebuilt_std * eps[0], mean + std * eps[1])
        rebuilt, drawn = (reference.generate(states["G"], z, features, 1 - hole) for z in latents)
    close = [*zip(found.rebuilt, rebuilt, strict=True), *zip(found.drawn, drawn, strict=True)]
    close += [(found.posterior.mean, rebuilt_mean), (found.posterior.std, rebuilt_std)]
    close += [(found.prior.mean, mean), (found.prior.std, std)]
    for ours, theirs in close:
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4 * float(theirs.square().mean().sqrt()))


def test_the_pyramid_keeps_corners() -> None:
    x = torch.arange(64.0).view(1, 1, 8, 8)
    sizes = [level.shape[-1] for level in pyramid(x, 4)]
    assert sizes == [1, 2, 4, 8]
    for level in pyramid(x, 3):
        assert (level[0, 0, 0, 0], level[0, 0, -1, -1]) == (0, 63)


def test_how_wide_a_posterior_should_be() -> None:
    """One half where 80 % are known, by a logistic of slope 8."""
    hole = torch.zeros(3, 1, 10, 10)
    hole[1, :, :2] = 1
    hole[2] = 1
    std = losses.expected(hole, gaussian(0.0, 1.0, 3)).std[:, 0, 0, 0]
    expected = [1 / (1 + math.exp(1.6)), 0.5, 1 / (1 + math.exp(-6.4))]
    assert std.tolist() == pytest.approx(expected, abs=1e-4)


def gaussian(mean: float, std: float, number: int = 1) -> Gaussian:
    shape = (number, 2, 4, 4)
    return Gaussian(torch.full(shape, mean), torch.full(shape, std))


def test_divergence() -> None:
    by_hand = math.log(2) + (1 + 9) / 8 - 0.5  # of N(0,1) from N(3,2)
    found = losses.divergence(gaussian(0, 1), gaussian(3, 2))
    assert float(found) == pytest.approx(by_hand, abs=1e-6)
    means, stds = torch.randn(2, 1, 3, 4, 4), torch.rand(2, 1, 3, 4, 4) + 0.1
    p, q = (Gaussian(m, s) for m, s in zip(means, stds, strict=True))
    expected = kl_divergence(Normal(p.mean, p.std), Normal(q.mean, q.std)).mean()
    torch.testing.assert_close(losses.divergence(p, q), expected)


def test_reconstruction_adds_up_over_scales() -> None:
    truth = torch.zeros(1, 3, 8, 8)
    answers = [torch.full((1, 3, side, side), value) for side, value in ((4, 0.5), (8, -0.25))]
    assert float(losses.reconstruction(answers, truth)) == pytest.approx(0.75)
    half = torch.zeros(1, 1, 8, 8)
    half[..., :4] = 1
    # The mean is over all pixels; at 4x4 the columns lie at 0, 7/3, 14/3 and 7 of the mask: 1, 1, 0, 0.
    assert float(losses.reconstruction(answers, truth, half)) == pytest.approx(0.375)


def test_a_critic_is_least_squares() -> None:
    real, fake = torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.0])
    assert float(losses.critic_loss(real, fake)) == pytest.approx((0.5 + 0.125) / 2)


def test_the_terms_and_their_weights() -> None:
    truth = torch.zeros(1, 3, 8, 8)
    hole = torch.ones(1, 1, 8, 8)
    ones = [torch.ones(1, 3, side, side) for side in (1, 2, 4, 8)]
    wide = float(losses.expected(hole, gaussian(0, 1)).std[0, 0, 0, 0])
    paths = Paths(ones, ones, gaussian(0, wide), gaussian(2 * wide, wide))
    verdicts = Verdicts(torch.tensor([3.0]), torch.tensor([2.0]), torch.tensor([0.5]))
    found = losses.generator_losses(paths, truth, hole, verdicts)
    assert {name: round(float(term), 3) for name, term in found.items()} == {
        "kl_posterior": 0,
        "kl_prior": 20 * 4 * 2,
        "rebuilt": 20 * 4,
        "drawn": 0,
        "adversarial_rebuilt": 2.25,
        "adversarial_drawn": 4,
    }
    other = losses.generator_losses(paths, truth, 0 * hole, verdicts, Weights(1, 0, 10))
    assert float(other["drawn"]) == pytest.approx(4)
    assert float(other["adversarial_drawn"]) == pytest.approx(40)
    assert float(other["kl_prior"]) == 0


def test_every_parameter_learns() -> None:
    """All terms together reach all of encoder, posterior and generator; the drawn path does not move the posterior."""
    net, critics, terms = one_step()
    torch.stack(list(terms.values())).sum().backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
    net.zero_grad()
    net, critics, terms = one_step()
    (terms["kl_prior"] + terms["drawn"] + terms["adversarial_drawn"]).backward()
    assert all(p.grad is None for p in net.encoder.posterior.parameters())
    real, fake = (critic(x) for critic, x in zip(critics, torch.rand(2, 1, 3, 128, 128), strict=True))
    losses.critic_loss(real, fake).backward()
    assert all(p.grad is not None for critic in critics for p in critic.parameters())


def one_step() -> tuple[Pic, list[Critic], dict[str, Tensor]]:
    torch.manual_seed(0)
    net = normalised(Pic(TINY))
    critics = [normalised(Critic((4, 8, 8, 8, 8))) for _ in range(2)]
    image, hole = picture(128, 128)
    eps = torch.randn(2, 1, 3, 4, 4)
    paths = two_paths(net, image, hole, (eps[0], eps[1]))
    truth = 2 * image - 1
    verdicts = Verdicts(critics[0](paths.drawn[-1]), critics[1](paths.rebuilt[-1]), critics[1](truth))
    return net, critics, losses.generator_losses(paths, truth, hole, verdicts)


def test_normalised_convolutions_have_a_largest_singular_value_of_one() -> None:
    torch.manual_seed(0)
    net = normalised(Pic(TINY))
    image, hole = picture(SIDE, SIDE)
    for _ in range(100):
        with torch.no_grad():
            net(image, hole)
    state = at_rest(net)
    assert net.training
    plain = Pic(TINY).eval()
    plain.load_state_dict(state)
    used = {k: v for k, v in state.items() if v.dim() == 4 and "posterior" not in k}
    for key, weight in used.items():
        largest = float(torch.linalg.matrix_norm(weight.flatten(1), 2))
        assert ("query_conv" in key) != (largest == pytest.approx(1, abs=0.02)), key
    with torch.no_grad():
        torch.testing.assert_close(plain(image, hole), net.eval()(image, hole))
